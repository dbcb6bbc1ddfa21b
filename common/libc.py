"""What a worker does to stay small."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # malloc.h
_LARGE_BYTES: Final = 2**20


def give_back_large_memory() -> None:
    """Return to the kernel what a file took as soon as it is let go. glibc would keep 30 MB of it for the next one."""
    with contextlib.suppress(AttributeError):  # no glibc
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
