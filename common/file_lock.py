"""Locks between processes: a file that one process at a time holds.

The kernel frees a lock when the last copy of its file is closed, which includes a crash of its holder. A child that
inherits the file holds the lock as well.
"""

from __future__ import annotations

import fcntl
import time
from typing import IO, Any, Final

_LOOK_AGAIN_S: Final = 0.02


def try_lock(file: IO[Any] | int) -> bool:
    """Lock an open file, unless another process holds it. Returns whether it is locked now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock(file: IO[Any] | int) -> None:
    """Lock an open file; wait for as long as another process holds it."""
    fcntl.flock(file, fcntl.LOCK_EX)


def lock_within(file: IO[Any] | int, limit_s: float) -> bool:
    """Lock an open file; wait ``limit_s`` at most. Returns whether it is locked now."""
    deadline = time.monotonic() + limit_s
    while not try_lock(file):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_AGAIN_S)
    return True
