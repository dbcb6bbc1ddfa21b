from __future__ import annotations

import struct
from typing import Any

import pytest
from PIL import Image

from tests.support.picture_files import BLUE, RED, decoded, difference, photo, png, row, saved


@pytest.mark.parametrize(
    ("format_", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95}, 4),
        ("JPEG", {"quality": 95, "progressive": True}, 4),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 5),
        ("BMP", {}, 0),
        ("AVIF", {"quality": 95}, 5),
        ("MPO", {"quality": 95, "save_all": True, "append_images": [Image.new("RGB", (96, 64))]}, 4),
    ],
)
def test_every_format_gives_its_picture(format_: str, options: dict[str, Any], tolerance: float) -> None:
    assert difference(decoded(saved(photo(), format_, **options)), photo()) <= tolerance


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_an_animation_the_first_frame_counts(format_: str) -> None:
    first, second = Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), BLUE)
    content = saved(first, format_, save_all=True, append_images=[second], duration=100)

    assert difference(decoded(content), first) < 3


@pytest.mark.parametrize("format_", ["PNG", "GIF", "BMP"])
@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_black_and_white_greyscale_and_palette_are_right(format_: str, mode: str) -> None:
    picture = photo().convert(mode)

    assert difference(decoded(saved(picture, format_)), picture.convert("RGB")) == 0


@pytest.mark.parametrize("marked", [True, False])
def test_cmyk_is_right_whether_marked_as_adobe_s_or_not(marked: bool) -> None:
    # Adobe stores CMYK inverted, with a marker APP14 that says so; software that drops the marker keeps the values.
    content = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
    if not marked:
        start = content.index(b"\xff\xee\x00\x0eAdobe")
        content = content[:start] + content[start + 16 :]

    assert difference(decoded(content), Image.new("RGB", (16, 16), RED)) < 3


def test_greyscale_of_16_bits_is_scaled_and_rounded() -> None:
    values = [0, 128, 129, 257, 0x1234, 32768, 65278, 65535]
    content = png((len(values), 2), 16, 0, struct.pack(f">{len(values)}H", *values))

    assert row(content) == [(round(value / 257),) * 3 for value in values]


def test_colour_of_16_bits_keeps_its_colour() -> None:
    content = png((2, 1), 16, 2, struct.pack(">6H", 65535, 0, 0x8000, 0x1234, 0xFFFF, 0))

    assert row(content) == [(255, 0, 128), (0x12, 255, 0)]


def test_a_jpeg_whose_index_of_more_pictures_is_broken_is_read_as_the_one_that_it_begins_with() -> None:
    # Phones write such an index (MPF). Apps that cut off the pictures behind the first one leave it.
    pictures = saved(photo(), "MPO", quality=95, save_all=True, append_images=[Image.new("RGB", (96, 64))])
    broken = pictures.replace(b"MPF\0II*\0", b"MPF\0II*\1").replace(b"MPF\0MM\0*", b"MPF\0MM\1*")
    assert broken != pictures

    assert decoded(broken).tobytes() == decoded(pictures).tobytes()
