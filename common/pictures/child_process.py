"""The decoder as its worker sees it: an untrusted child process."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from common.pictures.protocol import (
    GO_ON,
    REPLY_BYTES,
    Cut,
    Refusal,
    ReplyKind,
    Whole,
    expect_ready,
    expect_reply,
    expect_whole,
    read_refusal,
    request,
)
from common.settings import ROOT

Lock = Callable[[], AbstractAsyncContextManager[None]]

START_LIMIT_S: Final = 10.0  # it takes 0.1 s
# What Python may need to start. The rest of the worker's environment, such as the token, stays in the worker.
KEPT_VARIABLES: Final = ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")


class DecoderProcess:
    """One decoder, from start to end. A caller that gets an error from it, or stops waiting, must ``end`` it.

    Construct it in a thread that lives as long as the worker, such as the event loop's: the kernel kills the decoder
    when the thread that started it ends.
    """

    def __init__(self, module: str) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        self._numbers = itertools.count(1)
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 -- our own module
                    [sys.executable, "-m", module],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    cwd=ROOT,
                    env={name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ},
                    start_new_session=True,  # Ctrl-C is for the worker, which ends its decoder itself
                )
            except OSError:
                self._socket.close()
                raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def has_died(self) -> bool:
        """Whether the process has ended, for whatever reason."""
        return self._process.poll() is not None

    async def ready(self) -> None:
        """Wait until the process takes requests.

        Raises:
            TimeoutError, EOFError, ConnectionError, StrayReply: It does not, and will not.
        """
        async with asyncio.timeout(START_LIMIT_S):
            expect_ready(await self._receive(REPLY_BYTES))

    async def decode(self, content: bytes, cut: Cut | Whole, lock: Lock) -> bytes | Refusal:
        """What is wanted of a file, or why it is refused.

        That is the model's pixels (crop x crop x 3, uint8, RGB, row by row), or the whole picture as
        ``common/pictures/protocol.py`` describes it.

        Args:
            content: The file.
            cut: What to make of its picture.
            lock: Entered before the decoder takes much memory, if it does, and left when it is done.

        Raises:
            EOFError, ConnectionError: The decoder died.
            StrayReply: Its reply does not fit the request: it is broken, or a picture has taken it over.
        """
        number = next(self._numbers)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._socket, request(number, cut, len(content)))
        await loop.sock_sendall(self._socket, content)
        kind, length = expect_reply(await self._receive(REPLY_BYTES), number, cut)
        if kind is not ReplyKind.LARGE:
            return await self._payload(kind, length, cut)
        async with lock():
            await loop.sock_sendall(self._socket, GO_ON)
            kind, length = expect_reply(await self._receive(REPLY_BYTES), number, cut)
            return await self._payload(kind, length, cut)

    def kill(self) -> None:
        """Make the kernel end the process, and drop its further replies."""
        self._process.kill()
        self._socket.close()

    async def end(self) -> int:
        """Kill it if it lives, and wait for its end. Returns its exit status, negative if a signal ended it."""
        self.kill()
        return await asyncio.to_thread(self._process.wait)

    async def _payload(self, kind: ReplyKind, length: int, cut: Cut | Whole) -> bytes | Refusal:
        payload = await self._receive(length)
        if kind not in {ReplyKind.PIXELS, ReplyKind.WHOLE}:
            return read_refusal(payload)  # to ask twice is a stray reply
        if isinstance(cut, Whole):
            expect_whole(payload, cut)
        return payload

    async def _receive(self, length: int) -> bytes:
        received = bytearray(length)
        left = memoryview(received)
        while left:
            count = await asyncio.get_running_loop().sock_recv_into(self._socket, left)
            if not count:
                msg = f"{len(left)} of {length} bytes missing"
                raise EOFError(msg)
            left = left[count:]
        return bytes(received)


def how_it_died(status: int) -> str:
    """What an exit status means, for the log."""
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"
