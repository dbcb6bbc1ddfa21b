"""A Redis server for one benchmark: append-only, on a unix socket in a temporary folder."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from common.programs import redis_command

Fsync = Literal["everysec", "always"]

_START_LIMIT_S: Final = 20.0


@contextlib.contextmanager
def running(fsync: Fsync) -> Iterator[str]:
    """An empty server, for as long as the context lasts. Gives its URL.

    It is the same binary that the bot runs. It does not rewrite its append-only file: that would disturb one contender
    and not the others.

    Raises:
        RuntimeError: It did not start.
    """
    with tempfile.TemporaryDirectory(prefix="whatsit-") as folder:
        options = {
            "port": "0",
            "unixsocket": f"{folder}/r.sock",
            "dir": folder,
            "logfile": f"{folder}/log",
            "save": "",
            "appendonly": "yes",
            "appendfsync": fsync,
            "auto-aof-rewrite-percentage": "0",
            "maxmemory-policy": "noeviction",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        process = subprocess.Popen([redis_command.binary(), *arguments])  # noqa: S603 -- our own arguments
        try:
            url = f"unix://{options['unixsocket']}"
            _wait_for(url, process, Path(options["logfile"]))
            yield url
        finally:
            process.kill()
            process.wait()


def version(url: str) -> str:
    """The server's version."""
    with Redis.from_url(url) as redis:
        about: Any = redis.info("server")
    return str(about["redis_version"])


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(RedisConnectionError), Redis.from_url(url) as redis:
            redis.ping()
            return
        time.sleep(0.01)
    msg = f"Redis did not start: {log.read_text() if log.exists() else 'it left no log'}"
    raise RuntimeError(msg)
