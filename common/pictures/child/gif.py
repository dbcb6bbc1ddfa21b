"""GIF: which blocks of a file make its frames (GIF89a specification, 1990)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from common.pictures.child.pieces import joined

MAX_FRAMES: Final = 10  # so many are looked at for one that is not blank

SIGNATURES: Final = (b"GIF87a", b"GIF89a")
_FLAGS_AT, _HEAD_BYTES = 10, 13
_FRAME_FLAGS_AT, _FRAME_BYTES = 9, 10
_PALETTE: Final = 0x80  # a flag; then the lowest three bits are its size
_BLOCK: Final = re.compile(rb"[,!;]")  # what is no block is skipped, as Pillow and browsers do
_FRAME, _END = b",", b";"
_CONTROL: Final = b"!\xf9"  # says of the next frame which colour is transparent, and what becomes of it
_CONTROL_BYTES: Final = 4


def own_parts(content: bytes) -> bytes:
    """A GIF without comments, texts and other extensions, as far as its tenth frame."""
    return joined(content, [slice(0, _head_bytes(content)), *_blocks(content, MAX_FRAMES)])


def moves(content: bytes) -> bool:
    """Whether a GIF has a second frame, or the beginning of one."""
    return sum(content.startswith(_FRAME, block.start) for block in _blocks(content, 2)) > 1


def _blocks(content: bytes, frames: int) -> Iterator[slice]:
    """Where some frames are, what controls them, and the end mark. The last one may be cut off."""
    at = _head_bytes(content)
    while frames and (found := _BLOCK.search(content, at)):
        start = found.start()
        if found[0] == _END:
            yield slice(start, len(content))  # behind it, nothing is read
            return
        if found[0] == _FRAME:
            at = _end_of_data(content, start + _FRAME_BYTES + _palette_bytes(content, start + _FRAME_FLAGS_AT) + 1)
            frames -= 1
            yield slice(start, at)
        else:
            at = _end_of_data(content, start + 2)
            if content.startswith(_CONTROL, start) and content[start + 2 : start + 3] >= bytes((_CONTROL_BYTES,)):
                yield slice(start, at)


def _end_of_data(content: bytes, at: int) -> int:
    """Where data end that come in blocks of up to 255 bytes, the last of which is empty."""
    end = len(content)
    while at < end:
        length = content[at]
        at += 1 + length
        if not length:
            break
    return min(at, end)


def _head_bytes(content: bytes) -> int:
    return min(_HEAD_BYTES + _palette_bytes(content, _FLAGS_AT), len(content))


def _palette_bytes(content: bytes, flags_at: int) -> int:
    flags = content[flags_at] if flags_at < len(content) else 0
    return 3 << (flags & 7) + 1 if flags & _PALETTE else 0
