"""Decodes WebP row by row, with the libwebp inside Pillow.

Pillow reads each WebP as a video: with two canvases and a copy of the picture, 200 MB for 12 megapixels. libwebp itself
writes rows into our buffer, as many as the bytes that it has make (webp/decode.h, "Incremental decoding").
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

from PIL import _webp

_RGBA: Final = 1  # WEBP_CSP_MODE
_OK: Final = 0  # VP8StatusCode
_SUSPENDED: Final = 5
_MOVES: Final = 2  # flag of VP8X (RFC 9649, 2.7)


def _libwebp() -> ctypes.CDLL | None:
    """The library; None where Pillow does not export its functions."""
    library = ctypes.CDLL(_webp.__file__)  # its symbols include those of its linked libraries
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    try:
        library.WebPINewRGB.argtypes, library.WebPINewRGB.restype = (ctypes.c_int, pointer, size, ctypes.c_int), pointer
        library.WebPIUpdate.argtypes = (pointer, ctypes.c_char_p, size)
        library.WebPIDecGetRGB.argtypes, library.WebPIDecGetRGB.restype = (pointer, *[pointer] * 4), pointer
        library.WebPIDelete.argtypes, library.WebPIDelete.restype = (pointer,), None
    except AttributeError:
        return None
    return library


_LIBRARY: Final = _libwebp()


def can_decode(content: bytes) -> bool:
    """Whether a WebP file is one picture, not an animation, and can be decoded here."""
    return _LIBRARY is not None and not (content[12:16] == b"VP8X" and content[20] & _MOVES)


def is_lossless(content: bytes) -> bool:
    """Whether a file is a WebP whose picture is stored without loss."""
    begins, _ = _picture_chunk(content)
    return content.startswith(b"RIFF") and content[begins : begins + 4] == b"VP8L"


def _picture_chunk(content: bytes) -> tuple[int, int]:
    """Where the chunk with the picture begins and ends (RFC 9649, 2.5); behind the file if there is no such chunk."""
    at = 12
    while at < len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        if content[at : at + 4] in (b"VP8 ", b"VP8L"):
            return at, at + 8 + size
        at += 8 + size + size % 2
    return len(content), len(content)


def decode(content: bytes, memory: Any, stride: int, step: int, arrived: Callable[[int], None]) -> None:
    """Write a WebP's pixels (RGBA) into a writable buffer of ``stride`` bytes a row.

    ``arrived`` is called with the number of complete rows, which the decoder does not read again.

    Raises:
        OSError: The file is damaged, or its picture does not fit.
    """
    assert _LIBRARY  # noqa: S101 -- for mypy: can_decode has checked it
    target = (ctypes.c_char * len(memory)).from_buffer(memory)
    decoder = _LIBRARY.WebPINewRGB(_RGBA, target, len(memory), stride)
    if not decoder:
        raise MemoryError
    try:
        last_row = ctypes.c_int()
        # Only the picture: if it is incomplete, libwebp would read the bytes behind it as the rest.
        length = min(_picture_chunk(content)[1], len(content))
        for end in range(step, length + step, step):
            status = _LIBRARY.WebPIUpdate(decoder, content, min(end, length))
            if status not in (_OK, _SUSPENDED):
                break
            if _LIBRARY.WebPIDecGetRGB(decoder, ctypes.byref(last_row), None, None, None):
                arrived(last_row.value)
        if status != _OK:
            msg = f"libwebp's status is {status}"
            raise OSError(msg)
    finally:
        _LIBRARY.WebPIDelete(decoder)
