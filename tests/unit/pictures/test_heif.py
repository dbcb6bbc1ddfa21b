"""HEIC: iPhone's own files."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from common.pictures.child import heif, images
from common.pictures.protocol import MAX_HEIC_PIXELS, Refusal
from tests.support.heic_files import HEIC
from tests.support.picture_files import difference, photo, saved

BLUE, RED, GREEN, WHITE, GREY = (30, 60, 200), (200, 30, 30), (0, 255, 0), (255, 255, 255), (67, 67, 67)
CORNERS = ((4, 4), (-4, 4), (4, -4), (-4, -4))


def decoded(name: str) -> Image.Image:
    picture = images.decode(HEIC[name])
    assert isinstance(picture, Image.Image), picture
    return picture


def is_about(found: object, colour: tuple[int, int, int]) -> bool:
    """Whether a colour is that of the drawing, but for the encoder's loss."""
    return isinstance(found, tuple) and all(abs(a - b) <= 4 for a, b in zip(found, colour, strict=True))


def corners(picture: Image.Image) -> list[object]:
    return [picture.getpixel((x % picture.width, y % picture.height)) for x, y in CORNERS]


@pytest.mark.parametrize(
    ("name", "size", "colours"),
    [
        ("HEIC", (96, 64), (BLUE, RED, RED, RED)),
        ("turned HEIC", (64, 96), (RED, BLUE, RED, RED)),  # by 90 degrees, once: EXIF data say it again
        ("transparent HEIC", (96, 64), (BLUE, WHITE, RED, WHITE)),
        ("10-bit HEIC", (96, 64), (RED, RED, RED, RED)),
        ("12-bit HEIC", (96, 64), (RED, RED, RED, RED)),
        ("HEIC of two pictures", (64, 64), (GREEN, GREEN, GREEN, GREEN)),
    ],
)
def test_a_heic_file_is_its_primary_picture_upright_in_8_bits(
    name: str, size: tuple[int, int], colours: tuple[tuple[int, int, int], ...]
) -> None:
    picture = decoded(name)

    assert (picture.mode, picture.size) == ("RGB", size)
    assert all(map(is_about, corners(picture), colours)), corners(picture)


def test_a_grey_one_has_equal_colours() -> None:
    assert is_about(decoded("grey HEIC").getpixel((4, 4)), GREY)


@pytest.mark.parametrize("name", HEIC)
def test_a_file_that_is_cut_off_is_refused_wherever_it_is_cut(name: str) -> None:
    content = HEIC[name].partition(b"Exif\0\0")[0]  # which is behind the picture
    assert all(images.decode(content[:length]) is Refusal.HEIC for length in range(16, len(content) - 6, 7))


def test_a_file_of_another_codec_is_refused_as_heic() -> None:
    assert images.decode(HEIC["HEIC"].replace(b"hvc1", b"vvc1").replace(b"hvcC", b"vvcC")) == Refusal.HEIC


def test_a_file_with_more_pixels_than_a_camera_has_is_refused_before_it_is_decoded() -> None:
    content = HEIC["HEIC"]
    at = content.index(b"ispe") + len(b"ispe") + 4
    many = content[:at] + struct.pack(">II", 10_000, MAX_HEIC_PIXELS // 10_000 + 1) + content[at + 8 :]
    assert images.decode(many) in (Refusal.TOO_MANY_PIXELS, Refusal.HEIC)


def test_avif_is_left_to_pillow() -> None:
    assert heif.is_one(b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf")
    assert not heif.is_one(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf")
    assert not heif.is_one(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf")
    assert not heif.is_one(b"\xff\xd8\xff\xe0")


@pytest.mark.parametrize("major", [b"mif1", b"msf1"])
def test_avif_is_read_though_its_first_brand_is_any_heif_file_s(major: bytes) -> None:
    content = saved(photo(), "AVIF", quality=95)
    assert content[8:24] == b"avif\0\0\0\0avifmif1"
    picture = images.decode(content[:8] + major + content[12:])
    assert isinstance(picture, Image.Image), picture
    assert difference(picture, photo()) < 5
