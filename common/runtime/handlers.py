"""Runs a worker's handler on messages, within its time limit, and says how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Generic, TypeAlias

from redis.exceptions import RedisError

from common.channels.channels import Channels, Once
from common.channels.consumer import Delivery
from common.messages import AnyMessage, Message
from common.runtime.in_flight import InFlight
from common.runtime.leases import Leases
from common.runtime.outcomes import Finished, Outcome
from common.runtime.worker import Outputs, TakenT, Worker

_ANNOUNCED_MARKER_MS: Final = 60_000

Batch: TypeAlias = Sequence[tuple[Delivery, AnyMessage]]


class _OverLimit(TimeoutError):  # noqa: N818
    """A handler took longer than it may."""


class Handlers(Generic[TakenT]):
    """The calls of one worker's handler.

    Args:
        worker: The worker.
        channels: Where its announcements go.
        leases: Whose messages they are.
        in_flight: What the consumer has in flight.
        finish: Called with each message whose handler has ended.

    Attributes:
        hangs: How many handlers did not end within their limit, minus those in between that did.
    """

    def __init__(
        self,
        worker: Worker[TakenT],
        channels: Channels,
        leases: Leases,
        in_flight: InFlight,
        finish: Callable[[Finished], None],
    ) -> None:
        self.hangs = 0
        self._worker = worker
        self._channels = channels
        self._leases = leases
        self._in_flight = in_flight
        self._finish = finish
        self._verdicts: dict[str, BaseException] = {}  # why a handler was cancelled, by message
        self._announcements: set[asyncio.Task[Any]] = set()

    def start(self, batch: Batch, *, alone: bool = False) -> None:
        """Call the handler with a batch; with one message of the quarantine, ``alone``."""
        task = asyncio.create_task(self._handle(batch))
        self._in_flight.begin([delivery for delivery, _ in batch], task, alone=alone)
        task.add_done_callback(functools.partial(self._handled, batch, time.perf_counter()))
        self._announce([message for _, message in batch])

    def cut_short(self, id_: str, why: BaseException) -> None:
        """Cancel the handler of a message. The message's outcome is ``why``."""
        self._verdicts[id_] = why
        self._in_flight.cancel(id_)

    def tasks(self) -> list[asyncio.Task[Any]]:
        """All running tasks."""
        return [*self._in_flight.tasks(), *self._announcements]

    async def _handle(self, batch: Batch) -> Sequence[Outputs | BaseException]:
        self._leases.hold([delivery.id for delivery, _ in batch])
        messages: Any = [message for _, message in batch]
        limit_s = self._worker.handler_limit_s
        try:
            async with asyncio.timeout(limit_s) as limit:
                outcomes = await self._worker.handle_batch(messages)
        except TimeoutError as error:
            if not limit.expired():
                raise
            self.hangs += 1
            msg = f"not done within {limit_s:g} s"
            raise _OverLimit(msg) from error
        if len(outcomes) != len(batch):
            msg = f"{len(outcomes)} results for {len(batch)} messages"
            raise ValueError(msg)
        return outcomes

    def _handled(self, batch: Batch, began: float, task: asyncio.Task[Any]) -> None:
        """Note how a handler ended."""
        took_ms = (time.perf_counter() - began) * 1000
        cut_short = [self._verdicts[delivery.id] for delivery, _ in batch if delivery.id in self._verdicts]
        if task.cancelled():
            # Cancelled by us; or from inside, by something that it awaited: that is a failure like any other.
            why = cut_short[0] if cut_short else RuntimeError("the handler was cancelled from inside")
            outcomes = [why] * len(batch)
        elif error := task.exception():
            outcomes = [error] * len(batch)
        else:
            outcomes = task.result()
        if not isinstance(outcomes[0], _OverLimit):
            self.hangs = max(0, self.hangs - 1)
        for number, (delivery, message) in enumerate(batch):
            self._verdicts.pop(delivery.id, None)
            outcome = outcomes[number]
            shown = number > 0 and outcome is outcomes[number - 1]
            self._finish(Finished(delivery, message, _as_outcome(outcome), took_ms, shown))

    def _announce(self, messages: Sequence[AnyMessage]) -> None:
        """Send the worker's announcements, if it has any. They may be lost, and delay nothing."""
        announcements = [
            (announcement, Once(f"{message.stage}-{message.job.id}-{message.job.run}", "", _ANNOUNCED_MARKER_MS))
            for message in messages
            if (announcement := self._worker.announce(message))  # type: ignore[arg-type]
        ]
        if announcements:
            task = asyncio.create_task(_unless_away(self._channels.publish(announcements)))
            self._announcements.add(task)
            task.add_done_callback(self._announcements.discard)


def _as_outcome(outcome: Outputs | BaseException) -> Outcome:
    if outcome is None:
        return ()
    return (outcome,) if isinstance(outcome, Message) else outcome


async def _unless_away(call: Coroutine[Any, Any, Any]) -> None:
    with contextlib.suppress(RedisError):
        await call
