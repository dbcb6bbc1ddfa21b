"""Polling against a deadline, for what happens in other processes and sets no event."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, Final

DEADLINE_S: Final = 10.0


async def until(check: Callable[[], Any], timeout_s: float = DEADLINE_S) -> None:
    """Return once ``check`` (plain or async) holds; raise ``TimeoutError`` after ``timeout_s``."""
    async with asyncio.timeout(timeout_s):
        while True:
            result = check()
            if await result if asyncio.iscoroutine(result) else result:
                return
            await asyncio.sleep(0.001)


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Return once the condition holds; fail after ``timeout_s`` with the name of ``what`` did not come."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            msg = f"{what}: not within {timeout_s:g} s"
            raise AssertionError(msg)
        pause.wait(0.02)
