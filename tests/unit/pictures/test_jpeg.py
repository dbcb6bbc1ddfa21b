"""What is not a JPEG's picture does not decide whether it is read. Expected are the pixels of the file without it."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from common.languages.speech import say
from common.pictures.child import images, jpeg
from common.pictures.protocol import Refusal
from common.pictures.refusals import TEXTS
from tests.support.picture_files import (
    UPRIGHT_CORNERS,
    WHOLE,
    corners,
    decoded,
    difference,
    exif,
    exif_segment,
    four_corners,
    inserted,
    reference_pixels,
    saved,
    segment,
)
from tests.unit.pictures.varied import SMALL_INPUT, SMALL_PIECES

PLAIN = WHOLE["JPEG"]
BARE = PLAIN[:2] + PLAIN[20:]  # without its JFIF segment
APP0, APP1, APP2, APP13, APP14, COMMENT = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE
JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
ADOBE = b"Adobe\0\x64\0\0\0\0"

# What programs write before a picture. Each may be cut short anywhere.
SEGMENTS = {
    "JFIF": (APP0, JFIF),
    "JFIF with a thumbnail": (APP0, JFIF[:-2] + b"\2\2" + bytes(12)),
    "JFXX": (APP0, b"JFXX\0\x13\1\1\0\0\0"),
    "EXIF data": (APP1, b"Exif\0\0" + exif(1)),
    "XMP": (APP1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"),
    "profile": (APP2, b"ICC_PROFILE\0\1\1" + bytes(50)),
    "index of more pictures": (APP2, b"MPF\0MM\0*" + struct.pack(">IH", 8, 1) + bytes(20)),
    "FlashPix": (APP2, b"FPXR\0\0" + bytes(8)),
    "Photoshop": (APP13, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x10" + bytes(16)),
    "Adobe": (APP14, ADOBE + b"\1"),
    "comment": (COMMENT, b"hello"),
    "another application": (0xEB, b"anything"),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_no_segment_decides_whether_a_picture_is_read_however_short_it_is(name: str) -> None:
    marker, content = SEGMENTS[name]
    for length in range(len(content) + 1):
        for times in (1, 2):
            file = inserted(BARE, segment(marker, content[:length]) * times, b"\xff\xdb")
            assert decoded(file).tobytes() == decoded(BARE).tobytes(), (length, times)


@pytest.mark.parametrize("name", SEGMENTS)
@pytest.mark.parametrize("before", [b"\xff\xc0", b"\xff\xda"], ids=["frame", "scan"])
def test_nor_where_it_stands(name: str, before: bytes) -> None:
    file = inserted(PLAIN, segment(SEGMENTS[name][0], SEGMENTS[name][1][:6]), before)

    assert decoded(file).tobytes() == decoded(PLAIN).tobytes()
    assert images.decode_to_pixels(file, SMALL_INPUT, limits=SMALL_PIECES) == reference_pixels(
        decoded(PLAIN), SMALL_INPUT
    )


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(
            segment(APP2, b"ICC_PROFILE\0\1\3" + bytes(60_000)) * 3, id="parts of a profile that are all its first"
        ),
        pytest.param(segment(APP1, b"Exif\0\0" + bytes(60_000)) * 100, id="6 MB of EXIF data"),
        pytest.param(segment(APP13, b"Photoshop 3.0\x008BIM" + bytes(60_000)) * 200, id="12 MB of Photoshop's"),
        pytest.param(segment(COMMENT, b"hello") * 9_000, id="9,000 comments"),
        pytest.param(b"\xff" * 50, id="fill bytes"),
        pytest.param(bytes(50), id="zeros"),
        pytest.param(b"\xff" * 18_000_000, id="18 MB of fill bytes"),
        pytest.param(b"\xff\0" * 9_000_000, id="18 MB of noise"),
        pytest.param(b"\xff\2" * 1_000, id="noise that looks like unknown markers"),
    ],
)
def test_however_much_or_odd_it_is(part: bytes) -> None:
    assert decoded(inserted(PLAIN, part, b"\xff\xdb")).tobytes() == decoded(PLAIN).tobytes()


def with_components(names: bytes) -> bytes:
    """A JPEG without JFIF whose three components have these names (B.2.2), by which libjpeg may know their colours."""
    content = bytearray(BARE)
    frame, scan = content.index(b"\xff\xc0"), content.index(b"\xff\xda")
    for number, name in enumerate(names):
        content[frame + 10 + 3 * number] = name
        content[scan + 5 + 2 * number] = name
    return bytes(content)


def test_what_says_which_colours_the_components_are_stays() -> None:
    # libjpeg, jdapimin.c: JFIF means YCbCr; else Adobe's segment tells; else the names R, G and B do.
    plain, named = decoded(BARE).tobytes(), with_components(b"RGB")
    as_rgb = decoded(named).tobytes()
    assert as_rgb != plain
    for parts, expected in (
        ([(APP0, JFIF)], plain),
        ([(APP0, JFIF), (APP14, ADOBE + b"\0")], plain),
        ([(APP14, ADOBE + b"\1")], plain),
        ([(APP14, ADOBE + b"\0")], as_rgb),
        ([(APP0, JFIF[:-1])], as_rgb),
        ([(APP14, ADOBE)], as_rgb),
        ([(APP0, JFIF[:7]), (APP14, ADOBE + b"\1")], plain),
    ):
        head = b"".join(segment(marker, content) for marker, content in parts)
        assert decoded(inserted(named, head, b"\xff\xdb")).tobytes() == expected, parts


@pytest.mark.parametrize("transform", [0, 2])
def test_four_colours_stay_right(transform: int) -> None:
    # Adobe's segment tells CMYK (0) from YCCK (2).
    content = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
    at = content.index(b"Adobe") + 11
    content = content[:at] + bytes((transform,)) + content[at + 1 :]
    file = inserted(content, segment(APP2, b"ICC_PROFILE\0") + segment(APP14, b"Adobe"), b"\xff\xdb")

    assert decoded(file).tobytes() == decoded(content).tobytes()


@pytest.mark.parametrize("orientation", UPRIGHT_CORNERS)
def test_exif_data_turn_the_picture_among_broken_segments(orientation: int) -> None:
    content = saved(four_corners(), "JPEG")
    head = (
        segment(APP0, b"JFIF")
        + segment(APP1, b"Exif")
        + exif_segment(exif(orientation))
        + segment(APP2, b"ICC_PROFILE\0")
    )

    assert corners(decoded(inserted(content, head, b"\xff\xdb"))) == UPRIGHT_CORNERS[orientation]


def test_the_first_exif_data_count() -> None:
    content = saved(four_corners(), "JPEG")
    head = exif_segment(exif(6)) + exif_segment(exif(3))

    assert corners(decoded(inserted(content, head, b"\xff\xdb"))) == UPRIGHT_CORNERS[6]


def test_a_file_of_nothing_but_its_picture_is_not_copied() -> None:
    turned = inserted(PLAIN, exif_segment(exif(6)), b"\xff\xdb")

    assert jpeg.own_parts(PLAIN) is PLAIN
    assert jpeg.own_parts(turned) is turned
    assert jpeg.own_parts(inserted(PLAIN, segment(COMMENT, b"hello"), b"\xff\xdb")) == PLAIN


def test_a_segment_that_says_it_is_longer_than_the_file_ends_it() -> None:
    assert images.decode(inserted(PLAIN, b"\xff\xe2\xff\xff", b"\xff\xdb")) is Refusal.DAMAGED


# Kinds of JPEG

FRAME = b"\xff\xc0\0\x11\x08"


@pytest.mark.parametrize(
    ("frame", "refusal"),
    [
        pytest.param(b"\xff\xc1\0\x11\x0c", Refusal.JPEG_12_BIT, id="12 bits"),
        pytest.param(b"\xff\xc0\0\x11\x0c", Refusal.JPEG_12_BIT, id="12 bits, called baseline"),
        pytest.param(b"\xff\xc2\0\x11\x0c", Refusal.JPEG_12_BIT, id="12 bits, progressive"),
        pytest.param(b"\xff\xc3\0\x11\x10", Refusal.OTHER_JPEG, id="lossless, 16 bits"),
        pytest.param(b"\xff\xc5\0\x11\x08", Refusal.OTHER_JPEG, id="hierarchical"),
        pytest.param(b"\xff\xcb\0\x11\x08", Refusal.OTHER_JPEG, id="lossless, arithmetic coding"),
        pytest.param(b"\xff\xf7\0\x11\x08", Refusal.OTHER_JPEG, id="JPEG-LS"),
        pytest.param(b"\xff\xc0\0\x11\x07", Refusal.DAMAGED, id="7 bits, which no JPEG has"),
    ],
)
def test_a_kind_of_jpeg_that_cannot_be_read_is_refused_by_its_name(frame: bytes, refusal: Refusal) -> None:
    assert FRAME in PLAIN

    assert images.decode(PLAIN.replace(FRAME, frame)) is refusal


def test_a_jpeg_of_two_colours_is_refused_by_its_kind() -> None:
    at = PLAIN.index(FRAME) + 9
    two = PLAIN[:at] + b"\2" + PLAIN[at + 1 :]

    assert images.decode(two) is Refusal.OTHER_JPEG
    assert "which I can’t read" in say(TEXTS[Refusal.OTHER_JPEG])
    assert "12-bit JPEG, which I can’t read" in say(TEXTS[Refusal.JPEG_12_BIT])


def test_a_broken_jpeg_of_a_common_kind_is_damaged() -> None:
    for end in (10, PLAIN.index(FRAME) + 3, PLAIN.index(b"\xff\xda") + 5, len(PLAIN) // 2):
        assert images.decode(PLAIN[:end]) is Refusal.DAMAGED


def test_arithmetic_coding_is_read() -> None:
    # Made by libjpeg-turbo's `cjpeg -arithmetic -quality 50`, of one grey
    content = bytes.fromhex(
        "ffd8ffdb004300100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933383740485c4e404457453738506d51575f"
        "626768673e4d71797064785c656763ffc9000b080010001001011100ffcc000600101005ffda0008010100003f00fedb40ffd9"
    )

    assert difference(decoded(content), Image.new("RGB", (16, 16), (90, 90, 90))) < 2
