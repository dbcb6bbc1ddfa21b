"""BMP: puts kinds that Pillow does not know into a form that it knows (Microsoft: "Bitmap Header Types")."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from PIL import Image, ImageChops

from common.pictures.child.pieces import joined
from common.pictures.protocol import Refusal

SIGNATURE: Final = b"BM"
_FILE: Final = struct.Struct("<2sIHHI")  # signature, length, two reserved, where the pixels begin
_HEADER: Final = struct.Struct("<IiiHHIIiiII")  # BITMAPINFOHEADER, which the later ones begin with
_SIZE: Final = struct.Struct("<I")
_COLOURS_AT: Final = _FILE.size + 32
_MASKS_AT: Final = _FILE.size + _HEADER.size  # behind that header, or in a longer one

# Lengths of headers: OS/2 1, Windows 3 to 5, OS/2 2. The last may be shorter, then what lacks is 0 (Pillow knows 64).
_OS2_1, _WITH_ALPHA_MASK = 12, 56
_KNOWN_HEADERS: Final = frozenset({12, 40, 52, 56, 64, 108, 124})
_OS2_2: Final = range(16, 64)

_MAX_COLOURS, _BITS_OF_COLOURS = 256, 8  # of a palette
_RARE_BITS, _SHORT_BITS, _LONG_BITS = 2, 16, 32
_BITFIELDS, _ALPHA_BITFIELDS = 3, 6
_JPEG_OR_PNG: Final = frozenset({4, 5})
_BGRA: Final = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
# The masks (red, green, blue, alpha) that Pillow knows: BmpImagePlugin.py. With 16 bits it ignores alpha.
_KNOWN_MASKS: Final = frozenset(
    {
        _BGRA,
        (0xFF0000, 0xFF00, 0xFF, 0),
        (0xFF000000, 0xFF0000, 0xFF00, 0),
        (0xFF000000, 0xFF00, 0xFF, 0),
        (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
        (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        (0xFF000000, 0xFF00, 0xFF, 0xFF0000),
        (0, 0, 0, 0),
    }
)
_KNOWN_MASKS_16: Final = frozenset({(0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F)})


class _Bitmap(NamedTuple):
    """The parts of the headers that count."""

    pixels_at: int
    header_bytes: int
    width: int
    height: int  # negative: the first row comes first
    bits: int
    compression: int
    colours: int


def own_parts(content: bytes) -> bytes:
    """The same file, or the same picture in a form that Pillow knows."""
    bitmap = _read(content)
    if bitmap is None:
        return content
    if bitmap.header_bytes not in _KNOWN_HEADERS and bitmap.header_bytes in _OS2_2:
        return _with_whole_header(content, bitmap)
    if bitmap.bits <= _BITS_OF_COLOURS and bitmap.colours > _MAX_COLOURS:  # Pillow takes no more, and no more count
        return joined(content, [slice(0, _COLOURS_AT), bytes(4), slice(_COLOURS_AT + 4, len(content))])
    if bitmap.compression in {_BITFIELDS, _ALPHA_BITFIELDS} and bitmap.bits in {_SHORT_BITS, _LONG_BITS}:
        masks = _masks(content, bitmap)
        if not _is_known(masks, bitmap):
            return _repacked(content, bitmap, masks) or content
    return content


def why_unreadable(content: bytes) -> Refusal:
    """Why a BMP that Pillow cannot read is refused."""
    bitmap = _read(content)
    if bitmap and (bitmap.bits == _RARE_BITS or bitmap.compression in _JPEG_OR_PNG):
        return Refusal.OTHER_BMP
    return Refusal.DAMAGED


def _read(content: bytes) -> _Bitmap | None:
    """The headers; None of OS/2 1, which is simple, and of what has no header."""
    if len(content) < _MASKS_AT:
        return None
    *_, pixels_at = _FILE.unpack_from(content)
    (header_bytes,) = _SIZE.unpack_from(content, _FILE.size)
    if not min(_OS2_2) <= header_bytes <= len(content):
        return None
    header = content[_FILE.size : _FILE.size + min(header_bytes, _HEADER.size)].ljust(_HEADER.size, b"\0")
    _, width, height, _, bits, compression, _, _, _, colours, _ = _HEADER.unpack(header)
    return _Bitmap(pixels_at, header_bytes, width, height, bits, compression, colours)


def _with_whole_header(content: bytes, bitmap: _Bitmap) -> bytes:
    """A file of OS/2 2 with a header of the length that is usual."""
    behind = _FILE.size + bitmap.header_bytes
    pixels_at = bitmap.pixels_at + _HEADER.size - bitmap.header_bytes
    if not 0 <= pixels_at < 2**32:
        return content
    header = content[_FILE.size + 4 : min(behind, _MASKS_AT)].ljust(_HEADER.size - 4, b"\0")
    head = _FILE.pack(SIGNATURE, 0, 0, 0, pixels_at) + _SIZE.pack(_HEADER.size) + header
    return joined(content, [head, slice(behind, len(content))])


def _masks(content: bytes, bitmap: _Bitmap) -> tuple[int, ...]:
    """Which bits of a pixel are red, green, blue and alpha."""
    has_alpha = bitmap.compression == _ALPHA_BITFIELDS or bitmap.header_bytes >= _WITH_ALPHA_MASK
    masks = struct.unpack("<4I", content[_MASKS_AT : _MASKS_AT + 16].ljust(16, b"\0"))
    return masks if has_alpha else (*masks[:3], 0)


def _is_known(masks: tuple[int, ...], bitmap: _Bitmap) -> bool:
    known = masks in _KNOWN_MASKS if bitmap.bits == _LONG_BITS else masks[:3] in _KNOWN_MASKS_16
    return known and bitmap.compression == _BITFIELDS


def _repacked(content: bytes, bitmap: _Bitmap, masks: tuple[int, ...]) -> bytes | None:
    """The picture as a BMP of 32 bits; None if the file is cut off."""
    width, height, pixel_bytes = bitmap.width, abs(bitmap.height), bitmap.bits // 8
    row_bytes = (width * pixel_bytes + 3) // 4 * 4
    data = content[bitmap.pixels_at : bitmap.pixels_at + row_bytes * height]
    if width <= 0 or not height or len(data) < row_bytes * height:
        return None
    row_pixels = row_bytes // pixel_bytes
    planes = [
        Image.frombuffer("L", (row_pixels, height), data[at::pixel_bytes], "raw", "L", 0, 1).crop((0, 0, width, height))
        for at in range(pixel_bytes)
    ]
    red, green, blue, alpha = (_channel(planes, mask) for mask in masks)
    if not masks[3] or alpha.getextrema() == (0, 0):  # many programs write no alpha where they announce it
        alpha = Image.new("L", alpha.size, 255)
    pixels = Image.merge("RGBA", (red, green, blue, alpha)).tobytes("raw", "BGRA")
    header = _HEADER.pack(_WITH_ALPHA_MASK, width, bitmap.height, 1, 32, _BITFIELDS, 0, 0, 0, 0, 0)
    begin = _FILE.pack(SIGNATURE, 0, 0, 0, _FILE.size + _WITH_ALPHA_MASK)
    return begin + header + struct.pack("<4I", *_BGRA) + pixels


def _channel(planes: list[Image.Image], mask: int) -> Image.Image:
    """What a mask leaves of all pixels, from 0 to 255; 1 more or less where it has parts of several bytes.

    Args:
        planes: The first bytes of all pixels, their second ones, and so on.
        mask: Its bits of a pixel, little-endian.
    """
    channel = Image.new("L", planes[0].size)
    for number, plane in enumerate(planes):
        part = mask >> 8 * number & 0xFF
        if part:
            scale = 255 * (1 << 8 * number) / mask
            table = [round((value & part) * scale) for value in range(256)]
            channel = ImageChops.add(channel, plane.point(table))
    return channel
