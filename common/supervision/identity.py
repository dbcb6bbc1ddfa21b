"""A process's name among its siblings, and the lock that makes the name unique."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from common.errors import SettingsError
from common.file_lock import lock_within, try_lock
from common.settings import Settings

# Time for the former process of that name to end: if supervisord died, the kernel has sent it SIGTERM. If it does not
# end, this process is a second copy of the bot.
LOCK_WAIT_S: Final = 10.0
_STOPPING: Final = "stopping"

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def only_one(settings: Settings, channel: str, wait_s: float = LOCK_WAIT_S) -> Iterator[str]:
    """Hold this process's consumer name: host, data folder, and the name that Supervisor gave it.

    The name is the same after a restart, so a worker finds again what the process before it left pending. A second
    process of that name would take the first one's messages: it refuses to run (exit code 1).
    """
    process = process_name(channel)
    folder = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:8]
    with _opened(settings, process) as lock:
        if not lock_within(lock, wait_s):
            _log.error("%s already runs on %s: stop that one first", process, settings.data_dir)
            sys.exit(1)
        lock.truncate(0)
        yield f"{socket.gethostname()}-{folder}-{process}"


def runs_already(settings: Settings, channel: str) -> bool:
    """Whether another process has this one's name now: its predecessor that has not ended yet, or another copy."""
    with contextlib.suppress(OSError), _lock_file(settings, process_name(channel)).open("a") as lock:
        return not try_lock(lock)
    return False


def say_stopping(settings: Settings, channel: str) -> None:
    """Note in this process's lock file that it is about to end. Our own Redis waits for processes that say so."""
    # The text is overwritten in place: a process that reads it meanwhile must not find the file empty.
    with contextlib.suppress(OSError), _lock_file(settings, process_name(channel)).open("r+") as lock:
        lock.write(_STOPPING)


def any_stopping(settings: Settings) -> bool:
    """Whether a process that said so still runs."""
    for path in _locks(settings).glob("*.lock"):
        with contextlib.suppress(OSError), path.open("a+") as lock:
            lock.seek(0)
            if lock.read() == _STOPPING and not try_lock(lock):
                return True
    return False


def process_name(channel: str) -> str:
    """The name under Supervisor, or the channel's name if started by hand."""
    return os.environ.get("SUPERVISOR_PROCESS_NAME", channel)


def supervisors_name(group: str, process: str) -> str:
    """What ``supervisorctl`` calls a process: as its program, or ``program:process`` where that has several."""
    return process if process == group else f"{group}:{process}"


def _locks(settings: Settings) -> Path:
    return settings.data_dir / "locks"


def _lock_file(settings: Settings, process: str) -> Path:
    return _locks(settings) / f"{process}.lock"


def _opened(settings: Settings, process: str) -> IO[str]:
    path = _lock_file(settings, process)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path.open("a")
    except OSError as error:
        raise SettingsError(f"DATA_DIR={str(settings.data_dir)!r} cannot be written: {error.strerror}") from None
