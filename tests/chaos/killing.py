"""Finds and kills the processes of a checkout."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from tests.support import processes
from tests.support.processes import REDIS_SERVER


def find(root: Path, victim: str) -> processes.Process | None:
    """That process. While one takes over from another, there are two: then the one that works."""
    found = processes.of_checkout(root)
    servers = {process.parent for process in found if process.program == REDIS_SERVER}
    candidates = [process for process in found if process.program == victim]
    return min(candidates, key=lambda process: (process.pid not in servers, process.pid), default=None)


def kill(process: processes.Process) -> None:
    """SIGKILL it, unless it has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)


def kill_all(root: Path) -> None:
    """SIGKILL all processes of the checkout, until no process is left."""
    while found := processes.of_checkout(root):
        for process in found:
            kill(process)
