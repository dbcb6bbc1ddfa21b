"""A lock for pictures that take much memory, shared by the workers that decode (``docs/decisions/0015``).

The worker holds it, and not its decoder, which may open nothing. The kernel frees it when the worker ends. The worker
frees it when its decoder is done, has died, or is killed because its time is up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Final

from common.file_lock import try_lock

# Such pictures take less than a second each, and more memory is better than a user who waits. This, a file's own time
# and the time of the files before it (``common/pictures/decoder.py``) fit into a handler's limit together.
WAIT_LIMIT_S: Final = 2.0
_LOOK_AGAIN_S: Final = 0.01

_log = logging.getLogger(__name__)


class LargePictureLock:
    """A lock among processes. A picture that waits too long for it is decoded without it.

    Args:
        path: The file that its holder locks.
        wait_limit_s: How long a picture waits.
    """

    def __init__(self, path: Path, wait_limit_s: float = WAIT_LIMIT_S) -> None:
        self._path = path
        self._wait_limit_s = wait_limit_s

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the lock for as long as the context lasts."""
        with contextlib.ExitStack() as stack:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                await self._lock(stack.enter_context(self._path.open("a")))
            except TimeoutError:
                _log.info("another large picture takes over %g s: this one is decoded next to it", self._wait_limit_s)
            except OSError as error:
                _log.warning("large pictures cannot be locked: %s", error)
            yield

    async def _lock(self, file: IO[str]) -> None:
        async with asyncio.timeout(self._wait_limit_s):
            while not try_lock(file):  # noqa: ASYNC110 -- another process sets no event
                await asyncio.sleep(_LOOK_AGAIN_S)


def large_picture_lock(data_dir: Path) -> LargePictureLock:
    """The lock of all decoders of a checkout."""
    return LargePictureLock(data_dir / "locks" / "large-picture.lock")
