"""The whole picture, for a second look."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageChops

from common.pictures.child import images
from common.pictures.child.strips import LIMITS, StripLimits
from common.pictures.protocol import (
    REQUEST_BYTES,
    Refusal,
    ReplyKind,
    StrayReply,
    Whole,
    expect_reply,
    expect_whole,
    pack_size,
    read_request,
    reply,
    request,
    whole_bytes,
)
from tests.support.picture_files import UPRIGHT_CORNERS, decoded, photo, reference_pixels, saved
from tests.unit.pictures.varied import SMALL_INPUT, SMALL_PIECES, VARIED

CUT = Whole(SMALL_INPUT.resize, SMALL_INPUT.interpolation)


def whole(content: bytes, limits: StripLimits = LIMITS) -> tuple[Image.Image, Image.Image]:
    """The picture and its larger copy."""
    made = images.decode_to_whole(content, CUT, limits=limits)
    assert isinstance(made, bytes), made
    width, height = expect_whole(made, CUT)
    end = 4 + 3 * width * height
    return (
        Image.frombytes("RGB", (width, height), made[4:end]),
        Image.frombytes("RGB", (2 * width, 2 * height), made[end:]),
    )


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures' values, of 255."""
    return float(np.asarray(ImageChops.difference(one, other)).mean())


@pytest.mark.parametrize(
    ("size", "made"),
    [
        ((300, 200), (102, 68)),
        ((200, 300), (68, 102)),
        ((90, 90), (68, 68)),
        ((20, 30), (68, 102)),
        ((500, 200), (170, 68)),
        ((1000, 200), (170, 68)),
        ((200, 1990), (68, 170)),
        ((301, 200), (102, 68)),
    ],
)
def test_a_picture_keeps_its_shape_up_to_two_and_a_half_times_as_long_as_wide(
    size: tuple[int, int], made: tuple[int, int]
) -> None:
    small, large = whole(saved(photo(size), "PNG"))

    assert small.size == made
    assert large.size == (2 * made[0], 2 * made[1])


def test_of_a_longer_picture_it_is_the_middle() -> None:
    stripes = Image.new("RGB", (1000, 100), "red")
    stripes.paste("blue", (375, 0, 625, 100))

    small, _ = whole(saved(stripes, "PNG"))

    assert small.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)) == (0, 0, 255)


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (250, 250)])
def test_its_centre_is_what_the_model_gets_in_the_first_look(size: tuple[int, int]) -> None:
    content = saved(photo(size), "PNG")
    first = Image.frombytes("RGB", (SMALL_INPUT.crop,) * 2, reference_pixels(decoded(content), SMALL_INPUT))

    small, _ = whole(content)

    left, top = (round((side - SMALL_INPUT.crop) / 2) for side in small.size)
    assert difference(first, small.crop((left, top, left + SMALL_INPUT.crop, top + SMALL_INPUT.crop))) < 2


@pytest.mark.parametrize("name", VARIED)
def test_a_large_picture_in_strips_is_the_same_as_one_at_once(name: str) -> None:
    assert images.decode_to_whole(VARIED[name], CUT, limits=SMALL_PIECES) == images.decode_to_whole(VARIED[name], CUT)


@pytest.mark.parametrize("limits", [LIMITS, SMALL_PIECES], ids=["at once", "in strips"])
@pytest.mark.parametrize("orientation", UPRIGHT_CORNERS)
def test_it_is_upright(orientation: int, limits: StripLimits) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(photo((240, 160)), "PNG", exif=exif)

    small, large = whole(content, limits)

    assert difference(small, decoded(content).resize(small.size, Image.Resampling.BILINEAR)) < 2
    assert difference(large, decoded(content).resize(large.size, Image.Resampling.BILINEAR)) < 2


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (saved(photo((1100, 100)), "PNG"), Refusal.TOO_THIN),
        (b"hello", Refusal.NO_IMAGE),
        (saved(photo(), "PNG")[:-400], Refusal.DAMAGED),
    ],
)
def test_what_cannot_be_shown_whole_is_refused(content: bytes, refusal: Refusal) -> None:
    assert images.decode_to_whole(content, CUT) is refusal


def test_a_request_says_what_is_wanted_and_a_worker_of_the_version_before_asks_as_before() -> None:
    asked = read_request(request(7, CUT, 99))
    assert (asked.number, asked.resize, asked.interpolation, asked.length, asked.whole) == (7, 68, "bilinear", 99, True)
    # As version 0.2 packs it: number, resize, crop, interpolation, length
    before = b"\x07\0\0\0" + b"\x44\0" + b"\x3c\0" + b"\1" + b"\x63\0\0\0"
    assert len(before) == REQUEST_BYTES
    assert read_request(before) == (7, 68, 60, "bicubic", 99, False)
    assert request(7, read_request(before), 99) == before


@pytest.mark.parametrize(
    "size", [(67, 68), (68, 67), (69, 69), (68, 171), (0, 0), (68, 0), (65535, 68)], ids=lambda size: f"{size}"
)
def test_a_picture_of_a_size_that_was_not_asked_for_is_not_believed(size: tuple[int, int]) -> None:
    with pytest.raises(StrayReply):
        expect_whole(pack_size(*size) + bytes(whole_bytes(*size) - 4 if size[0] < 1000 else 0), CUT)


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_picture_with_a_byte_too_few_or_too_many_is_not_believed(wrong: int) -> None:
    with pytest.raises(StrayReply):
        expect_whole(pack_size(68, 100) + bytes(whole_bytes(68, 100) - 4 + wrong), CUT)


def test_no_reply_is_longer_than_the_longest_picture() -> None:
    most = whole_bytes(68, 170)
    assert expect_reply(reply(1, ReplyKind.WHOLE, most), 1, CUT) == (ReplyKind.WHOLE, most)
    for header in (
        reply(1, ReplyKind.WHOLE, most + 1),
        reply(2, ReplyKind.WHOLE, most),
        reply(1, ReplyKind.PIXELS, 3 * 60**2),
    ):
        with pytest.raises(StrayReply):
            expect_reply(header, 1, CUT)
    with pytest.raises(StrayReply):
        expect_reply(reply(1, ReplyKind.WHOLE, 100), 1, SMALL_INPUT)
