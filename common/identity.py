"""Who a process is among its siblings: its name, the lock that makes the name its own, and its sign of life."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import hashlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from common.errors import SettingsError
from common.settings import Settings

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def only_one(settings: Settings, channel: str) -> Iterator[str]:
    """Hold this process's consumer name: host, data folder, and the name that Supervisor gave it.

    The name is the same after a restart, so a worker finds again what its former self left pending. A second
    process under it would take the first one's messages for its own: it refuses to run (exit code 1).
    """
    process = process_name(channel)
    folder = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:8]
    path = settings.data_dir / "locks" / f"{process}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch()
    except OSError as error:
        raise SettingsError(f"DATA_DIR={str(settings.data_dir)!r} cannot be written: {error.strerror}") from None
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.error("%s already runs on %s: stop that one first", process, settings.data_dir)
            sys.exit(1)
        yield f"{socket.gethostname()}-{folder}-{process}"


def process_name(channel: str) -> str:
    """The name under Supervisor, or the channel's when started by hand."""
    return os.environ.get("SUPERVISOR_PROCESS_NAME", channel)


def end_with_supervisor() -> None:
    """Have the kernel send SIGTERM when supervisord dies, so that a new one finds the field clear (Linux only).

    A SIGKILLed supervisord leaves its children running; started again, it would find every name taken by them.
    """
    if sys.platform != "linux" or "SUPERVISOR_ENABLED" not in os.environ:
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), signal.SIGTERM)


def heartbeat_file(settings: Settings, process: str) -> Path:
    """The file whose modification time is a process's last sign of life."""
    return settings.data_dir / "heartbeats" / process


async def beat(settings: Settings, channel: str, every_s: float) -> None:
    """Touch the heartbeat file for as long as the event loop turns.

    A local file, not a key in Redis: a pause of Redis must not look like the death of every worker.
    """
    path = heartbeat_file(settings, process_name(channel))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        with contextlib.suppress(OSError):  # a full disk: no sign of life, but no reason to die either
            path.touch()
        await asyncio.sleep(every_s)
