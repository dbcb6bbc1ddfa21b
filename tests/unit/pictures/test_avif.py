"""What is not an AVIF's picture does not decide whether it is read."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from common.pictures.child import avif, images
from common.pictures.protocol import Refusal
from tests.support.picture_files import UPRIGHT_CORNERS, corners, decoded, four_corners, photo, saved


def with_metadata(orientation: int = 6) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"  # without one, Pillow writes no EXIF data where a box tells the orientation
    return saved(four_corners(), "AVIF", exif=exif, xmp=b"<x:xmpmeta/>", icc_profile=b"p" * 100, quality=90)


WHOLE = with_metadata()
TIFF_AT = WHOLE.index(b"MM\0*")

BROKEN = {
    "not TIFF": WHOLE[:TIFF_AT] + b"XX\0*" + WHOLE[TIFF_AT + 4 :],
    "another version of TIFF": WHOLE[:TIFF_AT] + b"MM\0\7" + WHOLE[TIFF_AT + 4 :],
    "zeros": WHOLE[:TIFF_AT] + bytes(8) + WHOLE[TIFF_AT + 8 :],
    "entries behind the end": WHOLE[: TIFF_AT + 4] + b"\xff\xff\xff\xff" + WHOLE[TIFF_AT + 8 :],
    "a beginning behind the end": WHOLE.replace(b"\0\0\0\6Exif\0\0MM", b"\xff\xff\xff\xffExif\0\0MM"),
    "a beginning elsewhere": WHOLE.replace(b"\0\0\0\6Exif\0\0MM", b"\0\0\0\3Exif\0\0MM"),
    "XMP that is no text": WHOLE.replace(b"<x:xmpmeta/>", b"\xff" * 12),
    "a profile that is none of ours": WHOLE.replace(b"p" * 100, b"\xff" * 100),
    "a profile of an unknown kind": WHOLE.replace(b"colrprof", b"colrzzzz"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_no_metadata_decide_whether_a_picture_is_read(name: str) -> None:
    assert BROKEN[name] != WHOLE

    assert decoded(BROKEN[name]).tobytes() == decoded(WHOLE).tobytes()


@pytest.mark.parametrize("orientation", UPRIGHT_CORNERS)
def test_boxes_of_the_picture_say_how_it_is_turned_though_exif_data_are_broken(orientation: int) -> None:
    content = with_metadata(orientation)
    broken = content.replace(b"MM\0*", b"XX\0*")

    assert corners(decoded(broken)) == corners(decoded(content)) == UPRIGHT_CORNERS[orientation]


def test_without_metadata_nothing_is_copied() -> None:
    plain = saved(photo(), "AVIF")

    assert avif.without_metadata(plain) is plain
    bare = avif.without_metadata(WHOLE)
    assert len(bare) == len(WHOLE)
    assert b"infe\2\0\0\0\0\2\0\0skip" in bare
    assert b"infe\2\0\0\0\0\1\0\0av01" in bare


@pytest.mark.parametrize("size", [0, 1, 7, 9, 2**31, 2**32 - 1])
@pytest.mark.parametrize("box", [b"meta", b"iinf", b"infe", b"iloc", b"iprp"])
def test_boxes_of_any_size_end_in_a_picture_or_a_refusal(size: int, box: bytes) -> None:
    at = WHOLE.index(box) - 4
    content = WHOLE[:at] + struct.pack(">I", size) + WHOLE[at + 4 :]

    assert len(avif.without_metadata(content)) == len(content)
    picture = images.decode(content)
    assert picture is Refusal.DAMAGED or isinstance(picture, Image.Image)
