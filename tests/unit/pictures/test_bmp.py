"""BMPs of kinds that Pillow does not know. Expected is what the masks say, pixel by pixel."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from common.languages.speech import say
from common.pictures.child import bmp, images
from common.pictures.protocol import Refusal
from common.pictures.refusals import TEXTS
from tests.support.picture_files import BLUE, GREEN, RED, WHITE, decoded, photo, reference_pixels, saved
from tests.unit.pictures.varied import SMALL_INPUT, SMALL_PIECES

Masks = tuple[int, int, int, int]

# By bits of a pixel. Known to Pillow or not; among them bmpsuite's, of which "good" is rgb32bf.
MASKS: dict[str, tuple[int, Masks]] = {
    "RGBX": (32, (0xFF, 0xFF00, 0xFF0000, 0)),
    "XRGB": (32, (0xFF00, 0xFF0000, 0xFF000000, 0)),
    "XBGR": (32, (0xFF000000, 0xFF0000, 0xFF00, 0)),
    "BGRX": (32, (0xFF0000, 0xFF00, 0xFF, 0)),
    "GBRX": (32, (0xFF0000, 0xFF, 0xFF00, 0)),
    "ARGB": (32, (0xFF00, 0xFF0000, 0xFF000000, 0xFF)),
    "RGBA": (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "GRBA": (32, (0xFF00, 0xFF, 0xFF0000, 0xFF000000)),
    "8 bits across bytes": (32, (0x0FF00000, 0x000FF000, 0x00000FF0, 0)),
    "10 bits": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0)),
    "10 bits and alpha of 2": (32, (0x3FF, 0xFFC00, 0x3FF00000, 0xC0000000)),
    "11, 11 and 10 bits": (32, (0xFFE00000, 0x1FFC00, 0x3FF, 0)),
    "16 bits of one colour": (32, (0xFFFF0000, 0xFF00, 0xFF, 0)),
    "565": (16, (0xF800, 0x7E0, 0x1F, 0)),
    "555": (16, (0x7C00, 0x3E0, 0x1F, 0)),
    "565 from the other end": (16, (0x1F, 0x7E0, 0xF800, 0)),
    "444": (16, (0xF00, 0xF0, 0xF, 0)),
    "4444": (16, (0xF00, 0xF0, 0xF, 0xF000)),
    "231": (16, (0x30, 0xE, 1, 0)),
    "without blue": (16, (0xFF00, 0xFF, 0, 0)),
}
COLOURS = [RED, GREEN, BLUE, WHITE, (0, 0, 0), (90, 160, 200), (13, 77, 254)]


def field(value: int, mask: int) -> int:
    """A value of 0 to 255 in the bits of a mask."""
    return round(value / 255 * (mask // (mask & -mask))) * (mask & -mask) if mask else 0


def shown(value: int, mask: int) -> int:
    """What a mask leaves of that value."""
    return round(field(value, mask) / mask * 255) if mask else 0


def drawn(
    bits: int, masks: Masks, pixels: Sequence[Sequence[int]], *, header: int = 56, down: bool = False, more: int = 0
) -> bytes:
    """A BMP of one column for each colour and two rows, by Microsoft's documentation ("Bitmap Header Types")."""
    row = b"".join(
        sum(field(value, mask) for value, mask in zip(pixel, masks, strict=False)).to_bytes(bits // 8, "little")
        for pixel in pixels
    )
    rows = row.ljust((len(row) + 3) // 4 * 4, b"\xee") * 2
    head = struct.pack("<IiiHHIIiiII", header, len(pixels), -2 if down else 2, 1, bits, 3, 0, 2835, 2835, 0, 0)
    head += struct.pack("<4I", *masks)[: 16 if header > 52 else 12]
    head = head.ljust(header, b"\0") + bytes(more)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + len(head)) + head + rows


def row(content: bytes, y: int = 0) -> list[tuple[int, ...]]:
    picture = decoded(content)
    return [picture.getpixel((x, y)) for x in range(picture.width)]  # type: ignore[misc]


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
def test_every_pixel_is_what_the_masks_say(name: str, down: bool, header: int) -> None:
    bits, masks = MASKS[name]
    if header <= 52:
        masks = (*masks[:3], 0)
    content = drawn(bits, masks, [(*colour, 255) for colour in COLOURS], header=header, down=down)
    expected = [tuple(shown(value, mask) for value, mask in zip(colour, masks, strict=False)) for colour in COLOURS]

    for y in (0, 1):
        found = row(content, y)
        assert all(
            abs(a - b) <= 1 for one, other in zip(found, expected, strict=True) for a, b in zip(one, other, strict=True)
        )
    assert images.decode_to_pixels(content, SMALL_INPUT, limits=SMALL_PIECES) == reference_pixels(
        decoded(content), SMALL_INPUT
    )


@pytest.mark.parametrize("name", ["ARGB", "GRBA", "10 bits and alpha of 2", "4444"])
def test_transparent_parts_are_white(name: str) -> None:
    assert row(drawn(*MASKS[name], [(*RED, 255), (*RED, 0)])) == [RED, WHITE]


@pytest.mark.parametrize("name", ["ARGB", "GRBA", "4444"])
def test_alpha_that_is_0_everywhere_does_not_count(name: str) -> None:
    assert row(drawn(*MASKS[name], [(*RED, 0), (*BLUE, 0)])) == [RED, BLUE]


def test_a_header_of_40_bytes_may_name_alpha_too() -> None:
    content = bytearray(drawn(32, MASKS["ARGB"][1], [(*RED, 255), (*RED, 0)]))
    content[14], content[30] = 40, 6  # BI_ALPHABITFIELDS: four masks follow

    assert row(bytes(content)) == [RED, WHITE]


@pytest.mark.parametrize("header", [16, 20, 24, 28, 36, 42, 46, 48, 60, 64])
def test_headers_of_os_2_may_be_short(header: int) -> None:
    palette = bytes([*RED[::-1], 0, *BLUE[::-1], 0])
    fields = struct.pack("<IiiHHIIiiII", header, 2, 1, 1, 8, 0, 0, 0, 0, 2, 0).ljust(header, b"\0")[:header]
    if header < 36:  # then all 256 colours are there
        palette = palette.ljust(1024, b"\0")
    begin = b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + header + len(palette))

    assert row(begin + fields + palette + b"\0\1\0\0") == [RED, BLUE]


def test_a_palette_may_be_longer_than_its_pixels_can_name() -> None:
    palette = (bytes([*RED[::-1], 0, *BLUE[::-1], 0]) * 200)[: 4 * 300]
    fields = struct.pack("<IiiHHIIiiII", 40, 2, 1, 1, 8, 0, 0, 0, 0, 300, 0)
    begin = b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 40 + len(palette))

    assert row(begin + fields + palette + b"\0\1\0\0") == [RED, BLUE]


@pytest.mark.parametrize("name", ["RGBX", "444"])
def test_one_that_is_cut_off_is_refused(name: str) -> None:
    content = drawn(*MASKS[name], [(*colour, 255) for colour in COLOURS])

    for end in range(60, len(content)):
        assert images.decode(content[:end]) is Refusal.DAMAGED


@pytest.mark.parametrize("size", [(0, 2), (-1, 2), (7, 0), (2**31 - 1, 2**31 - 1), (7, -(2**31)), (30_000, 30_000)])
def test_one_of_an_absurd_size_is_refused(size: tuple[int, int]) -> None:
    content = drawn(*MASKS["RGBX"], [(*colour, 255) for colour in COLOURS])

    assert isinstance(images.decode(content[:18] + struct.pack("<ii", *size) + content[26:]), Refusal)


@pytest.mark.parametrize(("at", "value"), [(28, 2), (30, 4), (30, 5)], ids=["2 bits", "a JPEG inside", "a PNG inside"])
def test_what_cannot_be_read_is_called_rare_and_not_damaged(at: int, value: int) -> None:
    content = saved(photo(), "BMP")

    refusal = images.decode(content[:at] + bytes((value, 0)) + content[at + 2 :])

    assert refusal is Refusal.OTHER_BMP
    assert "a rare kind of BMP, which I can’t read" in say(TEXTS[refusal])


def test_a_usual_one_is_not_copied() -> None:
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        whole = saved(photo().convert(mode), "BMP")
        assert bmp.own_parts(whole) is whole
