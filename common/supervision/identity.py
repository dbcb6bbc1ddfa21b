"""Who a process is among its siblings: its name, the lock that makes the name its own, and its sign of life."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from common.errors import SettingsError
from common.settings import Settings

# For a former self to end. It has been told to, if supervisord died; if not, somebody started a second copy.
LOCK_WAIT_S: Final = 10.0
ENDED_BY_SIGTERM: Final = 143  # as a shell would say it
# A worker that has shown no sign of life for so long hangs: it shows one every two seconds. Before the first it imports
# what it needs (2 s; more from a slow disk), and may have to wait for its former self (LOCK_WAIT_S).
SILENT_LIMIT_S: Final = 30.0
# Supervisor takes a program for started after startsecs=1. One that exits 0 sooner was a failed start to it (BACKOFF),
# and is started again and again; one that exits 0 later has EXITED, and stays so.
_SHORTEST_RUN_S: Final = 2.0
_LOCK_LOOK_AGAIN_S: Final = 0.1
_STOPPING: Final = "stopping"
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def only_one(settings: Settings, channel: str, wait_s: float = LOCK_WAIT_S) -> Iterator[str]:
    """Hold this process's consumer name: host, data folder, and the name that Supervisor gave it.

    The name is the same after a restart, so a worker finds again what its former self left pending. A second
    process under it would take the first one's messages for its own: it refuses to run (exit code 1).
    """
    process = process_name(channel)
    folder = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:8]
    with _opened(settings, process) as lock:
        deadline = time.monotonic() + wait_s
        while not _locked(lock):
            if time.monotonic() > deadline:
                _log.error("%s already runs on %s: stop that one first", process, settings.data_dir)
                sys.exit(1)
            time.sleep(_LOCK_LOOK_AGAIN_S)
        lock.truncate(0)
        yield f"{socket.gethostname()}-{folder}-{process}"


def runs_already(settings: Settings, channel: str) -> bool:
    """Whether somebody has this process's name now: a former self that has not ended yet, or another copy."""
    with contextlib.suppress(OSError), _lock_file(settings, process_name(channel)).open("a") as lock:
        return not _locked(lock)
    return False


def say_stopping(settings: Settings, channel: str) -> None:
    """Note in our lock file that we are about to end, for whoever waits for that (our own Redis)."""
    # Written over, not anew: whoever looks in between must not find it empty.
    with contextlib.suppress(OSError), _lock_file(settings, process_name(channel)).open("r+") as lock:
        lock.write(_STOPPING)


def any_stopping(settings: Settings) -> bool:
    """Whether a process that said so is still there."""
    for path in _locks(settings).glob("*.lock"):
        with contextlib.suppress(OSError), path.open("a+") as lock:
            lock.seek(0)
            if lock.read() == _STOPPING and not _locked(lock):
                return True
    return False


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


def _locked(file: IO[str]) -> bool:
    """Try to lock the file; it stays locked until it is closed, by a crash too."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def process_name(channel: str) -> str:
    """The name under Supervisor, or the channel's when started by hand."""
    return os.environ.get("SUPERVISOR_PROCESS_NAME", channel)


def supervisors_name(group: str, process: str) -> str:
    """What ``supervisorctl`` calls a process: as its program, or ``program:process`` where that has several."""
    return process if process == group else f"{group}:{process}"


def end_with_supervisor() -> None:
    """Have the kernel send SIGTERM when supervisord dies, so that a new one finds the field clear (Linux only).

    A SIGKILLed supervisord leaves its children running; started again, it would find every name taken by them.
    """
    if "SUPERVISOR_ENABLED" not in os.environ:
        return
    end_with_parent()
    # It may have died before we asked. It held the other end of our standard error: a broken pipe tells. (Our parent's
    # id does not: in a container supervisord itself is process 1.)
    standard_error = select.poll()
    standard_error.register(sys.stderr.fileno(), 0)
    if any(event & select.POLLERR for _, event in standard_error.poll(0)):
        os.kill(os.getpid(), signal.SIGTERM)


def end_with_parent() -> None:
    """Have the kernel send us SIGTERM when our parent dies (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def say_not_needed(why: str) -> None:
    """Say why this program is not needed here; to be followed by exit status 0, which Supervisor leaves at that."""
    _log.info("not needed: %s", why)
    time.sleep(_SHORTEST_RUN_S)


def heartbeat_file(settings: Settings, process: str) -> Path:
    """The file whose modification time is a process's last sign of life."""
    return settings.data_dir / "heartbeats" / process


def touch(path: Path) -> None:
    """Give a sign of life.

    On a full disk this still works for a file that is there; one that is not may have no room.

    Raises:
        OSError: It cannot be done.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch()
