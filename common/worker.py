"""The one loop that all six workers run in.

A worker file states what its channel is and what it does with one message (``handle``) or with several
(``handle_batch``); it never touches Redis. The loop here takes messages as there is room for them, calls the
handler, and hands off what it returns. One turn of the loop is one round trip to Redis: it settles whatever was
finished since the last turn, and takes as much again.

What a message's handling comes to, ``common/settle.py`` decides. What keeps a message from being lost or done
twice, the scripts in ``common/channels.py`` hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar

import msgspec
from redis.exceptions import RedisError

from common.channels import Channels, Consumer, Delivery, Taken
from common.errors import LeaseLost, Outage
from common.messages import AnyMessage, Message, decode
from common.settings import Settings
from common.settle import MAX_DEATHS, Finished, HandedBack, KilledItsWorker, Outcome, Settler, Undecodable

TakenT = TypeVar("TakenT", bound=Message)
Outputs: TypeAlias = Message | Sequence[Message] | None

LOOK_AGAIN_S: Final = 1.0  # a wake-up can be lost, so every channel is looked at this often all the same
CLAIM_IDLE_S: Final = 60.0  # a sibling that has not refreshed a message for so long has lost it
REFRESH_S: Final = 10.0
# On SIGTERM, handlers have this long; what they hold then is handed back. Supervisor's stopwaitsecs is 30.
GRACE_S: Final = 20.0
_GIVE_UP_S: Final = 5.0  # … and when Redis is away at that moment, this long to come back
_AWAY_MAX_S: Final = 2.0
_TYPING_MARKER_MS: Final = 60_000

_log = logging.getLogger(__name__)
_lease: contextvars.ContextVar[Callable[[], Awaitable[None]]] = contextvars.ContextVar("lease")


class Worker(Generic[TakenT]):
    """What a worker file states: its channel, how much it does at once, and ``handle``.

    Attributes:
        channel: The channel that it is subscribed to.
        concurrency: How many messages it has in hand at most. It never takes more.
        batched: Whether it handles all that it takes at once, with ``handle_batch``.
        handler_limit_s: How long ``handle`` may take. Below ``CLAIM_IDLE_S``, so that a hanging step is cut here
            before a sibling takes its message for abandoned.
    """

    channel: ClassVar[str]
    concurrency: ClassVar[int] = 1
    batched: ClassVar[bool] = False
    handler_limit_s: ClassVar[float] = 25.0

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def open(self) -> None:
        """Get ready: called once before the first message."""

    async def close(self) -> None:
        """Let go of what ``open`` took."""

    async def background(self, channels: Channels) -> None:
        """What the worker does beside its messages, for as long as it runs. It is cancelled first on a stop."""

    async def handle(self, message: TakenT) -> Outputs:
        """Do the message's work and return the next message, several, or none.

        Raises:
            Outage: Something outside is down. The message comes again, and no attempt is used.
            InputLost: Its file is gone or broken. Its job starts again.
            Exception: Anything else is logged, tried again, and in the end buried.
        """
        raise NotImplementedError

    async def handle_batch(self, messages: Sequence[TakenT]) -> Sequence[Outputs | Exception]:
        """The same for several messages at once: one result, or error, for each."""
        raise NotImplementedError

    def announce(self, message: TakenT) -> Message | None:
        """What to tell others when work on a message begins: nothing, or a message that carries no job."""
        return None


async def confirm_lease() -> None:
    """Make sure that the message in hand is still ours; a handler asks right before what cannot be undone.

    Outside the runtime, as in a unit test, it always is.

    Raises:
        LeaseLost: Another worker has it.
        Outage: Redis does not answer.
    """
    check = _lease.get(None)
    if check:
        await check()


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
        self._burst = burst
        self._claim_idle_s = claim_idle_s
        self._grace_s = grace_s
        self._in_hand: dict[str, Delivery] = {}  # taken and not settled: the three below are parts of it
        self._running: dict[str, asyncio.Task[None]] = {}
        self._finished: list[Finished] = []
        self._suspects: list[Delivery] = []
        self._verdicts: dict[str, BaseException] = {}  # why a running handler was cancelled
        self._wake = asyncio.Event()
        self._subscribed = asyncio.Event()
        self._connected_at = 0.0
        self._next_due_s = LOOK_AGAIN_S
        self._channel_empty = False
        self._stopping_at: float | None = None
        self._asides: set[asyncio.Task[Any]] = set()

    def stop(self) -> None:
        """Take no more; finish what is in hand, or hand it back when the grace time is over."""
        if self._stopping_at is None:
            self._stopping_at = time.monotonic()
            self._wake.set()

    async def run(self) -> None:
        """Work until ``stop`` is called."""
        chores = [
            asyncio.create_task(self._listen(), name="listen"),
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
            tasks = [loop, background, *chores, *self._running.values(), *self._asides]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _loop(self, background: asyncio.Task[None]) -> None:
        # Subscribe first, then take: what is published in between then wakes us.
        await _first_of(self._subscribed.wait(), self._wait_for_stop())
        away_since: float | None = None
        delay_s = 0.0
        while not self._is_done():
            if background.done() and not background.cancelled():
                background.result()
            if self._stopping_at is not None:
                background.cancel()
                self._give_back_what_is_left()
            try:
                await self._turn()
            except RedisError as error:
                away_since, delay_s = self._note_away(error, away_since), min(_AWAY_MAX_S, delay_s * 2 + 0.05)
                await asyncio.sleep(delay_s)
                continue
            if away_since is not None:
                _log.info("Redis is back after %.1f s", time.monotonic() - away_since)
                away_since, delay_s = None, 0.0
            if not self._is_done():
                await self._wait()

    def _note_away(self, error: RedisError, away_since: float | None) -> float:
        if away_since is None:
            _log.warning("Redis does not answer as it should (%s): trying until it does", error)
            return time.monotonic()
        return away_since

    def _is_done(self) -> bool:
        if self._stopping_at is None:
            return self._burst and self._channel_empty and not self._in_hand
        out_of_time = time.monotonic() > self._stopping_at + self._grace_s + _GIVE_UP_S
        return not self._in_hand or out_of_time

    async def _turn(self) -> None:
        """Settle what is finished and take as much as there is room for, in one round trip.

        Raises:
            redis.RedisError: Redis is away or refuses. What is finished stays so until the next turn.
        """
        settled = [(finished, await self._settler.call(finished)) for finished in self._finished]
        calls = [call for _, call in settled if call]
        room = self._room()
        if room:
            claim_ms = self._claim_idle_ms()
            calls.append(self._consumer.take(room, self._in_hand, claim_ms))
        if calls:
            results = await self._channels.execute(calls)
            taken = results.pop() if room else None
            refusal = self._let_go(settled, results)
            if room and not isinstance(taken, RedisError):
                self._begin(self._consumer.taken(taken), room)
            for error in (taken, refusal):
                if isinstance(error, RedisError):
                    raise error
        else:
            self._let_go(settled, [])
        await self._begin_a_suspect()

    def _let_go(self, settled: Sequence[tuple[Finished, Any]], results: Sequence[Any]) -> RedisError | None:
        """Forget the messages that Redis knows to be settled. Returns an error that kept one from being so."""
        refusal = None
        outcomes = iter(results)
        for finished, call in settled:
            result = next(outcomes) if call else 1
            if isinstance(result, RedisError):
                refusal = result
                continue
            if not result:
                _log.warning("job=%s: %s was not ours any more", finished.delivery.job, finished.delivery.id)
            self._finished.remove(finished)
            del self._in_hand[finished.delivery.id]
        return refusal

    def _room(self) -> int:
        """How many messages can be begun now. None while a suspect waits to be handled alone."""
        if self._stopping_at is not None or self._suspects:
            return 0
        if self._worker.batched:
            return 0 if self._running else self._worker.concurrency
        return self._worker.concurrency - len(self._running)

    def _claim_idle_ms(self) -> int:
        """Idle time includes Redis's own downtime, so nobody claims before it was connected for that long."""
        connected_s = time.monotonic() - self._connected_at
        return round(self._claim_idle_s * 1000) if connected_s >= self._claim_idle_s else 0

    def _begin(self, taken: Taken, room: int) -> None:
        self._next_due_s = LOOK_AGAIN_S if taken.next_due_ms is None else taken.next_due_ms / 1000
        self._channel_empty = not taken.deliveries and taken.next_due_ms is None
        if len(taken.deliveries) == room:
            self._wake.set()  # there may be more
        batch: list[tuple[Delivery, AnyMessage]] = []
        for delivery in taken.deliveries:
            self._in_hand[delivery.id] = delivery
            if delivery.deaths is not None:
                self._suspects.append(delivery)
            elif message := self._decoded(delivery):
                batch.append((delivery, message))
        self._start(batch)

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

    async def _begin_a_suspect(self) -> None:
        """Handle a message that saw its worker die when nothing else is in hand, so that the next death is its own."""
        if not self._suspects or self._running or self._stopping_at is not None:
            return
        delivery = self._suspects[0]
        deaths = delivery.deaths or 0
        if deaths >= MAX_DEATHS:
            self._suspects.pop(0)
            error = KilledItsWorker(f"{deaths} workers died while they handled this message and nothing else")
            message = self._decoded(delivery)
            if message:
                self._finish(Finished(delivery, message, error))
            return
        if not await self._channels.run(self._consumer.begin_alone(delivery, deaths + 1)):
            self._suspects.pop(0)
            self._finish(Finished(delivery, None, LeaseLost("taken over by another worker")))
            return
        self._suspects.pop(0)
        _log.warning("job=%s was in hand when a worker died: now handled alone", delivery.job)
        if message := self._decoded(delivery):
            self._start([(delivery, message)])

    def _start(self, batch: Sequence[tuple[Delivery, AnyMessage]]) -> None:
        groups = [batch] if self._worker.batched and batch else [[pair] for pair in batch]
        for group in groups:
            task = asyncio.create_task(self._handle(group))
            for delivery, _ in group:
                self._running[delivery.id] = task
            self._announce([message for _, message in group])

    async def _handle(self, group: Sequence[tuple[Delivery, AnyMessage]]) -> None:
        """Run the handler on one message, or on a batch, within its time limit."""
        deliveries = [delivery for delivery, _ in group]
        messages: Any = [message for _, message in group]
        _lease.set(lambda: self._confirm(deliveries[0]))
        began = time.perf_counter()
        outcomes: Sequence[Outputs | BaseException]
        try:
            async with asyncio.timeout(self._worker.handler_limit_s):
                if self._worker.batched:
                    outcomes = await self._worker.handle_batch(messages)
                else:
                    outcomes = [await self._worker.handle(messages[0])]
        except asyncio.CancelledError as cancelled:
            outcomes = [self._verdicts.pop(delivery.id, cancelled) for delivery in deliveries]
        except TimeoutError:
            limit = TimeoutError(f"not done within {self._worker.handler_limit_s:g} s")
            outcomes = [limit] * len(group)
        except Exception as error:  # whatever it is, Settler knows what to do with the message
            outcomes = [error] * len(group)
        if len(outcomes) != len(group):
            outcomes = [ValueError(f"{len(outcomes)} results for {len(group)} messages")] * len(group)
        took_ms = (time.perf_counter() - began) * 1000
        for (delivery, message), outcome in zip(group, outcomes, strict=True):
            del self._running[delivery.id]
            self._finish(Finished(delivery, message, _as_outcome(outcome), took_ms))

    def _finish(self, finished: Finished) -> None:
        self._finished.append(finished)
        self._wake.set()

    async def _confirm(self, delivery: Delivery) -> None:
        try:
            mine = await self._channels.run(self._consumer.refresh([delivery.id]))
        except RedisError as error:
            msg = f"cannot ask Redis whether the message is still ours: {error}"
            raise Outage(msg) from error
        if delivery.id.encode() not in mine:
            raise LeaseLost("taken over by another worker")

    def _announce(self, messages: Sequence[AnyMessage]) -> None:
        """Send the worker's announcements, if it has any. They may be lost, and hold nothing up."""
        asides = [(aside, f"{message.stage}-{message.job.id}-{message.job.run}")
                  for message in messages
                  if (aside := self._worker.announce(message))]  # type: ignore[arg-type]  # fmt: skip
        if asides:
            task = asyncio.create_task(_unless_away(self._channels.publish(asides, _TYPING_MARKER_MS)))
            self._asides.add(task)
            task.add_done_callback(self._asides.discard)

    def _give_back_what_is_left(self) -> None:
        """On a stop: suspects at once, running handlers when the grace time is over."""
        for delivery in self._suspects:
            self._finish(Finished(delivery, None, HandedBack()))
        self._suspects.clear()
        if self._stopping_at is not None and time.monotonic() > self._stopping_at + self._grace_s:
            for id_ in list(self._running):
                self._cancel(id_, HandedBack())

    def _cancel(self, id_: str, why: BaseException) -> None:
        self._verdicts[id_] = why
        self._running[id_].cancel()

    async def _wait(self) -> None:
        """Until there is something to do."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(LOOK_AGAIN_S, self._next_due_s)):
                await self._wake.wait()
        self._wake.clear()

    async def _wait_for_stop(self) -> None:
        while self._stopping_at is None:
            await self._wait()

    async def _listen(self) -> None:
        """Stay subscribed, and turn whatever comes into one wake-up: a subscriber that does not read is cut off."""
        while True:
            try:
                async with self._channels.subscribe(self._worker.channel) as subscription:
                    while True:
                        # Also hears redis-py's own resubscription after a cut, before which wake-ups were lost.
                        event = await subscription.get_message(timeout=LOOK_AGAIN_S)
                        if event is None:
                            continue
                        if event["type"] == "subscribe":
                            self._connected_at = time.monotonic()
                            self._subscribed.set()
                        self._wake.set()
            except RedisError:
                await asyncio.sleep(_AWAY_MAX_S / 4)

    async def _refresh_leases(self) -> None:
        """Slow is not dead: say so, and drop the work on what was taken from us all the same."""
        while True:
            await asyncio.sleep(REFRESH_S)
            asked = list(self._in_hand)
            if not asked:
                continue
            try:
                mine = {id_.decode() for id_ in await self._channels.run(self._consumer.refresh(asked))}
            except RedisError:
                continue  # the loop meets the same error, and says so
            for id_ in asked:
                if id_ not in mine and id_ in self._running and not self._worker.batched:
                    self._cancel(id_, LeaseLost("taken over by another worker"))


def _as_outcome(outcome: Outputs | BaseException) -> Outcome:
    if outcome is None:
        return ()
    return (outcome,) if isinstance(outcome, Message) else outcome


async def _unless_away(call: Coroutine[Any, Any, Any]) -> None:
    with contextlib.suppress(RedisError):
        await call


async def _first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
