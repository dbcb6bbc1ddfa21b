"""The messages that a consumer has in hand: taken, and not settled yet."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from common.channels.consumer import Delivery
from common.channels.scripts import Call
from common.runtime.settle import Finished


@dataclasses.dataclass
class Done:
    """A message that its handler is through with, and how it is to be settled once that is decided."""

    finished: Finished
    decided: bool = False
    call: Call | None = None

    @property
    def id(self) -> str:
        """The message's id."""
        return self.finished.delivery.id


class InFlight:
    """What a consumer has in hand. Each message is in exactly one of three places:

        suspects  in hand when a worker died, and to be handled alone: should a worker die again, it was the message
        running   its handler is at work
        done      its handler is through; settled in the next turn

    While a suspect waits or runs, there is no room for anything else.
    """  # noqa: D415 -- the table belongs to the sentence

    def __init__(self, concurrency: int, *, batches: int) -> None:
        self._concurrency = concurrency
        self._batches = batches
        self._suspects: deque[Delivery] = deque()
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._done: list[Done] = []
        self._alone = False

    @property
    def ids(self) -> list[str]:
        """The ids of all that is in hand."""
        return [*(delivery.id for delivery in self._suspects), *self._running, *(done.id for done in self._done)]

    @property
    def running(self) -> list[str]:
        """The ids of what handlers are at work on."""
        return list(self._running)

    @property
    def done(self) -> Sequence[Done]:
        """What is to be settled."""
        return tuple(self._done)

    def room(self) -> int:
        """How many more messages can be begun now."""
        if self._suspects or self._alone:
            return 0
        if self._batches:
            return self._concurrency if len(set(self._running.values())) < self._batches else 0
        return max(0, self._concurrency - len(self._running))

    def suspect(self, delivery: Delivery) -> None:
        """Keep a message until it can be handled alone."""
        self._suspects.append(delivery)

    def suspects(self) -> Sequence[Delivery]:
        """Those that wait to be handled alone."""
        return tuple(self._suspects)

    def suspect_to_begin(self) -> Delivery | None:
        """The suspect whose turn it is; None while anything is running."""
        return self._suspects[0] if self._suspects and not self._running else None

    def begin(self, deliveries: Iterable[Delivery], task: asyncio.Task[Any], *, alone: bool = False) -> None:
        """A handler is at work on these, as ``task``; on a suspect, ``alone``."""
        for delivery in deliveries:
            self._drop_suspect(delivery)
            self._running[delivery.id] = task
        self._alone = alone

    def finish(self, finished: Finished) -> None:
        """A handler is through with a message, or it could not be begun at all."""
        self._drop_suspect(finished.delivery)
        self._running.pop(finished.delivery.id, None)
        self._alone = self._alone and bool(self._running)
        self._done.append(Done(finished))

    def let_go(self, done: Done) -> None:
        """A message is settled."""
        self._done.remove(done)

    def cancel(self, id_: str) -> None:
        """Cut a handler short; its message is finished when it has ended."""
        self._running[id_].cancel()

    def tasks(self) -> list[asyncio.Task[Any]]:
        """The handlers at work."""
        return list(self._running.values())

    def _drop_suspect(self, delivery: Delivery) -> None:
        if delivery in self._suspects:
            self._suspects.remove(delivery)
