"""The playground's port: free, held by this playground, or taken by another program."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from common.programs.check.result import Result, fail, ok, warn
from common.settings import Settings

_LISTENS: Final = "0A"  # TCP_LISTEN in /proc/net/tcp: include/net/tcp_states.h


def port(config: Settings, root: Path) -> Result:
    """Whether the playground can listen there, or does so now."""
    if not config.uses_playground:
        return ok("not needed: a TELEGRAM_TOKEN or TELEGRAM_API_URL is set, so there is no playground")
    number = config.playground_port
    problem = _bind(number)
    if not problem:
        return ok(f"{number} is free for the playground")
    if problem != errno.EADDRINUSE:
        return fail(f"{number} cannot be used ({os.strerror(problem)}): set PLAYGROUND_PORT to another, above 1023")
    holder = _holder(number)
    if not holder:
        return warn(f"{number} is in use by an unknown process: if it is not this playground, set PLAYGROUND_PORT")
    if holder.is_playground and holder.folder == str(root):
        return ok(f"{number} is held by this playground")
    return fail(f"{number} is held by {holder}: stop that, or set PLAYGROUND_PORT to another")


def _bind(number: int) -> int:
    """Bind the port as the playground does; the error number, 0 for success.

    This does not disturb a playground that starts now: with SO_REUSEADDR, two may bind while neither listens (man 7
    socket).
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            return error.errno or errno.EIO
    return 0


@dataclasses.dataclass(frozen=True)
class _Holder:
    pid: int
    name: str
    folder: str
    is_playground: bool

    def __str__(self) -> str:
        what = "another playground" if self.is_playground else self.name
        return f"{what} (process {self.pid}, in {self.folder})"


def _holder(number: int) -> _Holder | None:
    """The process that listens on the port; None if that cannot be seen (another user's, or not Linux)."""
    sockets = {f"socket:[{inode}]" for inode in _listeners(number)}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(fd.readlink()) in sockets for fd in (process / "fd").iterdir()):
                # Its arguments are searched for one word, and never shown: they may hold a secret.
                arguments = (process / "cmdline").read_bytes().split(b"\0")
                name = (process / "comm").read_text().strip()
                folder = str((process / "cwd").readlink())
                return _Holder(int(process.name), name, folder, b"playground" in arguments)
        except OSError:
            continue  # it has ended, or is another user's
    return None


def _listeners(number: int) -> Iterator[str]:
    """The inodes of the sockets that listen on the port: man 5 proc, /proc/net/tcp."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if re.fullmatch(rf"[0-9A-F]+:{number:04X}", fields[1]) and fields[3] == _LISTENS:
                yield fields[9]
