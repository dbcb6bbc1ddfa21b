"""Processor time and memory of one bot's processes, by their names under Supervisor."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Final

from benchmarks import measuring
from tests.support import processes
from tests.support.processes import DECODER, REDIS, Process

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_NAMES: Final = {REDIS: "redis (starts the server)"}
_MODULE: Final = re.compile(r" -m (?:\w+\.)*(\w+)")
_GONE: Final = (FileNotFoundError, ProcessLookupError)


def names(root: Path) -> dict[int, str]:
    """The names of the checkout's processes, by their ids. A decoder has its worker's name."""
    found = {process.pid: process for process in processes.of_checkout(root)}
    return {pid: _name(process, found.get(process.parent)) for pid, process in found.items()}


def _name(process: Process, parent: Process | None) -> str:
    if process.program == DECODER and parent:
        return f"{parent.program}: decoder"
    module = _MODULE.search(process.program)  # a program that ends soon after the start has no other name
    return _NAMES.get(process.program) or (module[1] if module else process.program)


def cpu_s(root: Path, **others: int) -> dict[str, float]:
    """Processor time so far, in seconds, including that of ended children; ``others`` are further processes."""
    total: dict[str, float] = {}
    for pid, name in (names(root) | {pid: name for name, pid in others.items()}).items():
        with contextlib.suppress(*_GONE):
            total[name] = total.get(name, 0.0) + process_cpu_s(pid)
    return total


def process_cpu_s(pid: int) -> float:
    """A process's utime + stime + cutime + cstime: proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS_PER_S


def pss_mb(root: Path) -> dict[str, float]:
    """The memory of each process in MB; shared memory is divided among the processes that share it."""
    total: dict[str, float] = {}
    for pid, name in names(root).items():
        with contextlib.suppress(ProcessLookupError):
            total[name] = total.get(name, 0.0) + measuring.pss_mb(pid)
    return total
