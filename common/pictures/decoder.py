"""The worker's side of decoding: one file at a time, in a process that may crash, hang or grow without harm to it.

``common/pictures/child/main.py`` runs inside that process, ``common/pictures/protocol.py`` has their messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import signal
from collections.abc import AsyncIterator
from typing import Final

from common.errors import Outage
from common.limits import MAX_FILE_BYTES
from common.pictures.child_process import DecoderProcess, how_it_died
from common.pictures.large_picture_lock import LargePictureLock
from common.pictures.protocol import DECODE_LIMIT_S, Cut, Refusal, StrayReply, Whole

# How long a file waits for the files before it. That is enough for one that hangs, unless that one also waited for the
# other decoder: then the files behind it come again, which costs no attempt. This, a file's own DECODE_LIMIT_S and its
# wait for the other decoder fit into a handler's limit. Other people's files delay a file, and never use its attempts.
QUEUE_LIMIT_S: Final = 11.0
# Not only the file can kill a decoder: an operator can, or the kernel when memory runs out.
TRIES: Final = 2

_DIED: Final = (EOFError, ConnectionError, StrayReply)

_log = logging.getLogger(__name__)


class Decoder:
    """Decodes files one at a time, in a process that is used again until it fails.

    Args:
        module: The module that the process runs.
        limit_s: How long one file may take, all its tries together.
        queue_limit_s: How long it may wait for the files before it.
        lock: Held while a file takes much memory; shared with other decoders. None if this is the only one.
    """

    def __init__(
        self,
        *,
        module: str = "common.pictures.child.main",
        limit_s: float = DECODE_LIMIT_S,
        queue_limit_s: float = QUEUE_LIMIT_S,
        lock: LargePictureLock | None = None,
    ) -> None:
        self._module = module
        self._limit_s = limit_s
        self._queue_limit_s = queue_limit_s
        self._queue = asyncio.Lock()
        self._lock = lock
        self._process: asyncio.Task[DecoderProcess] | None = None
        self._ending: set[asyncio.Task[int]] = set()

    def start(self) -> None:
        """Start the process unless it runs. Does not wait for it."""
        self._begin()

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process:
            process.cancel()  # in case it is still starting
            (started,) = await asyncio.gather(process, return_exceptions=True)
            if isinstance(started, DecoderProcess):
                self._end(started)
        await asyncio.gather(*self._ending)

    async def decode(self, content: bytes, cut: Cut | Whole, name: str) -> bytes | Refusal:
        """What is wanted of a file, or why it is refused.

        That is the model's pixels (crop x crop x 3, uint8, RGB, row by row), or the whole picture as
        ``common/pictures/protocol.py`` describes it.

        Args:
            content: The file.
            cut: What to make of its picture.
            name: What the log calls it.

        Raises:
            Outage: The files before it take long, or the process does not start.
        """
        if len(content) > MAX_FILE_BYTES:
            return Refusal.TOO_LARGE
        async with self._one_at_a_time():
            return await self._decode(content, cut, name)

    async def _decode(self, content: bytes, cut: Cut | Whole, name: str) -> bytes | Refusal:
        left_s = self._limit_s
        for attempt in range(1, TRIES + 1):
            process = await self._ready()
            limit = asyncio.timeout(left_s)
            try:
                async with limit:
                    return await process.decode(content, cut, functools.partial(self._one_large_at_a_time, limit))
            except TimeoutError:
                self._replace(process)
                _log.warning("%r is refused: it was not decoded within %g s", name, self._limit_s)
                return Refusal.TOO_SLOW
            except _DIED as error:
                status = await asyncio.shield(self._replace(process))
                _log.warning("%r: its decoder died (%s; %s), try %d", name, how_it_died(status), error, attempt)
                if status == -signal.SIGXCPU:
                    return Refusal.TOO_SLOW
            except asyncio.CancelledError:
                self._replace(process)  # its late reply must not answer another file
                raise
            left_s = _left_s(limit)
        return Refusal.UNREADABLE

    @contextlib.asynccontextmanager
    async def _one_at_a_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._queue_limit_s):
                await self._queue.acquire()
        except TimeoutError:
            msg = f"the pictures before this one took {self._queue_limit_s:g} s"
            raise Outage(msg) from None
        try:
            yield
        finally:
            self._queue.release()

    @contextlib.asynccontextmanager
    async def _one_large_at_a_time(self, limit: asyncio.Timeout) -> AsyncIterator[None]:
        """Hold the lock for large pictures. Waiting for it does not count as this file's time."""
        left_s = _left_s(limit)
        limit.reschedule(None)
        async with self._lock.held() if self._lock else contextlib.nullcontext():
            limit.reschedule(asyncio.get_running_loop().time() + left_s)
            yield

    # The process

    def _begin(self) -> asyncio.Task[DecoderProcess]:
        if self._process is None:
            self._process = asyncio.create_task(self._started(), name="start a decoder")
            self._process.add_done_callback(self._forget_if_failed)
        return self._process

    async def _ready(self) -> DecoderProcess:
        """The process, once it takes requests; a new one if it died between two files."""
        try:
            process = await asyncio.shield(self._begin())
            if process.has_died:
                status = await asyncio.shield(self._replace(process))
                _log.warning("the decoder died while it was idle (%s)", how_it_died(status))
                process = await asyncio.shield(self._begin())
        except (OSError, *_DIED) as error:
            msg = f"the decoder does not start: {error!r}"
            raise Outage(msg) from error
        return process

    async def _started(self) -> DecoderProcess:
        process = DecoderProcess(self._module)
        try:
            await process.ready()
        except BaseException:
            self._end(process)
            raise
        return process

    def _forget_if_failed(self, process: asyncio.Task[DecoderProcess]) -> None:
        if self._process is process and not process.cancelled() and process.exception():
            self._process = None

    def _replace(self, process: DecoderProcess) -> asyncio.Task[int]:
        """End the process and start the next one, so that the next file does not wait for it."""
        self._process = None
        self._begin()
        return self._end(process)

    def _end(self, process: DecoderProcess) -> asyncio.Task[int]:
        process.kill()
        ending = asyncio.create_task(process.end(), name="end a decoder")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        return ending


def _left_s(limit: asyncio.Timeout) -> float:
    ends = limit.when()
    assert ends is not None  # noqa: S101 -- unset only while we wait for the lock
    return ends - asyncio.get_running_loop().time()
