"""One worker's end of its channel: takes messages, and settles each."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from common.channels.keys import GROUP, Keys
from common.channels.scripts import Call
from common.messages import Job, Message, SendReply, encode


@dataclasses.dataclass(frozen=True)
class JobLimits:
    """How many jobs there may be; further ones are declined.

    Attributes:
        of_a_chat: Unfinished jobs of one chat.
        in_all: Unfinished jobs of all chats.
        of_a_user: Jobs that one user begins within a minute.
    """

    of_a_chat: int
    in_all: int
    of_a_user: int


@dataclasses.dataclass(frozen=True)
class Delivery:
    """A message that a consumer has in flight.

    Attributes:
        id: Its entry's id in the stream.
        job: Its job; '' if it does not carry one.
        body: The message as JSON.
        attempts: How many times handling it failed.
        since_ms: Since when outages have postponed it, in ms by the clock of Redis; 0 if none did.
        deaths: How often a worker died while handling it alone; None if no worker began it before.
        taken_ms: When it was taken, in ms by the clock of Redis.
    """

    id: str
    job: str
    body: bytes
    attempts: int
    since_ms: int
    deaths: int | None
    taken_ms: int

    @property
    def waited_ms(self) -> int:
        """How long it was in the channel."""
        return max(0, self.taken_ms - int(self.id.partition("-")[0]))


@dataclasses.dataclass(frozen=True)
class Taken:
    """What ``take`` gave.

    Attributes:
        deliveries: The messages.
        next_due_ms: Time until the next retry is due; None if there is no retry.
        backlog_ms: How long all jobs will roughly take; 0 while no job waits for a slot.
    """

    deliveries: tuple[Delivery, ...]
    next_due_ms: int | None
    backlog_ms: int = 0


class Consumer:
    """One worker's end of its channel. Its methods make calls, for ``Scripts.execute``.

    Each call but ``take`` and ``refresh`` gives 1, or 0 if this consumer does not hold the message (any longer): then
    it changes nothing.

    Args:
        keys: The keys of its namespace.
        limits: How many jobs may begin.
        channel: Its channel.
        name: Its name in the consumer group; no other consumer may have it.
        clock: The time, in Unix seconds, to count what users begin in a minute.
    """

    def __init__(
        self, keys: Keys, limits: JobLimits, channel: str, name: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.channel = channel
        self.name = name
        self._process = uuid.uuid4().hex[:8]
        self._keys = keys
        self._limits = limits
        self._clock = clock
        self._stream = keys.stream(channel)
        self._begun = keys.begun(channel)
        self._delayed = keys.delayed(channel)
        self._parked = keys.parked(channel)
        self._replies = keys.stream(SendReply.channel)

    def take(self, room: int, in_flight: Iterable[str] = (), claim_idle_ms: int = 0) -> Call:
        """Take up to ``room`` messages; read the result with ``taken``.

        Args:
            room: How many more messages the consumer can begin now.
            in_flight: Ids of the messages that it has.
            claim_idle_ms: Also claim messages that siblings left idle for that long; 0: do not.
        """
        keys = (self._stream, self._begun, self._delayed, self._parked)
        return Call("take", keys, (GROUP, self.name, self._process, room, claim_idle_ms, *in_flight))

    @staticmethod
    def taken(result: Any) -> Taken:
        """The result of ``take``."""
        now_ms, next_due_ms, backlog_ms, rows = result
        deliveries = tuple(
            Delivery(
                id=id_.decode(),
                # Somebody may have put anything there by hand: an unreadable message is buried.
                job=job.decode(errors="replace"),
                body=body,
                attempts=int(attempts) if attempts.isdigit() else 0,
                since_ms=int(since) if since.isdigit() else 0,
                deaths=int(deaths) if deaths else None,
                taken_ms=now_ms,
            )
            for id_, deaths, job, body, attempts, since in rows
        )
        return Taken(deliveries, None if next_due_ms < 0 else next_due_ms, backlog_ms)

    def hand_off(
        self,
        delivery: Delivery,
        outputs: Sequence[Message],
        busy: Callable[[Job], SendReply],
        too_fast: Callable[[Job], SendReply] | None = None,
        count: str = "handled",
    ) -> Call:
        """Finish a message, count that, and publish what follows. If no output carries its job on, the job ends.

        Another job than the message's own begins when its chat has a free slot. Above the limits it is declined: its
        chat gets ``busy`` instead, or its user ``too_fast``, once a minute. Without ``too_fast``, users have no limit.
        """
        rows: list[str | bytes] = []
        for output in outputs:
            begins = output.carries_job and output.job.id != delivery.job
            user = "" if output.job.user_id is None or not too_fast else str(output.job.user_id)
            rows += (output.channel, output.carried_job, output.job.chat, user, encode(output))
            rows += (encode(notice(output.job)) if begins and notice else b"" for notice in (busy, too_fast))
        minute, since = divmod(self._clock(), 60)
        minutes = [self._keys.users(at) for at in (minute, minute - 1)]
        keys = (self._stream, self._begun, self._keys.counts, self._keys.told, self._replies, *minutes)
        limits = (self._limits.of_a_chat, self._limits.in_all, self._limits.of_a_user)
        share = f"{1 - since / 60:.3f}"
        args = (GROUP, self.name, delivery.id, delivery.job, self.channel, *limits, share, f"{self.channel} {count}")
        return Call("hand_off", keys, (*args, *rows))

    def retry(self, delivery: Delivery, delay_ms: int, attempts: int) -> Call:
        """Postpone a message after a failed attempt; ``attempts`` includes that one."""
        return self._postpone(delivery, delay_ms, attempts, delivery.since_ms, "retried", _deaths_alone(delivery))

    def postpone(self, delivery: Delivery, delay_ms: int, since_ms: int) -> Call:
        """Postpone a message for an outage that began at ``since_ms``; no attempt is used."""
        return self._postpone(delivery, delay_ms, delivery.attempts, since_ms, "postponed", _deaths_alone(delivery))

    def hand_back(self, delivery: Delivery) -> Call:
        """Put a message back as it came, for the next consumer."""
        deaths = "" if delivery.deaths is None else str(delivery.deaths)
        return self._postpone(delivery, 0, delivery.attempts, delivery.since_ms, "postponed", deaths)

    def _postpone(
        self, delivery: Delivery, delay_ms: int, attempts: int, since_ms: int, count: str, deaths: str
    ) -> Call:
        keys = (self._stream, self._begun, self._delayed, self._parked, self._keys.counts)
        args = (GROUP, self.name, delivery.id, delay_ms, attempts, since_ms, f"{self.channel} {count}", deaths)
        return Call("postpone", keys, args)

    def bury(self, delivery: Delivery, error: str, traceback: str, apology: SendReply | None) -> Call:
        """Move a message to the dead letters. The apology carries its job on; without one the job ends."""
        to = (self._keys.dead, self._keys.counts, self._replies)
        args = (GROUP, self.name, delivery.id, self.channel, error, traceback, encode(apology) if apology else b"")
        return Call("bury", (self._stream, self._begun, *to), args)

    def begin_alone(self, delivery: Delivery, deaths: int) -> Call:
        """Note that a quarantined message is handled alone now, and has ``deaths`` until it is finished."""
        args = (GROUP, self.name, self._process, delivery.id, deaths)
        return Call("begin_alone", (self._stream, self._begun), args)

    def refresh(self, ids: Iterable[str]) -> Call:
        """Keep those messages from being claimed by siblings. Gives the ids that are still this consumer's."""
        return Call("refresh", (self._stream,), (GROUP, self.name, *ids))


def _deaths_alone(delivery: Delivery) -> str:
    """The deaths that stay on a postponed message: those while it was handled alone."""
    return str(delivery.deaths) if delivery.deaths else ""
