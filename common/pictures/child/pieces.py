"""Puts a file together again from some of its parts."""

from __future__ import annotations

from collections.abc import Iterable


def joined(content: bytes, pieces: Iterable[slice | bytes]) -> bytes:
    """The parts of a file that are kept, in order; and bytes of ours between them.

    If they are the whole file, nothing is copied.

    Args:
        content: The file.
        pieces: Where its parts are, each within the file; or other bytes.
    """
    view = memoryview(content)
    merged: list[slice | bytes] = []
    for piece in pieces:
        before = merged[-1] if merged else None
        if isinstance(piece, slice) and isinstance(before, slice) and before.stop == piece.start:
            merged[-1] = slice(before.start, piece.stop)
        else:
            merged.append(piece)
    if merged == [slice(0, len(content))]:
        return content
    return b"".join(view[piece] if isinstance(piece, slice) else piece for piece in merged)
