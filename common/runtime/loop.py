"""The one loop that all workers run in.

It takes messages while there is room, calls the worker's handler, and hands off what the handler returns. One turn of
the loop is one round trip to Redis: it settles what was finished since the last turn, and takes as many new messages.

``settle.py`` decides what happens to a message. The scripts (``common/channels/lua``) make sure that no message is lost
or done twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from typing import Any, Final, Generic

import msgspec
from redis.exceptions import RedisError

from common.backoff import Backoff
from common.channels.channels import Channels
from common.channels.consumer import Delivery, Taken
from common.channels.wakeups import LOOK_AGAIN_S, Wakeups
from common.errors import Hung, LeaseLost
from common.messages import AnyMessage, decode
from common.runtime.handlers import Handlers
from common.runtime.in_flight import Done, InFlight
from common.runtime.leases import Leases
from common.runtime.limits import RuntimeLimits
from common.runtime.outcomes import Finished, HandedBack, KilledItsWorker, Undecodable
from common.runtime.retries import Retries
from common.runtime.settle import Settler
from common.runtime.worker import TakenT, Worker

_CANCEL_AGAIN_S: Final = 0.2

_log = logging.getLogger(__name__)


class Runtime(Generic[TakenT]):
    """Runs one worker on its channel.

    Args:
        worker: The worker.
        channels: Where its channel is.
        name: The consumer's name; no other process may use it.
        limits: The time limits.
        retries: When a message that was not finished comes again.
        burst: Return when the channel is empty, for tests.
    """

    def __init__(
        self,
        worker: Worker[TakenT],
        channels: Channels,
        name: str,
        *,
        limits: RuntimeLimits | None = None,
        retries: Retries | None = None,
        burst: bool = False,
    ) -> None:
        self._worker = worker
        self._channels = channels
        self._consumer = channels.consumer(worker.channel, name)
        self._limits = limits or RuntimeLimits()
        self._retries = retries or Retries()
        self._burst = burst
        self._settler = Settler(channels, self._consumer, self._retries)
        self._leases = Leases(channels, self._consumer)
        self._in_flight = InFlight(worker.batch_size, worker.concurrency)
        self._handlers = Handlers(worker, channels, self._leases, self._in_flight, self._finish)
        self._wakeups = Wakeups(channels, worker.channel, back_off_s=self._limits.back_off_s)
        self._wait_s = LOOK_AGAIN_S
        self._channel_empty = False
        self._stopping_at: float | None = None

    def stop(self) -> None:
        """Take no more; finish what is in flight, or hand it back when the grace time is over."""
        if self._stopping_at is None:
            self._stopping_at = time.monotonic()
            self._leases.last_start = self._stopping_at + self._limits.grace_s - self._limits.last_start_before_end_s
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
            # If a chore fails, the process ends, and Supervisor starts a new one.
            await asyncio.wait([loop, *chores], return_when=asyncio.FIRST_COMPLETED)
            for task in (*chores, loop):
                if task.done():
                    await task
        finally:
            await _end(loop, background, *chores, *self._handlers.tasks())

    # The loop

    async def _loop(self, background: asyncio.Task[None]) -> None:
        await self._wakeups.subscribed()  # before the first take: a message published in between wakes us
        backoff = Backoff("Redis does not answer as it should: ", self._limits.back_off_s)
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
        ids = self._in_flight.ids
        if self._stopping_at is None:
            return self._burst and self._channel_empty and not ids
        if ids and time.monotonic() > self._stopping_at + self._limits.grace_s + self._limits.give_up_s:
            _log.warning("leaving with %d messages in flight, which will be taken again: %s", len(ids), ids)
            return True
        return not ids

    async def _turn(self) -> None:
        """Settle what is done and take as many messages as there is room for, in one round trip.

        Raises:
            redis.RedisError: Redis is away or refuses. The next turn settles what is done.
            Hung: See ``RuntimeLimits.hangs_in_a_row``.
        """
        settled = self._in_flight.done
        for done in settled:
            if not done.decided:
                done.call, done.decided = await self._settler.settle(done.finished), True
        calls = [done.call for done in settled if done.call]
        hung = self._handlers.hangs >= self._limits.hangs_in_a_row
        room = self._in_flight.room() if self._stopping_at is None and not hung else 0
        self._wait_s = LOOK_AGAIN_S
        if room:
            calls.append(self._consumer.take(room, self._in_flight.ids, self._claim_idle_ms()))
        results = await self._channels.scripts.execute(calls) if calls else []
        taken = results.pop() if room else None
        refusal = self._let_go(settled, results)
        if room and not isinstance(taken, RedisError):
            self._begin(self._consumer.taken(taken), room)
        if hung:  # after everything done is settled
            msg = f"{self._handlers.hangs} messages in a row took longer than {self._worker.handler_limit_s:g} s"
            raise Hung(msg)
        await self._begin_quarantined()
        for error in (taken, refusal):
            if isinstance(error, RedisError):
                raise error

    def _let_go(self, settled: Sequence[Done], results: Sequence[Any]) -> RedisError | None:
        """Forget the messages that Redis has settled. Returns an error that prevented one from being settled."""
        refusal = None
        outcomes = iter(results)
        for done in settled:
            result = next(outcomes) if done.call else 1
            if isinstance(result, RedisError):
                refusal = result
                continue
            if not result:
                # Another worker holds it now; or an earlier command settled it, whose reply was lost.
                _log.info("job=%s: %s is no longer ours", done.finished.delivery.job, done.id)
            self._in_flight.let_go(done)
        return refusal

    def _claim_idle_ms(self) -> int:
        """Idle time includes Redis's own downtime, so a worker claims only after Redis has answered for that long."""
        idle_s = self._limits.claim_idle_s
        return round(idle_s * 1000) if self._channels.scripts.answering_s() >= idle_s else 0

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
                self._in_flight.quarantine(delivery)
            elif message := self._decoded(delivery):
                batch.append((delivery, message))
        size = self._worker.batch_size
        for start in range(0, len(batch), size):
            self._handlers.start(batch[start : start + size])

    async def _begin_quarantined(self) -> None:
        """Handle a message whose worker died, with nothing else in flight: the next death is its fault."""
        delivery = self._in_flight.next_quarantined()
        if delivery is None or self._stopping_at is not None:
            return
        deaths = delivery.deaths or 0
        if deaths >= self._retries.deaths:
            error = KilledItsWorker(f"{deaths} workers died while they handled this message and nothing else")
            if message := self._decoded(delivery):
                self._finish(Finished(delivery, message, error))
        elif not await self._channels.scripts.run(self._consumer.begin_alone(delivery, deaths + 1)):
            self._finish(Finished(delivery, None, LeaseLost("taken over by another worker")))
        elif message := self._decoded(delivery):
            _log.warning("job=%s was in flight when a worker died: now handled alone", delivery.job)
            self._handlers.start([(delivery, message)], alone=True)

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

    # Ending

    def _finish(self, finished: Finished) -> None:
        self._in_flight.finish(finished)
        self._wakeups.wake()

    def _give_back_what_is_left(self, stopping_at: float) -> None:
        """On a stop, hand back the quarantine at once, and running messages when the grace time is over."""
        for delivery in self._in_flight.quarantined():
            self._finish(Finished(delivery, None, HandedBack()))
        if time.monotonic() > stopping_at + self._limits.grace_s:
            for id_ in self._in_flight.running:
                self._handlers.cut_short(id_, HandedBack())

    async def _refresh_leases(self) -> None:
        """Refresh the messages in flight, and drop the work on those that another worker claimed."""
        while True:
            await asyncio.sleep(self._limits.refresh_s)
            lost: set[str] = set()
            if self._in_flight.ids:
                with contextlib.suppress(RedisError):  # the loop meets the same error, and says so
                    lost = await self._leases.refresh(self._in_flight.ids)
            if self._worker.batch_size == 1:  # else the rest of the batch would be lost with it
                for id_ in lost & set(self._in_flight.running):
                    self._handlers.cut_short(id_, LeaseLost("taken over by another worker"))


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks repeatedly: a library can swallow a cancellation, by asyncio.wait_for before Python 3.12."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
