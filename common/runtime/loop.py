"""The one loop that all six workers run in.

It takes messages as there is room for them, calls the worker's handler, and hands off what that returns. One turn of
the loop is one round trip to Redis: it settles whatever was finished since the last turn, and takes as much again.

What a message's handling comes to, ``common/runtime/settle.py`` decides. What keeps a message from being lost or done
twice, the scripts (``common/channels/lua/*.lua``) hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Final, Generic, TypeAlias

import msgspec
from redis.exceptions import RedisError

from common.backoff import Backoff
from common.channels.channels import Channels, Once
from common.channels.consumer import Consumer, Delivery, Taken
from common.channels.wakeups import BACK_OFF_S, LOOK_AGAIN_S, Wakeups
from common.errors import Hung, LeaseLost
from common.messages import AnyMessage, Message, decode
from common.runtime.in_flight import Done, InFlight
from common.runtime.leases import Leases
from common.runtime.settle import MAX_DEATHS, Finished, HandedBack, KilledItsWorker, Outcome, Settler, Undecodable
from common.runtime.worker import Outputs, TakenT, Worker

CLAIM_IDLE_S: Final = 50.0  # a sibling that has not refreshed a message for so long has lost it
REFRESH_S: Final = 10.0
# On SIGTERM, handlers have this long; what they hold then is handed back. If Redis is away at that moment, it has some
# seconds more to come back. All of that, and one last command, fits into Supervisor's stopwaitsecs of 30.
GRACE_S: Final = 15.0
GIVE_UP_S: Final = 5.0
# What is sent so late that the end of the grace time could cut it would be sent again. Telegram has 10 s to answer.
LAST_START_BEFORE_END_S: Final = 10.0
# A step that hangs in a thread cannot be ended from outside. So many in a row, or with fewer in between that did not,
# and the process gives way to a new one.
HANGS_IN_A_ROW: Final = 3

_CANCEL_AGAIN_S: Final = 0.2
_ANNOUNCED_MARKER_MS: Final = 60_000

_log = logging.getLogger(__name__)
_Begun: TypeAlias = Sequence[tuple[Delivery, AnyMessage]]


class _OverLimit(TimeoutError):  # noqa: N818
    """A handler took longer than it may."""


class Runtime(Generic[TakenT]):
    """Runs one worker on its channel.

    Args:
        worker: The worker.
        channels: Where its channel is.
        name: The consumer's name; nobody else may run under it.
        burst: Return when the channel is empty, for tests.
        claim_idle_s: See ``CLAIM_IDLE_S``.
        grace_s: See ``GRACE_S``.
    """

    def __init__(
        self,
        worker: Worker[TakenT],
        channels: Channels,
        name: str,
        *,
        burst: bool = False,
        claim_idle_s: float = CLAIM_IDLE_S,
        grace_s: float = GRACE_S,
    ) -> None:
        self._worker = worker
        self._channels = channels
        self._consumer = Consumer(channels, worker.channel, name)
        self._settler = Settler(channels, self._consumer)
        self._leases = Leases(channels, self._consumer)
        self._in_flight = InFlight(worker.concurrency, batches=worker.batches if worker.batched else 0)
        self._burst = burst
        self._claim_idle_s = claim_idle_s
        self._grace_s = grace_s
        self._verdicts: dict[str, BaseException] = {}  # why a handler was cut short, by message
        self._wakeups = Wakeups(channels, worker.channel)
        self._wait_s = LOOK_AGAIN_S
        self._channel_empty = False
        self._hangs = 0
        self._stopping_at: float | None = None
        self._asides: set[asyncio.Task[Any]] = set()

    def stop(self) -> None:
        """Take no more; finish what is in hand, or hand it back when the grace time is over."""
        if self._stopping_at is None:
            self._stopping_at = time.monotonic()
            self._leases.last_start = self._stopping_at + self._grace_s - LAST_START_BEFORE_END_S
            self._wakeups.wake()

    async def run(self) -> None:
        """Work until ``stop`` is called.

        Raises:
            Hung: Several handlers in a row did not end. Start a new process.
            Exception: The worker's ``background`` failed.
        """
        chores = [
            asyncio.create_task(self._wakeups.listen(), name="listen"),
            asyncio.create_task(self._refresh_leases(), name="refresh"),
        ]
        background = asyncio.create_task(self._worker.background(self._channels), name="background")
        loop = asyncio.create_task(self._loop(background), name="loop")
        try:
            # A chore that dies takes the process with it, and Supervisor starts a whole one.
            await asyncio.wait([loop, *chores], return_when=asyncio.FIRST_COMPLETED)
            for task in (*chores, loop):
                if task.done():
                    await task
        finally:
            await _end(loop, background, *chores, *self._in_flight.tasks(), *self._asides)

    # The loop

    async def _loop(self, background: asyncio.Task[None]) -> None:
        await self._wakeups.subscribed()  # first, then take: what is published in between then wakes us
        backoff = Backoff("Redis does not answer as it should: ", BACK_OFF_S)
        while not self._is_over():
            if background.done() and not background.cancelled():
                background.result()
            if self._stopping_at is not None:
                background.cancel()
                self._give_back_what_is_left(self._stopping_at)
            try:
                await self._turn()
            except RedisError as error:
                await backoff.wait(error)
                continue
            backoff.over()
            if not self._is_over():
                woken = await self._wakeups.wait(self._wait_s)
                if woken and self._worker.gather_s and self._stopping_at is None:
                    await asyncio.sleep(self._worker.gather_s)

    def _is_over(self) -> bool:
        in_hand = self._in_flight.ids
        if self._stopping_at is None:
            return self._burst and self._channel_empty and not in_hand
        if in_hand and time.monotonic() > self._stopping_at + self._grace_s + GIVE_UP_S:
            _log.warning("leaving with %d messages in hand, which will be taken again: %s", len(in_hand), in_hand)
            return True
        return not in_hand

    async def _turn(self) -> None:
        """Settle what is done and take as much as there is room for, in one round trip.

        Raises:
            redis.RedisError: Redis is away or refuses. What is done stays so until the next turn.
            Hung: See ``HANGS_IN_A_ROW``.
        """
        settled = self._in_flight.done
        for done in settled:
            if not done.decided:
                done.call, done.decided = await self._settler.settle(done.finished), True
        calls = [done.call for done in settled if done.call]
        hung = self._hangs >= HANGS_IN_A_ROW
        room = self._in_flight.room() if self._stopping_at is None and not hung else 0
        self._wait_s = LOOK_AGAIN_S
        if room:
            calls.append(self._consumer.take(room, self._in_flight.ids, self._claim_idle_ms()))
        results = await self._channels.execute(calls) if calls else []
        taken = results.pop() if room else None
        refusal = self._let_go(settled, results)
        if room and not isinstance(taken, RedisError):
            self._begin(self._consumer.taken(taken), room)
        if hung:  # only now that what was done is settled
            msg = f"{self._hangs} messages in a row took longer than {self._worker.handler_limit_s:g} s"
            raise Hung(msg)
        await self._begin_a_suspect()
        for error in (taken, refusal):
            if isinstance(error, RedisError):
                raise error

    def _let_go(self, settled: Sequence[Done], results: Sequence[Any]) -> RedisError | None:
        """Forget the messages that Redis knows to be settled. Returns an error that kept one from being so."""
        refusal = None
        outcomes = iter(results)
        for done in settled:
            result = next(outcomes) if done.call else 1
            if isinstance(result, RedisError):
                refusal = result
                continue
            if not result:
                # Somebody else's by now; or ours, settled by a command whose reply was lost.
                _log.info("job=%s: %s is not ours any more", done.finished.delivery.job, done.id)
            self._in_flight.let_go(done)
        return refusal

    def _claim_idle_ms(self) -> int:
        """Idle time includes Redis's own downtime, so nobody claims before it has answered for that long."""
        return round(self._claim_idle_s * 1000) if self._channels.answering_s() >= self._claim_idle_s else 0

    # Beginning

    def _begin(self, taken: Taken, room: int) -> None:
        self._channel_empty = not taken.deliveries and taken.next_due_ms is None
        self._settler.backlog_s = taken.backlog_ms / 1000
        if len(taken.deliveries) == room:
            self._wakeups.wake()  # there may be more
        elif taken.next_due_ms is not None:
            self._wait_s = min(LOOK_AGAIN_S, taken.next_due_ms / 1000)
        batch: list[tuple[Delivery, AnyMessage]] = []
        for delivery in taken.deliveries:
            if delivery.deaths is not None:
                self._in_flight.suspect(delivery)
            elif message := self._decoded(delivery):
                batch.append((delivery, message))
        for group in [batch] if self._worker.batched and batch else [[begun] for begun in batch]:
            self._start(group)

    async def _begin_a_suspect(self) -> None:
        """Handle a message that saw its worker die while nothing else is in hand, so that the next death is its own."""
        delivery = self._in_flight.suspect_to_begin()
        if delivery is None or self._stopping_at is not None:
            return
        deaths = delivery.deaths or 0
        if deaths >= MAX_DEATHS:
            error = KilledItsWorker(f"{deaths} workers died while they handled this message and nothing else")
            if message := self._decoded(delivery):
                self._finish(Finished(delivery, message, error))
        elif not await self._channels.run(self._consumer.begin_alone(delivery, deaths + 1)):
            self._finish(Finished(delivery, None, LeaseLost("taken over by another worker")))
        elif message := self._decoded(delivery):
            _log.warning("job=%s was in hand when a worker died: now handled alone", delivery.job)
            self._start([(delivery, message)], alone=True)

    def _decoded(self, delivery: Delivery) -> AnyMessage | None:
        try:
            message = decode(delivery.body)
            if message.channel == self._worker.channel:
                return message
            error = Undecodable(f"{type(message).__name__} does not belong on channel {self._worker.channel}")
        except msgspec.DecodeError as cause:
            error = Undecodable(str(cause))
        self._finish(Finished(delivery, None, error))
        return None

    # Handling

    def _start(self, group: _Begun, *, alone: bool = False) -> None:
        task = asyncio.create_task(self._handle(group))
        self._in_flight.begin([delivery for delivery, _ in group], task, alone=alone)
        task.add_done_callback(functools.partial(self._handled, group, time.perf_counter()))
        self._announce([message for _, message in group])

    async def _handle(self, group: _Begun) -> Sequence[Outputs | BaseException]:
        """Run the handler on one message, or on a batch, within its time limit. One outcome for each."""
        self._leases.hold([delivery.id for delivery, _ in group])
        messages: Any = [message for _, message in group]
        limit_s = self._worker.handler_limit_s
        try:
            async with asyncio.timeout(limit_s) as limit:
                if not self._worker.batched:
                    return [await self._worker.handle(messages[0])]
                outcomes = await self._worker.handle_batch(messages)
        except TimeoutError as error:
            if not limit.expired():
                raise
            self._hangs += 1
            msg = f"not done within {limit_s:g} s"
            raise _OverLimit(msg) from error
        if len(outcomes) != len(group):
            msg = f"{len(outcomes)} results for {len(group)} messages"
            raise ValueError(msg)
        return outcomes

    def _handled(self, group: _Begun, began: float, task: asyncio.Task[Any]) -> None:
        """Note what a handler came to, however it ended."""
        took_ms = (time.perf_counter() - began) * 1000
        cut_short = [self._verdicts[delivery.id] for delivery, _ in group if delivery.id in self._verdicts]
        if task.cancelled():
            # By us; or from inside, by something that it awaited: that is a failure like any other.
            why = cut_short[0] if cut_short else RuntimeError("the handler was cancelled from inside")
            outcomes = [why] * len(group)
        elif error := task.exception():
            outcomes = [error] * len(group)
        else:
            outcomes = task.result()
        if not isinstance(outcomes[0], _OverLimit):
            self._hangs = max(0, self._hangs - 1)
        for number, (delivery, message) in enumerate(group):
            self._verdicts.pop(delivery.id, None)
            outcome = outcomes[number]
            shown = number > 0 and outcome is outcomes[number - 1]
            self._finish(Finished(delivery, message, _as_outcome(outcome), took_ms, shown))

    def _finish(self, finished: Finished) -> None:
        self._in_flight.finish(finished)
        self._wakeups.wake()

    def _give_back_what_is_left(self, stopping_at: float) -> None:
        """On a stop: suspects at once, running handlers when the grace time is over."""
        for delivery in self._in_flight.suspects():
            self._finish(Finished(delivery, None, HandedBack()))
        if time.monotonic() > stopping_at + self._grace_s:
            for id_ in self._in_flight.running:
                self._cut_short(id_, HandedBack())

    def _cut_short(self, id_: str, why: BaseException) -> None:
        self._verdicts[id_] = why
        self._in_flight.cancel(id_)

    def _announce(self, messages: Sequence[AnyMessage]) -> None:
        """Send the worker's announcements, if it has any. They may be lost, and hold nothing up."""
        asides = [
            (aside, Once(f"{message.stage}-{message.job.id}-{message.job.run}", "", _ANNOUNCED_MARKER_MS))
            for message in messages
            if (aside := self._worker.announce(message))  # type: ignore[arg-type]
        ]
        if asides:
            task = asyncio.create_task(_unless_away(self._channels.publish(asides)))
            self._asides.add(task)
            task.add_done_callback(self._asides.discard)

    async def _refresh_leases(self) -> None:
        """Keep what is in hand, and drop the work on what was taken from us all the same."""
        while True:
            await asyncio.sleep(REFRESH_S)
            lost: set[str] = set()
            if self._in_flight.ids:
                with contextlib.suppress(RedisError):  # the loop meets the same error, and says so
                    lost = await self._leases.refresh(self._in_flight.ids)
            if not self._worker.batched:
                for id_ in lost & set(self._in_flight.running):
                    self._cut_short(id_, LeaseLost("taken over by another worker"))


def _as_outcome(outcome: Outputs | BaseException) -> Outcome:
    if outcome is None:
        return ()
    return (outcome,) if isinstance(outcome, Message) else outcome


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks, again and again: libraries can swallow it, by asyncio.wait_for before Python 3.12."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


async def _unless_away(call: Coroutine[Any, Any, Any]) -> None:
    with contextlib.suppress(RedisError):
        await call
