"""What is not a PNG's picture does not decide whether it is read: libpng, and so browsers, leave it out with a warning.

Expected are the pixels of the same file without that part.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from common.pictures.child import images, png
from common.pictures.protocol import Refusal
from tests.support.picture_files import (
    BLUE,
    GREEN,
    RED,
    UPRIGHT_CORNERS,
    WHITE,
    chunk,
    corners,
    decoded,
    exif,
    four_corners,
    inserted,
    photo,
    reference_pixels,
    row,
    saved,
)
from tests.support.picture_files import png as drawn
from tests.unit.pictures.varied import SMALL_INPUT, SMALL_PIECES

PLAIN = drawn((3, 2), 8, 2, bytes(RED + GREEN + BLUE))
PIXELS = [RED, GREEN, BLUE]

# Every ancillary chunk of the specification (PNG 3rd edition, 11.3), and two that it does not know; each whole.
ANCILLARY = {
    b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
    b"gAMA": struct.pack(">I", 45455),
    b"iCCP": b"profile\0\0" + zlib.compress(bytes(200)),
    b"sBIT": b"\x08\x08\x08",
    b"sRGB": b"\0",
    b"cICP": b"\x09\x10\0\1",
    b"mDCV": bytes(24),
    b"cLLI": bytes(8),
    b"tEXt": b"Title\0hello",
    b"zTXt": b"Title\0\0" + zlib.compress(b"hello"),
    b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta/>",
    b"bKGD": b"\0\xff\0\0\0\0",
    b"hIST": b"\0\1",
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
    b"sPLT": b"p\0\x08" + bytes(6),
    b"eXIf": exif(1),
    b"tIME": struct.pack(">HBBBBB", 2026, 12, 1, 0, 0, 0),
    b"acTL": struct.pack(">II", 1, 0),
    b"fcTL": struct.pack(">IIIIIHHBB", 0, 3, 2, 0, 0, 1, 10, 0, 0),
    b"fdAT": b"\0\0\0\1" + zlib.compress(bytes(20)),
    b"oFFs": bytes(9),
    b"teSt": b"anything",
}
# What becomes of one of them. Each gives bytes to put into the file.
FAULTS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "whole": chunk,
    "wrong checksum": lambda kind, data: chunk(kind, data, wrong=True),
    "empty": lambda kind, _: chunk(kind, b""),
    "a byte short": lambda kind, data: chunk(kind, data[:-1]),
    "half": lambda kind, data: chunk(kind, data[: len(data) // 2]),
    "a byte long": lambda kind, data: chunk(kind, data + b"\xff"),
    "long": lambda kind, data: chunk(kind, data + bytes(100_000)),
    "twice": lambda kind, data: chunk(kind, data) * 2,
    "noise": lambda kind, _: chunk(kind, bytes(range(255, 155, -1))),
    "zeros": lambda kind, data: chunk(kind, bytes(len(data))),
}
PLACES = [b"IDAT", b"IEND"]


@pytest.mark.parametrize("kind", ANCILLARY)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", PLACES, ids=["before the pixels", "behind them"])
def test_no_ancillary_chunk_decides_whether_a_picture_is_read(kind: bytes, fault: str, place: bytes) -> None:
    content = inserted(PLAIN, FAULTS[fault](kind, ANCILLARY[kind]), place, 4)

    assert row(content) == PIXELS
    assert images.decode_to_pixels(content, SMALL_INPUT, limits=SMALL_PIECES) == reference_pixels(
        decoded(PLAIN), SMALL_INPUT
    )


@pytest.mark.parametrize("kind", ANCILLARY)
def test_nor_does_one_that_stands_before_the_palette_or_between_two_parts_of_the_pixels(kind: bytes) -> None:
    pixels = zlib.compress(b"\0\0\1\2")
    head = drawn((3, 1), 8, 3, b"")[:33]
    palette, odd = chunk(b"PLTE", bytes(RED + GREEN + BLUE)), chunk(kind, ANCILLARY[kind], wrong=True)
    for place in range(5):
        parts = [palette, chunk(b"IDAT", pixels[:5]), chunk(b"IDAT", pixels[5:]), chunk(b"IEND", b"")]
        assert row(head + b"".join([*parts[:place], odd, *parts[place:]])) == PIXELS


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(3 * 2**20))), id="a text of 3 MB"),
        pytest.param(chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(3 * 2**20))), id="an international one"),
        pytest.param(chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(3 * 2**20))), id="a profile of 3 MB"),
        pytest.param(chunk(b"iCCP", b"k\0\1" + zlib.compress(b"p")), id="a profile in an unknown compression"),
        pytest.param(chunk(b"zTXt", b"k\0\7hello"), id="a text in an unknown compression"),
        pytest.param(chunk(b"tEXt", b"k\0" + bytes(2**20)) * 10, id="10 MB of texts"),
        pytest.param(chunk(b"tEXt", b"k\0hello") * 20_000, id="20,000 texts"),
        pytest.param(chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**20 - 1))) * 5_000, id="texts of 5 GB"),
        pytest.param(chunk(b"iTXt", b"\xff\0\0\0\0\0\xff\xfe"), id="a text that is no UTF-8"),
        pytest.param(chunk(b"acTL", struct.pack(">II", 0, 0)), id="an animation of no frame"),
        pytest.param(chunk(b"acTL", struct.pack(">II", 2, 0)) * 2, id="two animations"),
        pytest.param(chunk(b"fcTL", struct.pack(">IIIIIHHBB", 7, 9, 9, 9, 9, 1, 10, 0, 0)), id="a frame out of bounds"),
        pytest.param(chunk(b"PLTE", bytes(3), wrong=True), id="a suggested palette"),
        pytest.param(chunk(b"PLTE", bytes(3 * 300)), id="a suggested palette of 300 colours"),
    ],
)
def test_however_much_or_odd_it_is(part: bytes) -> None:
    assert row(inserted(PLAIN, part, b"IDAT", 4)) == PIXELS


def test_what_stands_behind_the_end_mark_is_not_read() -> None:
    assert row(PLAIN + b"PK\3\4" + bytes(1000)) == PIXELS
    assert row(PLAIN + chunk(b"IHDR", bytes(13), wrong=True)) == PIXELS


def test_a_file_of_nothing_but_its_picture_is_not_copied() -> None:
    assert png.own_parts(PLAIN) is PLAIN
    for kind, place in itertools.product((b"tEXt", b"acTL", b"teSt"), PLACES):
        assert png.own_parts(inserted(PLAIN, chunk(kind, b"x" * 1000), place, 4)) == PLAIN


@pytest.mark.parametrize("orientation", UPRIGHT_CORNERS)
@pytest.mark.parametrize("place", PLACES)
def test_exif_data_turn_the_picture_wherever_they_stand(orientation: int, place: bytes) -> None:
    content = inserted(saved(four_corners(), "PNG"), chunk(b"eXIf", exif(orientation)), place, 4)

    assert corners(decoded(content)) == UPRIGHT_CORNERS[orientation]


@pytest.mark.parametrize("place", PLACES)
def test_exif_data_with_a_wrong_checksum_are_left_out(place: bytes) -> None:
    broken = chunk(b"eXIf", exif(6), wrong=True)
    content = inserted(saved(four_corners(), "PNG"), broken, place, 4)

    assert corners(decoded(content)) == UPRIGHT_CORNERS[1]
    assert corners(decoded(inserted(content, chunk(b"eXIf", exif(3)), b"IEND", 4))) == UPRIGHT_CORNERS[3]


def test_what_other_programs_write_in_place_of_exif_data_turns_the_picture_as_before() -> None:
    # XMP as ExifTool writes it, and ImageMagick's way to put EXIF data into a text
    xmp = b'XML:com.adobe.xmp\0\0\0\0\0<rdf:Description tiff:Orientation="6"/>'
    raw = b"Raw profile type exif\0\nexif\n      26\n" + exif(6).hex().encode()
    for part in (chunk(b"iTXt", xmp), chunk(b"tEXt", raw)):
        for place in PLACES:
            assert corners(decoded(inserted(saved(four_corners(), "PNG"), part, place, 4))) == UPRIGHT_CORNERS[6]


CLEAR = {
    "grey": (drawn((2, 1), 8, 0, b"\x05\x09"), b"\0\5", [WHITE, (9,) * 3]),
    "colour": (drawn((2, 1), 8, 2, bytes(RED + BLUE)), b"\0\0\0\0\0\xff", [RED, WHITE]),
    "palette": (drawn((2, 1), 8, 3, b"\0\1", (b"PLTE", bytes(RED + BLUE))), b"\xff\0", [RED, WHITE]),
}


@pytest.mark.parametrize("name", CLEAR)
def test_a_transparent_colour_is_white_and_one_that_is_broken_is_left_out(name: str) -> None:
    plain, clear, pixels = CLEAR[name]
    assert row(inserted(plain, chunk(b"tRNS", clear), b"IDAT", 4)) == pixels

    for broken in (chunk(b"tRNS", clear, wrong=True), chunk(b"tRNS", b""), chunk(b"tRNS", bytes(300), wrong=True)):
        assert row(inserted(plain, broken, b"IDAT", 4)) == row(plain)
    assert row(inserted(plain, chunk(b"tRNS", clear), b"IEND", 4)) == row(plain)  # too late (11.3.1.1)


def test_a_transparent_colour_that_is_too_short_or_too_long_is_left_out() -> None:
    for name, data in (("grey", b"\5"), ("colour", b"\0\0\0"), ("palette", bytes(257))):
        assert row(inserted(CLEAR[name][0], chunk(b"tRNS", data), b"IDAT", 4)) == row(CLEAR[name][0])


# What a decoder must know is still judged

CRITICAL = [
    pytest.param(PLAIN[:29] + bytes(4) + PLAIN[33:], id="header with a wrong checksum"),
    pytest.param(
        inserted(drawn((2, 1), 8, 3, b"\0\1"), chunk(b"PLTE", bytes(RED + BLUE), wrong=True), b"IDAT", 4),
        id="palette with a wrong checksum",
    ),
    pytest.param(drawn((2, 1), 8, 3, b"\0\1"), id="no palette"),
    pytest.param(inserted(PLAIN, chunk(b"TEST", b"", wrong=True), b"IDAT", 4), id="unknown critical chunk, broken"),
    pytest.param(inserted(PLAIN, b"\0\0\0\0\xff\xff\xff\xff" + bytes(4), b"IDAT", 4), id="what is no chunk"),
    pytest.param(inserted(PLAIN, struct.pack(">I", 2**31) + b"tEXt", b"IDAT", 4), id="a text of 2 GB, as it says"),
    pytest.param(PLAIN[:33] + chunk(b"IEND", b""), id="no pixels"),
    pytest.param(PLAIN.replace(b"IDAT", b"IdAT"), id="pixels that are called otherwise"),
]


@pytest.mark.parametrize("content", CRITICAL)
def test_a_png_whose_critical_part_is_broken_is_refused(content: bytes) -> None:
    assert images.decode(content) is Refusal.DAMAGED


def test_pixels_that_are_cut_off_are_refused_though_a_whole_chunk_stands_behind_them() -> None:
    whole = saved(photo(), "PNG")
    at = whole.index(b"IDAT")
    size = int.from_bytes(whole[at - 4 : at])
    half = chunk(b"IDAT", whole[at + 4 : at + 4 + size // 2])

    assert images.decode(whole[: at - 4] + half + chunk(b"tEXt", b"k\0v") + chunk(b"IEND", b"")) is Refusal.DAMAGED


def test_a_file_cut_off_in_what_says_how_it_is_turned_is_refused() -> None:
    content = inserted(saved(four_corners(), "PNG"), chunk(b"eXIf", exif(6)), b"IEND", 4)

    for end in range(content.index(b"eXIf") + 4, content.index(b"IEND") - 4):
        assert images.decode(content[:end]) is Refusal.DAMAGED


def test_an_animated_png_is_its_default_image() -> None:
    first, second = Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), BLUE)
    for default in (True, False):
        content = saved(first, "PNG", save_all=True, append_images=[second], default_image=default)
        assert decoded(content).getpixel((0, 0)) == RED
