"""PNG: which chunks of a file make its picture (PNG 3rd edition, 5 and 11)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from common.pictures.child.headers import Refused
from common.pictures.child.pieces import joined
from common.pictures.protocol import Refusal

MAX_CHUNKS: Final = 50_000  # the smallest IDATs seen have 1 kB; 1.7 million empty ones took 4 s and 200 MB

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEAD: Final = struct.Struct(">I4s")  # length of the data, and kind; behind the data follow 4 bytes of checksum
_COLOUR_TYPE_AT: Final = 25  # in IHDR, which comes first
_PALETTE: Final = 3
_ANCILLARY: Final = 0x20  # a bit of the first letter of a kind (5.4)

# What says how a picture is turned, by the kind of its chunk: EXIF data, XMP, and EXIF data as ImageMagick writes them.
_TURNS: Final = {b"eXIf": b"", b"iTXt": b"XML:com.adobe.xmp\0\0", b"tEXt": b"Raw profile type exif\0"}
# How many bytes of tRNS Pillow takes, by colour type: grey, colour, palette. The others have an alpha channel.
_CLEAR_BYTES: Final = {0: range(2, 2**31), 2: range(6, 2**31), _PALETTE: range(257)}


class _Chunk(NamedTuple):
    """Where a chunk is, from its length to behind its checksum."""

    kind: bytes
    start: int
    end: int
    is_whole: bool


def own_parts(content: bytes) -> bytes:
    """A PNG without all that says nothing about its pixels.

    The critical chunks stay, a transparent colour that can be used, and what says how the picture is turned. Of an
    animation, that is its default image, which the author chose for all programs that show no animations.

    As in libpng, an ancillary chunk with a wrong checksum is left out. IDATs with other chunks between them are joined,
    which libpng does not do: all pixels are there.

    Raises:
        Refused: The file has too many chunks, or is cut off in what says how it is turned.
    """
    before: list[slice | bytes] = [slice(0, len(SIGNATURE))]
    pixels: list[slice | bytes] = []
    turns: set[bytes] = set()
    for chunk in _chunks(content):
        place = slice(chunk.start, chunk.end)
        if _says_how_it_is_turned(content, chunk):
            if not chunk.is_whole:
                raise Refused(Refusal.DAMAGED)
            if chunk.kind not in turns and _is_right(content, chunk):
                before.append(place)  # before the pixels, so that it is known when they come
                turns.add(chunk.kind)
        elif chunk.kind == b"IDAT" or pixels:
            if _is_critical(chunk.kind):
                pixels.append(place)
        elif _is_needed(content, chunk):
            before.append(place)
    return joined(content, before + pixels)


def _chunks(content: bytes) -> Iterator[_Chunk]:
    """All chunks to the end mark; the last may be cut off.

    Raises:
        Refused: There are too many.
    """
    at = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if at + _HEAD.size > len(content):
            return
        length, kind = _HEAD.unpack_from(content, at)
        end = at + _HEAD.size + length + 4
        if kind == b"IEND" or end >= len(content):  # behind the end mark, nothing is read
            yield _Chunk(kind, at, len(content), is_whole=end <= len(content))
            return
        yield _Chunk(kind, at, end, is_whole=True)
        at = end
    raise Refused(Refusal.TOO_MUCH_METADATA)


def _says_how_it_is_turned(content: bytes, chunk: _Chunk) -> bool:
    begin = _TURNS.get(chunk.kind)
    return begin is not None and content.startswith(begin, chunk.start + _HEAD.size)


def _is_needed(content: bytes, chunk: _Chunk) -> bool:
    """Whether a chunk before the pixels has a part in them."""
    colour_type = content[_COLOUR_TYPE_AT]
    if chunk.kind == b"PLTE":
        return colour_type == _PALETTE  # else a suggestion for displays of few colours
    if chunk.kind == b"tRNS":
        length = chunk.end - chunk.start - 12
        return length in _CLEAR_BYTES.get(colour_type, ()) and _is_right(content, chunk)
    return _is_critical(chunk.kind)


def _is_critical(kind: bytes) -> bool:
    """Whether a decoder must know a kind of chunk. What is no kind at all, Pillow must judge, too."""
    return not (kind.isalpha() and kind[0] & _ANCILLARY)


def _is_right(content: bytes, chunk: _Chunk) -> bool:
    """Whether a chunk has the checksum that it states. Of one that is cut off, this is true by chance only."""
    covered = memoryview(content)[chunk.start + 4 : chunk.end - 4]  # kind and data
    return zlib.crc32(covered) == int.from_bytes(content[chunk.end - 4 : chunk.end])
