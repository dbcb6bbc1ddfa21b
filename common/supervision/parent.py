"""How a program ends for supervisord, its parent: together with it, and with an exit status that it understands."""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
from typing import Final

from common import libc

ENDED_BY_SIGTERM: Final = 143  # 128 + 15, as a shell says it
# Supervisor considers a program started after startsecs=1. If it exits 0 sooner, that is a failed start (BACKOFF), and
# Supervisor starts it again and again. If it exits 0 later, it has EXITED, and stays stopped.
_SHORTEST_RUN_S: Final = 2.0

_log = logging.getLogger(__name__)


def end_with_supervisor() -> None:
    """Make the kernel send SIGTERM when supervisord dies, so that a new one finds all names free (Linux only).

    When supervisord gets SIGKILL, its children go on. A new supervisord would find that they hold every name.
    """
    if "SUPERVISOR_ENABLED" not in os.environ:
        return
    libc.end_with_parent()
    # supervisord may have died before this call. It held the other end of our standard error, and a broken pipe shows
    # its death. (The id of our parent does not: in a container supervisord itself is process 1.)
    standard_error = select.poll()
    standard_error.register(sys.stderr.fileno(), 0)
    if any(event & select.POLLERR for _, event in standard_error.poll(0)):
        os.kill(os.getpid(), signal.SIGTERM)


def say_not_needed(why: str) -> None:
    """Say why this program is not needed here. The caller exits 0 then, and Supervisor does not start it again."""
    _log.info("not needed: %s", why)
    time.sleep(_SHORTEST_RUN_S)
