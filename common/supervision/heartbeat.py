"""A process's sign of life: a file that it touches every two seconds. ``common/programs/watchdog.py`` looks at it.

A local file, not a key in Redis: a pause of Redis must not look like the death of every worker.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from common.problem import Problem
from common.settings import Settings

INTERVAL_S: Final = 2.0
# A worker without a sign of life for so long hangs: it shows one every two seconds. Before the first one it imports
# its modules (2 s; more from a slow disk), and may have to wait for the process before it (identity.LOCK_WAIT_S).
SILENT_LIMIT_S: Final = 30.0

_log = logging.getLogger(__name__)


def heartbeat_file(settings: Settings, process: str) -> Path:
    """The file whose modification time is a process's last sign of life."""
    return settings.data_dir / "heartbeats" / process


def touch(path: Path) -> None:
    """Give a sign of life.

    On a full disk this still works if the file exists; there may be no room for a new one.

    Raises:
        OSError: It cannot be done.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch()


async def beat(path: Path, interval_s: float = INTERVAL_S) -> None:
    """Touch the file for as long as the event loop runs."""
    import asyncio  # noqa: PLC0415 -- 1.4 MB that the watchdog, which imports this module too, does without

    problem = Problem(_log)
    while True:
        try:
            touch(path)
            problem.clear()
        except OSError as error:  # for example, a full disk: the process goes on, and the watchdog sees that disk too
            problem.report(f"no sign of life can be written: {error}")
        await asyncio.sleep(interval_s)
