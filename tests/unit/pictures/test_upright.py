from __future__ import annotations

import struct

import pytest
from PIL import Image

from tests.support.picture_files import UPRIGHT_CORNERS, corners, decoded, exif_segment, four_corners, saved


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", UPRIGHT_CORNERS)
def test_every_orientation_is_turned_upright(orientation: int, format_: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation

    picture = decoded(saved(four_corners(), format_, exif=exif))

    assert corners(picture) == UPRIGHT_CORNERS[orientation]
    assert picture.size == ((64, 32) if orientation < 5 else (32, 64))


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_broken_exif_data_leave_the_picture_as_it_is(exif: bytes) -> None:
    assert corners(decoded(saved(four_corners(), "JPEG", exif=exif))) == UPRIGHT_CORNERS[1]


def test_exif_data_that_are_broken_in_one_place_still_say_which_side_is_up() -> None:
    # Given EXIF data whose second entry lies outside of them, in a JPEG that states no resolution elsewhere
    entries = struct.pack("<HHII", 0x010F, 2, 500, 60_000) + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4)
    content = saved(four_corners(), "JPEG")
    content = content[:2] + exif_segment(exif) + content[20:]

    assert corners(decoded(content)) == UPRIGHT_CORNERS[6]
