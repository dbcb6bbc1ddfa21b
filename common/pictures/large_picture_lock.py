"""One turn for pictures that take much memory, which the workers that decode share (``docs/decisions/0015``).

The worker has it, and not its decoder, which may open nothing: the kernel frees it when the worker ends, and the worker
when its decoder is done, has died, or has had its time and is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Final

# How long to wait. Such pictures take less than a second each; and memory is better spent than a user's time. With its
# own time and that of those before it (``common/pictures/decoder.py``), a file's wait fits into a handler's limit.
LIMIT_S: Final = 2.0
_LOOK_AGAIN_S: Final = 0.01

_log = logging.getLogger(__name__)


class SharedTurn:
    """A turn among processes; who waits too long for it goes on without.

    Args:
        path: The file that is locked by whoever has it.
        limit_s: How long to wait.
    """

    def __init__(self, path: Path, limit_s: float = LIMIT_S) -> None:
        self._path = path
        self._limit_s = limit_s

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Have the turn, for as long as the context lasts."""
        with contextlib.ExitStack() as stack:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                await self._lock(stack.enter_context(self._path.open("a")))
            except TimeoutError:
                _log.info("another large picture takes more than %g s: this one is decoded beside it", self._limit_s)
            except OSError as error:
                _log.warning("no turns for large pictures: %s", error)
            yield

    async def _lock(self, file: IO[str]) -> None:
        async with asyncio.timeout(self._limit_s):
            while True:
                with contextlib.suppress(BlockingIOError):
                    return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                await asyncio.sleep(_LOOK_AGAIN_S)


def large_turn(data_dir: Path) -> SharedTurn:
    """The turn of all decoders of a checkout."""
    return SharedTurn(data_dir / "locks" / "large-picture.lock")
