"""The machine: room on the disks, files that were left, and the playground's port."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from common.programs.check.result import Result, fail, ok, size, together, warn
from common.settings import Settings

TIGHT_BYTES: Final = 500_000_000
FULL_BYTES: Final = 100_000_000
LEFT_AFTER_S: Final = 3600.0  # most files live for less than a second; a long outage of Telegram keeps some
_LISTENS: Final = "0A"  # TCP_LISTEN in /proc/net/tcp: include/net/tcp_states.h


def disk(config: Settings, tight_bytes: float = TIGHT_BYTES, full_bytes: float = FULL_BYTES) -> Result:
    """Whether there is room, and leave to write, where the bot keeps its files."""
    folders = {"DATA_DIR": config.data_dir, "MODELS_DIR": config.models_dir}
    return together([_room(name, folder, tight_bytes, full_bytes) for name, folder in folders.items()])


def _room(name: str, folder: Path, tight_bytes: float, full_bytes: float) -> Result:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    where = f"{name} ({folder})"
    if not existing.is_dir():
        return fail(f"{where}: {existing} is no folder: move it away, or set {name}")
    if not os.access(existing, os.W_OK | os.X_OK):
        return fail(f"{where} cannot be written: `sudo mkdir -p {folder}; sudo chown -R $USER {folder}`, or set {name}")
    free = shutil.disk_usage(existing).free
    if free < full_bytes:
        return fail(f"{size(free)} free for {where}: make room, {size(full_bytes)} at the very least")
    if free < tight_bytes:
        return warn(f"{size(free)} free for {where}: make room soon, below {size(tight_bytes)} is tight")
    return ok(f"{size(free)} free for {where}")


def files(config: Settings, now: float) -> Result:
    """Whether pictures lie about for longer than any should."""
    ages = [now - modified for modified in _modified(config.files_dir)]
    left = [age for age in ages if age > LEFT_AFTER_S]
    if left:
        return warn(
            f"{len(left)} of {len(ages)} are older than an hour, the oldest {max(left) / 3600:.0f} h: fine while"
            f" Telegram is away, else see `supervisorctl tail garbage_collect` ({config.files_dir})"
        )
    return ok(f"{len(ages)} on their way" if ages else "none on their way")


def _modified(folder: Path) -> Iterator[float]:
    if folder.is_dir():
        for path in folder.iterdir():
            try:
                yield path.stat().st_mtime
            except FileNotFoundError:
                continue  # the bot has just deleted it


def port(config: Settings, root: Path) -> Result:
    """Whether the playground can listen, or does."""
    if not config.uses_playground:
        return ok("none needed: no playground beside a TELEGRAM_TOKEN or TELEGRAM_API_URL")
    number = config.playground_port
    problem = _bind(number)
    if not problem:
        return ok(f"{number} is free for the playground")
    if problem != errno.EADDRINUSE:
        return fail(f"{number} cannot be used ({os.strerror(problem)}): set PLAYGROUND_PORT to another, above 1023")
    holder = _holder(number)
    if not holder:
        return warn(f"{number} is in use, by whom cannot be seen: if it is not this playground, set PLAYGROUND_PORT")
    if holder.is_playground and holder.folder == str(root):
        return ok(f"{number} is held by this playground")
    return fail(f"{number} is held by {holder}: stop that, or set PLAYGROUND_PORT to another")


def _bind(number: int) -> int:
    """Try the playground's own step; the error number, 0 for success.

    Does not get into its way: with SO_REUSEADDR, two may bind as long as none listens (man 7 socket).
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
                # Of its arguments only one is looked for, and none is shown: there may be a secret among them.
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
