"""Decodes WebP row by row, with the libwebp inside Pillow.

Pillow reads each WebP as a video: with two canvases and a copy of the picture, 200 MB for 12 megapixels. libwebp itself
writes rows into our buffer, as many as the bytes that it has make (webp/decode.h, "Incremental decoding").
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

from PIL import _webp

from common.pictures.child import riff

_RGBA: Final = 1  # WEBP_CSP_MODE
_OK: Final = 0  # VP8StatusCode
_SUSPENDED: Final = 5


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
    return _LIBRARY is not None and not riff.moves(content)


def is_lossless(content: bytes) -> bool:
    """Whether a file is a WebP whose picture is stored without loss."""
    picture = riff.picture(content)
    return picture is not None and picture.kind == b"VP8L"


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
        picture = riff.picture(content)
        length = picture.end if picture else len(content)
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
