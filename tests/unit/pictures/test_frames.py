"""Of an animation the first of ten frames counts that is not blank."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from PIL import Image

from common.pictures.child import frames, images
from common.pictures.protocol import Whole
from tests.support.picture_files import (
    BLUE,
    GREEN,
    RED,
    UPRIGHT_CORNERS,
    WHITE,
    corners,
    decoded,
    difference,
    four_corners,
    photo,
    reference_pixels,
    saved,
)
from tests.unit.pictures.varied import SMALL_INPUT, SMALL_PIECES

SIZE = (96, 64)
PICTURE, OTHER = photo(), photo().transpose(Image.Transpose.ROTATE_180)
EXACT: dict[str, dict[str, Any]] = {
    "GIF": {"disposal": 1},
    "WEBP": {"lossless": True, "exact": True},
    "AVIF": {"quality": 95},
}
FORMATS = pytest.mark.parametrize("format_", EXACT)


def blank(colour: Any = "white") -> Image.Image:
    return Image.new("RGB", SIZE, colour)


def moving(format_: str, *pictures: Image.Image, **options: Any) -> bytes:
    first, *others = pictures
    # Pillow drops a frame that is the same as the one before, if both have no time.
    times = {"duration": [100 + number for number in range(len(pictures))]}
    return saved(first, format_, save_all=True, append_images=others, **times, **EXACT[format_], **options)


def alike(content: bytes, expected: Image.Image) -> bool:
    """Whether the file gives that picture: whole, as a large one in strips, and for a second look."""
    if format_is_gif(content):
        expected = expected.quantize(256).convert("RGB")
    made = decoded(content)
    assert images.decode_to_pixels(content, SMALL_INPUT) == reference_pixels(made, SMALL_INPUT)
    assert images.decode_to_pixels(content, SMALL_INPUT, limits=SMALL_PIECES) == reference_pixels(made, SMALL_INPUT)
    cut = Whole(SMALL_INPUT.resize, SMALL_INPUT.interpolation)
    whole = images.decode_to_whole(content, cut)
    assert isinstance(whole, bytes)
    width, height = struct.unpack_from("<HH", whole)
    small = Image.frombytes("RGB", (width, height), whole[4 : 4 + 3 * width * height])
    assert difference(small, made.resize(small.size, Image.Resampling.BILINEAR)) < 8
    return difference(made, expected) < 8


def format_is_gif(content: bytes) -> bool:
    return content.startswith(b"GIF")


@FORMATS
@pytest.mark.parametrize("colour", ["white", "black", (12, 34, 56)], ids=str)
def test_a_first_frame_of_one_colour_does_not_count(format_: str, colour: Any) -> None:
    assert alike(moving(format_, blank(colour), PICTURE, OTHER), PICTURE)


@FORMATS
def test_nor_do_several(format_: str) -> None:
    assert alike(moving(format_, blank("black"), blank("white"), blank("red"), OTHER, PICTURE), OTHER)


@FORMATS
def test_a_transparent_first_frame_does_not_count(format_: str) -> None:
    clear = PICTURE.convert("RGBA")
    clear.putalpha(0)

    assert alike(moving(format_, clear, PICTURE.convert("RGBA")), PICTURE)


def test_a_blank_frame_stored_with_loss_does_not_count() -> None:
    for colour in (RED, BLUE, (130, 7, 99)):
        content = saved(blank(colour), "WEBP", save_all=True, append_images=[PICTURE], duration=100, quality=30)
        assert difference(decoded(content), PICTURE) < 20


@FORMATS
def test_a_first_frame_with_a_picture_counts(format_: str) -> None:
    assert alike(moving(format_, PICTURE, OTHER, blank()), PICTURE)
    speck = blank()
    speck.paste(RED, (90, 60, 92, 62))
    assert difference(decoded(moving("GIF", speck, PICTURE)), speck) < 1


@FORMATS
def test_frames_behind_the_tenth_do_not_count(format_: str) -> None:
    colours = [(number * 20, 0, 0) for number in range(12)]
    blanks = [blank(colour) for colour in colours]

    assert alike(moving(format_, *blanks[:9], PICTURE), PICTURE)
    assert alike(moving(format_, *blanks[:10], PICTURE), blank(colours[0]))


@FORMATS
def test_if_all_are_blank_it_is_the_first(format_: str) -> None:
    assert alike(moving(format_, blank(GREEN), blank(RED), blank(BLUE)), blank(GREEN))


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "AVIF", "PNG", "JPEG", "BMP"])
def test_a_blank_picture_is_blank(format_: str) -> None:
    assert difference(decoded(saved(blank(GREEN), format_)), blank(GREEN)) < 3


@FORMATS
def test_a_broken_later_frame_does_no_harm(format_: str) -> None:
    content = moving(format_, PICTURE, OTHER)
    second = content.rindex({"GIF": b"!\xf9", "WEBP": b"ANMF", "AVIF": b"mdat"}[format_])
    at = second + (len(content) - second) * 9 // 10
    for first in (PICTURE, blank(GREEN)):
        content = moving(format_, first, OTHER)
        broken = content[:at] + b"\xff" * 20 + content[at + 20 :]
        assert isinstance(images.decode(broken), Image.Image)


def test_a_gif_that_is_cut_off_in_a_later_frame_is_its_first() -> None:
    content = moving("GIF", blank(GREEN), OTHER)
    second = content.rindex(b"!\xf9")

    for end in range(second + 10, len(content) - 100, 200):
        assert difference(decoded(content[:end]), blank(GREEN)) < 1


def test_a_later_frame_that_is_larger_than_a_gif_does_not_count() -> None:
    # It would make the picture larger than what was judged.
    content = moving("GIF", blank(GREEN), OTHER)
    at = content.rindex(b"!\xf9") + 8
    assert content[at : at + 1] == b","
    larger = content[: at + 5] + struct.pack("<HH", 60_000, 60) + content[at + 9 :]

    assert decoded(larger).size == SIZE
    assert difference(decoded(larger), blank(GREEN)) < 1


@pytest.mark.parametrize("orientation", UPRIGHT_CORNERS)
def test_a_later_frame_is_turned_as_the_first_would_be(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation

    content = moving("WEBP", Image.new("RGB", (64, 32), "gray"), four_corners(), exif=exif)

    assert corners(decoded(content)) == UPRIGHT_CORNERS[orientation]


def test_transparency_of_a_later_frame_is_white() -> None:
    clear = PICTURE.convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 48, 64))
    expected = PICTURE.copy()
    expected.paste(WHITE, (0, 0, 48, 64))

    content = moving("WEBP", Image.new("RGBA", SIZE, (0, 0, 0, 0)), clear)

    assert difference(decoded(content), expected) < 1


def test_few_frames_of_the_largest_size_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_MAX_PIXELS", 2 * SIZE[0] * SIZE[1])

    assert alike(moving("GIF", blank("black"), PICTURE), PICTURE)
    assert alike(moving("GIF", blank("black"), blank("red"), PICTURE), blank("black"))
