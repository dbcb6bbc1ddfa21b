"""Waiting for something outside to come back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from common.errors import Deferred
from common.problem import Problem

BACK_OFF_S: Final = (0.5, 1, 2, 5, 10)

_log = logging.getLogger(__name__)


class Backoff:
    """Waits longer and longer while the same problem lasts, and logs each new problem once.

    Args:
        prefix: Begins each log line.
        back_off_s: How long to wait, try after try; the last value for all further tries.
    """

    def __init__(self, prefix: str = "", back_off_s: Sequence[float] = ()) -> None:
        self._prefix = prefix
        self._back_off_s = back_off_s or BACK_OFF_S
        self._problem = Problem(_log)
        self._tries = 0

    async def wait(self, error: Exception) -> None:
        """Wait after a failure."""
        asked_s = error.retry_after_s if isinstance(error, Deferred) else 0
        kind = type(error).__name__ if asked_s else str(error)
        self._problem.report(f"{self._prefix}{error} (trying until it works)", kind)
        delay_s = max(asked_s, self._back_off_s[min(self._tries, len(self._back_off_s) - 1)])
        self._tries += 1
        await asyncio.sleep(delay_s)

    def over(self) -> None:
        """It works."""
        self._problem.clear()
        self._tries = 0
