"""The messages that a consumer has in flight: taken, and not settled yet."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from common.channels.consumer import Delivery
from common.channels.scripts import Call
from common.runtime.outcomes import Finished


@dataclasses.dataclass
class Done:
    """A message whose handler has ended, and how to settle it once that is decided."""

    finished: Finished
    decided: bool = False
    call: Call | None = None

    @property
    def id(self) -> str:
        """The message's id."""
        return self.finished.delivery.id


class InFlight:
    """What a consumer has in flight. Each message is in exactly one of three places:

        quarantine  in flight when a worker died; handled alone: if a worker dies again, this message is the cause
        running     its handler is running
        done        its handler has ended; settled in the next turn of the loop

    While a message of the quarantine waits or runs, there is no room for others.

    Args:
        batch_size: How many messages a handler gets at most.
        concurrency: How many handlers run at once.
    """  # noqa: D415 -- the table belongs to the sentence

    def __init__(self, batch_size: int, concurrency: int) -> None:
        self._batch_size = batch_size
        self._concurrency = concurrency
        self._quarantine: deque[Delivery] = deque()
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._done: list[Done] = []
        self._alone = False

    @property
    def ids(self) -> list[str]:
        """The ids of all messages in flight."""
        return [*(delivery.id for delivery in self._quarantine), *self._running, *(done.id for done in self._done)]

    @property
    def running(self) -> list[str]:
        """The ids of the messages whose handlers are running."""
        return list(self._running)

    @property
    def done(self) -> Sequence[Done]:
        """The messages that are ready to be settled."""
        return tuple(self._done)

    def room(self) -> int:
        """How many more messages can be begun now."""
        if self._quarantine or self._alone:
            return 0
        free_handlers = self._concurrency - len(set(self._running.values()))
        return max(0, free_handlers) * self._batch_size

    def quarantine(self, delivery: Delivery) -> None:
        """Keep a message until it can be handled alone."""
        self._quarantine.append(delivery)

    def quarantined(self) -> Sequence[Delivery]:
        """The messages that wait to be handled alone."""
        return tuple(self._quarantine)

    def next_quarantined(self) -> Delivery | None:
        """The message that is handled alone next; None while a handler is running."""
        return self._quarantine[0] if self._quarantine and not self._running else None

    def begin(self, deliveries: Iterable[Delivery], task: asyncio.Task[Any], *, alone: bool = False) -> None:
        """Note that a handler runs on these messages, as ``task``; on one of the quarantine, ``alone``."""
        for delivery in deliveries:
            self._release(delivery)
            self._running[delivery.id] = task
        self._alone = alone

    def finish(self, finished: Finished) -> None:
        """Note that a message's handler has ended, or could not begin."""
        self._release(finished.delivery)
        self._running.pop(finished.delivery.id, None)
        self._alone = self._alone and bool(self._running)
        self._done.append(Done(finished))

    def let_go(self, done: Done) -> None:
        """Forget a message that is settled."""
        self._done.remove(done)

    def cancel(self, id_: str) -> None:
        """Cancel a handler; its message is finished when the handler has ended."""
        self._running[id_].cancel()

    def tasks(self) -> list[asyncio.Task[Any]]:
        """The running handlers."""
        return list(self._running.values())

    def _release(self, delivery: Delivery) -> None:
        """Take a message out of the quarantine, if it is there."""
        if delivery in self._quarantine:
            self._quarantine.remove(delivery)
