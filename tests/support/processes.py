"""The processes of one checkout and their open files, by the kernel (Linux: proc(5))."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from common.messages import CHANNELS

REDIS_SERVER: Final = "redis-server"
REDIS: Final = "redis"
SUPERVISORD: Final = "supervisord"
WATCHDOG: Final = "watchdog"
DECODER: Final = "decoder"

_PROC: Final = Path("/proc")
_MODULES: Final = {
    "common.programs.embedded_redis": REDIS,
    "common.programs.watchdog": WATCHDOG,
    "common.pictures.child.main": DECODER,
}
_GONE: Final = (FileNotFoundError, ProcessLookupError)


@dataclasses.dataclass(frozen=True)
class Process:
    """A process. ``program`` is its name under Supervisor, ``redis-server``, ``supervisord``, or its command line."""

    pid: int
    parent: int
    program: str


@dataclasses.dataclass(frozen=True)
class OpenFile:
    """A file that a process has open; ``locked`` if the process holds an flock on it."""

    process: Process
    path: Path
    locked: bool


def of_checkout(root: Path) -> list[Process]:
    """All processes that run in the folder or were started from it, without zombies."""
    found: list[Process] = []
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(*_GONE):
                found += _process(folder, root)
    return found


def open_files(processes: list[Process], below: Path) -> list[OpenFile]:
    """The open files of the processes below a folder."""
    return [file for process in processes for file in _open_files(process, below)]


def _process(folder: Path, root: Path) -> Iterator[Process]:
    # "pid (name) state parent …", and the name may hold anything
    state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
    if state == "Z":
        return
    arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
    if any(argument.startswith(f"{root}/") for argument in arguments) or _runs_in(folder, root):
        yield Process(int(folder.name), int(parent), _program(arguments))


def _runs_in(folder: Path, root: Path) -> bool:
    with contextlib.suppress(PermissionError):  # another user's process
        return (folder / "cwd").readlink().is_relative_to(root)
    return False


def _program(arguments: list[str]) -> str:
    command = " ".join(arguments).strip()
    if REDIS_SERVER in arguments[0]:
        return REDIS_SERVER
    if SUPERVISORD in command:
        return SUPERVISORD
    names = _MODULES | {f"{worker}.py": worker for worker in CHANNELS}
    return next((names[argument] for argument in arguments if argument in names), command)


def _open_files(process: Process, below: Path) -> Iterator[OpenFile]:
    folder = _PROC / str(process.pid)
    with contextlib.suppress(*_GONE, PermissionError):
        for handle in (folder / "fd").iterdir():
            with contextlib.suppress(*_GONE):
                path = Path(str(handle.readlink()).removesuffix(" (deleted)"))
                if path.is_relative_to(below):
                    locked = "FLOCK" in (folder / "fdinfo" / handle.name).read_text()
                    yield OpenFile(process, path, locked)
