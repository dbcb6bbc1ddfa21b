"""Our own Redis, for a machine that has no other: Supervisor's program ``redis``.

The server is a child of this process. Supervisor may stop this process and the workers at the same time. The server
then ends after the workers, since they have to hand back their messages.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from common import libc, logs, settings
from common.errors import SettingsError
from common.file_lock import lock, try_lock
from common.problem import Problem
from common.programs.redis_command import arguments, binary, check_data
from common.settings import Settings
from common.supervision import identity, parent

RESTART_DELAYS_S: Final = (0.1, 1, 2, 5, 10)
ROOM_BYTES: Final = 2**20  # some hundred messages
WORKERS_STOP_S: Final = 32.0  # a little more than Supervisor gives them

_GOOD_RUN_S: Final = 60.0
_LOOK_AGAIN_S: Final = 0.1
_LOOK_FOR_ROOM_S: Final = 1.0
_WORKERS_NOTICE_S: Final = 0.3  # time for workers that got the signal at the same moment to say that they stop

_log = logging.getLogger(__name__)


def no_room(folder: Path) -> str:
    """Why the folder cannot be written: a full disk, a quota, a read-only file system. '' if it can."""
    probe = folder / "room"
    try:
        with probe.open("wb") as file:
            file.write(bytes(ROOM_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
    return ""


@contextlib.contextmanager
def taken_folder(folder: Path) -> Iterator[None]:
    """Lock the data folder; the server inherits the lock and holds it for as long as it lives.

    Two servers on one append-only file lose half the entries. If supervisord or this process was killed, the former
    server may not have ended yet: wait for that.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(file, True)
    try:
        if not try_lock(file):
            _log.warning("another Redis still uses %s: waiting until it ends", folder)
            lock(file)
        yield
    finally:
        os.close(file)


class Server:
    """The server, a child of this process: started again when it dies, and stopped only after the workers."""

    def __init__(self, config: Settings, command: Sequence[str], folder: Path) -> None:
        self._config = config
        self._command = command
        self._folder = folder
        self._stopping = False

    def run(self) -> None:
        """Keep the server running until SIGTERM, and after that until the stopping workers have ended."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        tries = 0
        deadline: float | None = None
        while deadline is None or self._is_needed(deadline):
            began = time.monotonic()
            process = self._start()
            while process.poll() is None and not self._stopping:
                time.sleep(_LOOK_AGAIN_S)
            if self._stopping:
                deadline = deadline or time.monotonic() + WORKERS_STOP_S
                self._serve_the_last(process, deadline)
                continue
            tries = 0 if time.monotonic() - began > _GOOD_RUN_S else tries + 1
            delay_s = RESTART_DELAYS_S[min(tries, len(RESTART_DELAYS_S) - 1)]
            _log.error("Redis ended by itself (status %s): starting it again in %g s", process.returncode, delay_s)
            self._wait(delay_s)
            self._wait_for_room()
            if self._stopping:
                deadline = time.monotonic() + WORKERS_STOP_S
                time.sleep(_WORKERS_NOTICE_S)

    def _stop(self, *_: object) -> None:
        # A flag, not a threading.Event: a signal handler may interrupt the thread that holds the event's lock.
        self._stopping = True

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._stopping and (left_s := deadline - time.monotonic()) > 0:
            time.sleep(min(_LOOK_AGAIN_S, left_s))

    def _wait_for_room(self) -> None:
        """Return when the disk can be written, or after SIGTERM.

        Redis ends if it cannot write a change. On a full disk it would start without a problem, and end at the first
        message, again and again.
        """
        problem = Problem(_log, logging.ERROR)
        while not self._stopping and (why := no_room(self._folder)):
            problem.report(f"Redis cannot write to {self._folder} ({why}): starting it as soon as it can")
            self._wait(_LOOK_FOR_ROOM_S)
        if not self._stopping:
            problem.clear()

    def _is_needed(self, deadline: float) -> bool:
        return identity.any_stopping(self._config) and time.monotonic() < deadline

    def _serve_the_last(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        """Wait until all stopping workers have handed back their messages. Then stop the server."""
        time.sleep(_WORKERS_NOTICE_S)
        while process.poll() is None and self._is_needed(deadline):
            time.sleep(_LOOK_AGAIN_S)
        process.terminate()  # a worker that only now says that it stops gets a new server: never two on the same files
        process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        our_pid = os.getpid()

        def end_with_us() -> None:
            libc.end_with_parent()
            if os.getppid() != our_pid:  # killed before we could ask
                os._exit(1)

        return subprocess.Popen(  # noqa: S603 -- no shell, our own arguments
            self._command,
            close_fds=False,  # the server inherits the lock
            start_new_session=True,  # a Ctrl-C in the terminal is for this process only
            preexec_fn=end_with_us,  # noqa: PLW1509 -- we have no threads
        )


def main() -> None:
    """Run the server, or say why it is not needed."""
    try:
        config = settings.load()
        logs.set_up(config)
        if config.redis_url:
            parent.say_not_needed("REDIS_URL names a server")
            return
        command = [binary(), *arguments(config)]
        folder = config.data_dir / "redis"
        check_data(command[0], folder)
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    parent.end_with_supervisor()
    with taken_folder(folder):
        Server(config, command, folder).run()
    # Not 0: if Supervisor did not send that SIGTERM, it has to start this program again.
    raise SystemExit(parent.ENDED_BY_SIGTERM)


if __name__ == "__main__":
    main()
