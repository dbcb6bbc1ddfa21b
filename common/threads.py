"""Runs a function in its own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

ResultT = TypeVar("ResultT")


def in_daemon_thread(function: Callable[[], ResultT], name: str) -> Future[ResultT]:
    """Call a function in a new thread at once; the future has its result or its exception.

    An executor would let the call wait for a free thread. The thread is a daemon, so a call that hangs does not keep
    the process from ending. A call that runs cannot be cancelled.
    """
    future: Future[ResultT] = Future()
    future.set_running_or_notify_cancel()

    def call() -> None:
        try:
            future.set_result(function())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=call, name=name, daemon=True).start()
    return future
