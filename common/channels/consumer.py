"""One worker's end of its channel: taking messages, and saying what became of each."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from common.channels.scripts import Call
from common.messages import CHANNELS, Job, Message, SendReply, encode

if TYPE_CHECKING:
    from common.channels.channels import Channels

GROUP: Final = "workers"


@dataclasses.dataclass(frozen=True)
class Delivery:
    """A message in a consumer's hands.

    Attributes:
        id: Its entry's id in the stream.
        job: Its job; '' if it carries none.
        body: The message as JSON.
        attempts: How many times handling it failed.
        since_ms: Since when outages have put it off, in ms by the clock of Redis; 0 if none has.
        deaths: How often a worker died while handling it alone; None if nobody began it before.
        taken_ms: When it was taken, by the clock of Redis.
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
        """How long it lay in the channel."""
        return max(0, self.taken_ms - int(self.id.partition("-")[0]))


@dataclasses.dataclass(frozen=True)
class Taken:
    """What ``take`` gave.

    Attributes:
        deliveries: The messages.
        next_due_ms: Time until the next retry is due, None if none waits.
        backlog_ms: How long all jobs will take, roughly; 0 while none waits for its turn.
    """

    deliveries: tuple[Delivery, ...]
    next_due_ms: int | None
    backlog_ms: int = 0


class Consumer:
    """One worker's end of its channel. Its methods but ``take`` make calls, for ``Scripts.execute``.

    Each of those gives 1, or 0 when the message is not this consumer's (any more), and nothing follows from it.
    """

    def __init__(self, channels: Channels, channel: str, name: str) -> None:
        self.channel = channel
        self.name = name
        self._process = uuid.uuid4().hex[:8]
        self._key = channels.key
        self._streams = {name: channels.key(name) for name in CHANNELS}
        self._limits = (channels.most_of_a_chat, channels.most, channels.most_of_a_user)
        self._stream = self._streams[channel]
        self._begun = channels.key(channel, "begun")
        self._delayed = channels.key(channel, "delayed")
        self._parked = channels.key(channel, "parked")
        self._counts = channels.key("counts")
        self._told = channels.key("told")

    def take(self, room: int, in_hand: Iterable[str] = (), claim_idle_ms: int = 0) -> Call:
        """Take up to ``room`` messages; read the result with ``taken``.

        Args:
            room: How many more messages the consumer can begin now.
            in_hand: Ids of the messages that it has.
            claim_idle_ms: Also take over what siblings left idle for that long; 0: do not.
        """
        keys = (self._stream, self._begun, self._delayed, self._parked)
        return Call("take", keys, (GROUP, self.name, self._process, room, claim_idle_ms, *in_hand))

    @staticmethod
    def taken(result: Any) -> Taken:
        """The result of ``take``."""
        now_ms, next_due_ms, backlog_ms, rows = result
        deliveries = tuple(
            Delivery(
                id=id_.decode(),
                # Whatever somebody put there by hand: a message that makes no sense is buried, not stumbled over.
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
    ) -> Call:
        """Finish a message and publish what follows. A job that no output carries on has ended.

        Another job than the message's own begins, in its chat's turn. Past the limits it is declined: its chat gets
        ``busy`` instead, or its user ``too_fast``, once a minute. Without ``too_fast``, users may be as fast as they
        like.
        """
        rows: list[str | bytes] = []
        for output in outputs:
            begins = output.carries_job and output.job.id != delivery.job
            user = "" if output.job.user_id is None or not too_fast else str(output.job.user_id)
            rows += (output.channel, output.carried_job, output.job.chat, user, encode(output))
            rows += (encode(notice(output.job)) if begins and notice else b"" for notice in (busy, too_fast))
        minute, since = divmod(time.time(), 60)
        minutes = [self._key("users", f"{at:.0f}") for at in (minute, minute - 1)]
        keys = (self._stream, self._begun, self._counts, self._told, self._streams[SendReply.channel], *minutes)
        args = (GROUP, self.name, delivery.id, delivery.job, self.channel, *self._limits, f"{1 - since / 60:.3f}")
        return Call("hand_off", keys, (*args, *rows))

    def retry(self, delivery: Delivery, delay_ms: int, attempts: int) -> Call:
        """Put a message off after a failed attempt; ``attempts`` counts it."""
        return self._postpone(delivery, delay_ms, attempts, delivery.since_ms, "retried", _deaths_alone(delivery))

    def postpone(self, delivery: Delivery, delay_ms: int, since_ms: int) -> Call:
        """Put a message off for an outage that has lasted ``since_ms``; no attempt is used."""
        return self._postpone(delivery, delay_ms, delivery.attempts, since_ms, "postponed", _deaths_alone(delivery))

    def hand_back(self, delivery: Delivery) -> Call:
        """Put a message back as it came, for whoever takes next."""
        deaths = "" if delivery.deaths is None else str(delivery.deaths)
        return self._postpone(delivery, 0, delivery.attempts, delivery.since_ms, "postponed", deaths)

    def _postpone(
        self, delivery: Delivery, delay_ms: int, attempts: int, since_ms: int, count: str, deaths: str
    ) -> Call:
        keys = (self._stream, self._begun, self._delayed, self._parked, self._counts)
        args = (GROUP, self.name, delivery.id, delay_ms, attempts, since_ms, f"{self.channel} {count}", deaths)
        return Call("postpone", keys, args)

    def bury(self, delivery: Delivery, error: str, traceback: str, apology: SendReply | None) -> Call:
        """Move a message to the dead letters; the apology carries its job on, without one the job ends."""
        to = (self._key("dead"), self._counts, self._streams[SendReply.channel])
        args = (GROUP, self.name, delivery.id, self.channel, error, traceback, encode(apology) if apology else b"")
        return Call("bury", (self._stream, self._begun, *to), args)

    def begin_alone(self, delivery: Delivery, deaths: int) -> Call:
        """Note that a suspect message is about to be handled alone: it has ``deaths`` until it is finished."""
        args = (GROUP, self.name, self._process, delivery.id, deaths)
        return Call("begin_alone", (self._stream, self._begun), args)

    def refresh(self, ids: Iterable[str]) -> Call:
        """Say that those messages are still being worked on. Gives the ids that are still this consumer's."""
        return Call("refresh", (self._stream,), (GROUP, self.name, *ids))


def _deaths_alone(delivery: Delivery) -> str:
    """What stays on a message that is put off: deaths while it was handled alone, and not that it was there once."""
    return str(delivery.deaths) if delivery.deaths else ""
