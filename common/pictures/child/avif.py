"""AVIF: what of a file is not its picture (ISO 14496-12, 4 and 8.11; ISO 23008-12, annex A)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from common.pictures.child.pieces import joined

# Boxes that are looked at, inside another one. A file has about 10, and its meta box names 5 to 100 items.
_MAX_BOXES: Final = 10_000

_HEAD: Final = struct.Struct(">I4s")
_LONG: Final = struct.Struct(">Q")
_KIND_AT: Final = {2: 8, 3: 10}  # in infe, by its version; older ones have no kinds
_NOT_THE_PICTURE: Final = (b"Exif", b"mime")  # mime: XMP
_NO_ITEM: Final = b"skip"  # a kind of item that no decoder knows


def without_metadata(content: bytes) -> bytes:
    """The same file, in which the items of EXIF data and XMP have a kind that no decoder knows; if it has such items.

    libavif refuses files with broken EXIF data. They do not count: boxes of the picture say how it is turned.
    """
    pieces: list[slice | bytes] = []
    kept = 0
    for at in _kinds_of_items(content):
        if content.startswith(_NOT_THE_PICTURE, at):
            pieces += [slice(kept, at), _NO_ITEM]
            kept = at + len(_NO_ITEM)
    return joined(content, [*pieces, slice(kept, len(content))])


def _kinds_of_items(content: bytes) -> Iterator[int]:
    """Where the kinds of all items are: in each infe box, inside iinf, inside meta."""
    for meta in _boxes(content, slice(0, len(content)), b"meta"):
        for items in _boxes(content, slice(meta.start + 4, meta.stop), b"iinf"):
            count_bytes = 4 if content[items.start] else 2
            for item in _boxes(content, slice(items.start + 4 + count_bytes, items.stop), b"infe"):
                yield item.start + _KIND_AT.get(content[item.start], 0)


def _boxes(content: bytes, within: slice, kind: bytes) -> Iterator[slice]:
    """Where the contents are of those boxes that have one kind."""
    at = within.start
    for _ in range(_MAX_BOXES):
        if at + _HEAD.size > within.stop:
            return
        size, found = _HEAD.unpack_from(content, at)
        start = at + _HEAD.size
        if size == 1 and start + _LONG.size <= within.stop:
            (size,) = _LONG.unpack_from(content, start)
            start += _LONG.size
        end = within.stop if size == 0 else at + size  # 0: to the end
        if end < start or end > within.stop:
            return
        if found == kind and start < end:
            yield slice(start, end)
        at = end
