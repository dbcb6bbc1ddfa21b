"""GIF: what comes before the first frame of a file (GIF89a specification, 1990)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

from common.pictures.child.pieces import joined

SIGNATURES: Final = (b"GIF87a", b"GIF89a")
_MAX_EXTENSIONS: Final = 10_000  # that are looked at: six million empty ones fit in 20 MB, and took 23 s
_FLAGS_AT, _HEAD_BYTES = 10, 13
_PALETTE: Final = 0x80  # a flag; then the lowest three bits are its size
_BLOCK: Final = re.compile(rb"[,!;]")  # anything else is skipped, as Pillow and browsers do
_EXTENSION: Final = b"!"
_CONTROL: Final = b"!\xf9"  # says of the next frame which colour is transparent, and what becomes of it
_CONTROL_BYTES: Final = 4
_REPEATS: Final = b"!\xff\x0bNETSCAPE2.0"  # how often the animation repeats


def own_parts(content: bytes) -> bytes:
    """A GIF without extensions before its first frame that have too few data: behind those, Pillow loses its place.

    Whole texts, comments and the like do no harm, and to leave them out would take a copy of nearly every animation.
    """
    pieces: list[slice | bytes] = []
    kept = 0
    for extension in itertools.islice(_extensions(content), _MAX_EXTENSIONS):
        if not _has_data(content, extension.start):
            pieces.append(slice(kept, extension.start))
            kept = extension.stop
    return joined(content, [*pieces, slice(kept, len(content))])


def _extensions(content: bytes) -> Iterator[slice]:
    """Where the extensions before the first frame are. The last may be cut off."""
    flags = content[_FLAGS_AT] if len(content) > _FLAGS_AT else 0
    at = _HEAD_BYTES + (3 << (flags & 7) + 1 if flags & _PALETTE else 0)
    while (found := _BLOCK.search(content, at)) and found[0] == _EXTENSION:
        at = _end_of_data(content, found.start() + 2)
        yield slice(found.start(), at)


def _end_of_data(content: bytes, at: int) -> int:
    """Where data end that come in blocks of up to 255 bytes, the last of which is empty."""
    end = len(content)
    while at < end:
        length = content[at]
        at += 1 + length
        if not length:
            break
    return min(at, end)


def _has_data(content: bytes, start: int) -> bool:
    """Whether an extension has as many data as Pillow reads."""
    if content.startswith(_REPEATS, start):
        return not content.startswith(b"\0", start + len(_REPEATS))
    least = _CONTROL_BYTES if content.startswith(_CONTROL, start) else 1
    return content[start + 2 : start + 3] >= bytes((least,))
