"""WebP: which chunks of a file make its picture (RFC 9649, 2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from common.pictures.child.frames import MAX_FRAMES
from common.pictures.child.pieces import joined

_MAX_CHUNKS: Final = 10_000  # that are looked at: two million empty ones fit in 20 MB, and took 2 s
_RIFF, _WEBP = b"RIFF", b"WEBP"
_HEAD_BYTES: Final = 12
_CHUNK: Final = struct.Struct("<4sI")  # kind, and length of what follows
_PICTURES: Final = (b"VP8 ", b"VP8L")
_FRAMES: Final = (b"ANIM", b"ANMF")

_EXTENDED, _EXTENDED_BYTES = b"VP8X", 10
_FLAGS_AT: Final = 20  # in VP8X, which comes first
_MOVES, _HAS_ALPHA = 0x02, 0x10
_TURNS: Final = {b"EXIF": 0x08, b"XMP ": 0x04}  # chunks that may say how a picture is turned, and their flags


class Chunk(NamedTuple):
    """Where a chunk is, without the byte that fills it up to an even length."""

    kind: bytes
    start: int
    end: int


class _Own(NamedTuple):
    """The chunks that make a picture, an animation, and what may say how it is turned, by kind."""

    still: list[Chunk]
    moving: list[Chunk]
    turns: dict[bytes, Chunk]


def is_one(content: bytes) -> bool:
    """Whether a file begins as WebP does."""
    return content.startswith(_RIFF) and content.startswith(_WEBP, 8)


def moves(content: bytes) -> bool:
    """Whether a WebP says that it is an animation."""
    return bool(_flags(content) & _MOVES)


def picture(content: bytes) -> Chunk | None:
    """The chunk with the picture of a WebP that is no animation, if it is whole."""
    if not is_one(content):
        return None
    return next((chunk for chunk in _chunks(content) if chunk.kind in _PICTURES), None)


def own_parts(content: bytes) -> bytes:
    """A WebP with only its picture or its first ten frames, EXIF data and XMP; its lengths and flags made right.

    A file that is cut off stays as it is, and libwebp refuses it.
    """
    flags, stated_end = _flags(content), 8 + int.from_bytes(content[4:8], "little")
    still, moving, turns = _own_chunks(content, stated_end)
    is_moving = bool(flags & _MOVES and moving)
    chunks = moving if is_moving else still
    stated = [kind for kind, flag in _TURNS.items() if flags & flag]
    lacks_turn = not turns.keys() >= set(stated)
    if not chunks or (stated_end > len(content) and (is_moving or lacks_turn)):
        return content
    right = flags & _HAS_ALPHA | (_MOVES if is_moving else 0)
    for kind in stated:
        if kind in turns:
            chunks.append(turns[kind])
            right |= _TURNS[kind]
    return _put_together(content, sorted(chunks, key=lambda chunk: chunk.start), right)


def _own_chunks(content: bytes, stated_end: int) -> _Own:
    own = _Own([], [], {})
    has_picture = False
    for chunk in _chunks(content):
        if chunk.start == stated_end + stated_end % 2 and (has_picture or own.moving):
            break  # behind the file; an end in the midst of a chunk does not count
        if chunk.kind in _TURNS:
            own.turns.setdefault(chunk.kind, chunk)
        elif chunk.kind in _FRAMES and len(own.moving) <= MAX_FRAMES:  # ANIM comes before the frames
            own.moving.append(chunk)
        elif not has_picture and (chunk.kind in _PICTURES or chunk.kind == b"ALPH"):
            own.still.append(chunk)
            has_picture = chunk.kind in _PICTURES
    return own if has_picture else own._replace(still=[])


def _put_together(content: bytes, chunks: list[Chunk], flags: int) -> bytes:
    pieces: list[slice | bytes] = []
    if _is_extended(content):
        head = _CHUNK.pack(_EXTENDED, _EXTENDED_BYTES) + bytes((flags,))
        pieces.append(slice(_HEAD_BYTES, _FLAGS_AT + 1) if content.startswith(head, _HEAD_BYTES) else head)
        pieces.append(slice(_FLAGS_AT + 1, _FLAGS_AT + _EXTENDED_BYTES))
    for chunk in chunks:
        even = chunk.end + (chunk.end - chunk.start) % 2
        pieces += [slice(chunk.start, even)] if even <= len(content) else [slice(chunk.start, chunk.end), b"\0"]
    size = len(_WEBP) + sum(piece.stop - piece.start if isinstance(piece, slice) else len(piece) for piece in pieces)
    head = _CHUNK.pack(_RIFF, size) + _WEBP
    return joined(content, [slice(0, _HEAD_BYTES) if content.startswith(head) else head, *pieces])


def _chunks(content: bytes) -> Iterator[Chunk]:
    """All chunks that are whole, to the first that is not."""
    at = _HEAD_BYTES
    for _ in range(_MAX_CHUNKS):
        if at + _CHUNK.size > len(content):
            return
        kind, length = _CHUNK.unpack_from(content, at)
        end = at + _CHUNK.size + length
        if end > len(content):
            return
        yield Chunk(kind, at, end)
        at = end + length % 2


def _is_extended(content: bytes) -> bool:
    return content.startswith(_EXTENDED, _HEAD_BYTES)


def _flags(content: bytes) -> int:
    return content[_FLAGS_AT] if _is_extended(content) and len(content) > _FLAGS_AT else 0
