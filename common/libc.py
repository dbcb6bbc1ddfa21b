"""C functions that Python does not wrap: glibc's memory, and Linux's ``prctl``. Elsewhere these do nothing."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
from typing import Final

LIBC: Final = ctypes.CDLL(None, use_errno=True)

# malloc.h
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 2**20

# linux/prctl.h
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38

_MADV_DONTNEED: Final = 4  # asm-generic/mman-common.h


def give_back_large_memory() -> None:
    """Return a large block to the kernel as soon as it is freed. glibc would keep 30 MB of it for the next one."""
    _mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def keep_memory(kept_bytes: int, largest_block_bytes: int) -> None:
    """Keep up to ``kept_bytes`` of freed memory for the next use, in blocks of ``largest_block_bytes`` at most."""
    _mallopt(_M_TRIM_THRESHOLD, kept_bytes)
    _mallopt(_M_MMAP_THRESHOLD, largest_block_bytes)


def give_memory_back() -> None:
    """Return all freed memory to the kernel now."""
    with contextlib.suppress(AttributeError):  # not glibc
        LIBC.malloc_trim(0)


def forget_pages(start: int, end: int) -> None:
    """Return the memory from address ``start`` to ``end`` to the kernel. Pages of a file are read again when used."""
    with contextlib.suppress(AttributeError):  # not POSIX
        LIBC.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Make the kernel send this process that signal when the thread that started it ends (Linux only)."""
    _prctl(_PR_SET_PDEATHSIG, number)


def hide_memory() -> None:
    """Keep other processes of the same user from reading this one's memory or attaching to it (Linux only)."""
    _prctl(_PR_SET_DUMPABLE, 0)


def gain_no_privileges() -> None:
    """Keep every program that this process executes from having more rights than it has (Linux only)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _mallopt(parameter: int, value: int) -> None:
    with contextlib.suppress(AttributeError):  # not glibc
        LIBC.mallopt(parameter, value)


def _prctl(option: int, *arguments: int) -> None:
    if sys.platform == "linux":
        LIBC.prctl(option, *arguments)
