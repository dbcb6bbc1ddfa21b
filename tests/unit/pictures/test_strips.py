"""Large pictures are made narrow strip by strip, most of them while they are decoded."""

from __future__ import annotations

import random

import pytest
from PIL import Image

from common.model.input import InputSpec
from common.pictures.child import images, strips
from common.pictures.protocol import Refusal
from tests.support.picture_files import (
    EFFICIENTNET,
    INCEPTION,
    UPRIGHT_CORNERS,
    WHOLE,
    decoded,
    photo,
    reference_pixels,
    saved,
)
from tests.unit.pictures.varied import SMALL_INPUT, SMALL_PIECES, VARIED


def in_strips(
    content: bytes, spec: InputSpec = SMALL_INPUT, *, limits: strips.StripLimits = SMALL_PIECES
) -> bytes | Refusal:
    return images.decode_to_pixels(content, spec, limits=limits)


def all_at_once(content: bytes) -> bytes | Refusal:
    """What the reference makes of a file's whole picture, or why the file is refused."""
    picture = images.decode(content)
    return picture if isinstance(picture, Refusal) else reference_pixels(picture, SMALL_INPUT)


@pytest.mark.parametrize("spec", [INCEPTION, EFFICIENTNET], ids=lambda spec: spec.model)
@pytest.mark.parametrize("name", VARIED)
def test_a_large_picture_has_the_reference_s_pixels_of_the_whole_picture(name: str, spec: InputSpec) -> None:
    assert in_strips(VARIED[name], spec) == reference_pixels(decoded(VARIED[name]), spec)


def test_a_row_that_comes_in_several_passes_is_not_taken_before_the_last() -> None:
    row_by_row = SMALL_PIECES._replace(strip_pixels=1)  # as of a picture that is very wide
    content = VARIED["interlaced PNG"]

    assert in_strips(content, limits=row_by_row) == reference_pixels(decoded(content), SMALL_INPUT)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", UPRIGHT_CORNERS)
@pytest.mark.parametrize("size", [(160, 120), (120, 160), (90, 300), (300, 90)])
def test_a_large_picture_is_turned_upright(orientation: int, format_: str, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(photo(size), format_, exif=exif, speed=10)  # which only AVIF knows

    assert in_strips(content) == reference_pixels(decoded(content), SMALL_INPUT)


def test_a_png_that_says_behind_its_pixels_how_to_turn_it_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned, plain = saved(photo(), "PNG", exif=exif), saved(photo(), "PNG")
    start = turned.index(b"eXIf") - 4
    chunk = turned[start : start + 12 + int.from_bytes(turned[start : start + 4])]
    content = plain[:-12] + chunk + plain[-12:]

    assert in_strips(content) == reference_pixels(photo().rotate(270, expand=True), SMALL_INPUT)


@pytest.mark.parametrize("name", WHOLE)
def test_a_large_picture_cut_off_anywhere_is_refused_as_a_small_one_is(name: str) -> None:
    whole = WHOLE[name]
    # The header at each byte: it has no pixel yet, and Pillow raises no error where it thinks that it has a picture.
    ends = {*range(650), *range(0, len(whole), max(1, len(whole) // 50)), *range(len(whole) - 30, len(whole))}

    for end in sorted(ends):
        assert in_strips(whole[:end]) == all_at_once(whole[:end]), end


@pytest.mark.parametrize("name", VARIED)
def test_a_damaged_large_picture_gives_what_a_small_one_gives(name: str) -> None:
    chance = random.Random(name)  # noqa: S311 -- the same damage in every run
    for _ in range(15):
        content = bytearray(VARIED[name])
        for _ in range(chance.choice((1, 3, 30))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        assert in_strips(bytes(content)) == all_at_once(bytes(content))
