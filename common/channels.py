"""Channels that lose nothing: Redis pub/sub to wake, a stream to keep, both under one name.

``PUBLISH`` alone forgets a message when its subscriber is down, and hands it to every copy of a worker. So a
message is kept in a stream with one consumer group until exactly one worker has finished with it, and published
as well, which wakes that worker, and which anyone can watch: ``redis-cli SUBSCRIBE '{whatsit}:classify'``.

Every key carries one hash tag, ``{<namespace>}``, so that all lie in one slot of a Redis Cluster:

    {whatsit}:<channel>          stream, one entry a message: job, body, attempts, since; its group is "workers".
                                 Also the name of the pub/sub channel.
    {whatsit}:<channel>:begun    hash, entry id → "<deaths> <process>": messages whose handling began and did not end.
                                 0 deaths until a worker dies while it handles nothing else.
    {whatsit}:<channel>:delayed  sorted set, entry id → when its retry is due, in ms by the clock of Redis
    {whatsit}:<channel>:parked   hash, entry id → the delayed entry itself
    {whatsit}:jobs               hash, job → its first message: enough to start again. No expiry: the entry ends
                                 with reply's hand-off, or with burial
    {whatsit}:jobs:at            hash, job → where its message is: "<stream> <id>", "<stream> ~<id>" delayed, or
                                 "<waiting> <member>"
    {whatsit}:jobs:chat          hash, job → its chat
    {whatsit}:turns              sorted set of "<chat>:<job>", jobs in the pipeline: a few of one chat at a time. By
                                 their ids, never a number: whatever happens twice, a job has one turn or none
    {whatsit}:waiting            sorted set of "<chat>:<when>:<channel>:<job>", jobs that wait for a turn of their chat,
                                 which the script gives them that ends another; the message is their entry in jobs
    {whatsit}:pace               hash, how fast jobs end while others wait: when the last one did, and the mean gap, ms
    {whatsit}:users:<minute>     hash that expires: user → how many jobs he began in that minute
    {whatsit}:told               sorted set, chat, or chat and user → when last told that this is too much
    {whatsit}:seen:<what>        set that expires: what was published before. Updates by 500 consecutive ids, which
                                 Redis keeps as small integers: 8 bytes each
    {whatsit}:answers            hash, picture → what was said of it; see common/answers.py
    {whatsit}:answers:at         sorted set, picture → when that was
    {whatsit}:dead               stream, messages that could not be handled, with the error; kept for 7 days, about 1000
    {whatsit}:counts             hash, "<channel> handled|retried|postponed|buried|restarted|declined" → number

All that changes them are the ``.lua`` files beside this one. Each can be run twice with the same outcome, since
redis-py repeats a command whose reply was lost, and each is all or nothing (as long as no key has a foreign type: Redis
does not take back what a script did before its error). A message is always in one of four
places: waiting for its turn, in its stream, delayed, or handed off; ``jobs:at`` is written by the same script that
moves it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from redis.asyncio.client import PubSub
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from common import redis_server
from common.messages import CHANNELS, Job, Message, SendReply, encode
from common.settings import Settings

GROUP: Final = "workers"
DEAD_LETTERS_KEPT_MS: Final = 7 * 24 * 3600 * 1000
_DEAD_LETTERS_READ_AT_ONCE: Final = 100  # of some 10 kB each
# For a command with all its repetitions: a server that hangs is as good as one that is away.
ANSWER_LIMIT_S: Final = 8.0
# Workers ask at least once a second. A server that gave no answer for so long was away, or we were.
LONGEST_BREAK_S: Final = 5.0

_FOLDER = Path(__file__).parent
_PRELUDE = (_FOLDER / "prelude.lua").read_text()
_SCRIPTS = {path.stem: f"{_PRELUDE}\n{path.read_text()}" for path in _FOLDER.glob("*.lua") if path.stem != "prelude"}
# Redis names a script by this hash of its text; nothing secret depends on it.
_HASHES = {name: hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest() for name, text in _SCRIPTS.items()}


class Call(NamedTuple):
    """One run of a script. Several go to Redis in one round trip: see ``Channels.execute``.

    ``keys`` come after those that every script gets.
    """

    script: str
    keys: Sequence[str]
    args: Sequence[str | bytes | int]


class Once(NamedTuple):
    """What a message is published once for: a ``marker`` in a set that lives for ``kept_ms`` after its last use."""

    seen: str
    marker: str
    kept_ms: int


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


@dataclasses.dataclass(frozen=True)
class DeadLetter:
    """A message that could not be handled, and what is kept with it.

    Attributes:
        id: Its entry's id in the stream of dead letters.
        channel: The channel that it was on.
        job: Its job; '' if it carried none.
        chat: Its job's chat; '' if that is not known.
        body: The message, as it was on its channel.
        origin: Its job's first message; b'' if that is not known.
        attempts: How many times handling it had failed before the last time.
        error: What was wrong, in a line.
        traceback: Where.
    """

    id: str
    channel: str
    job: str
    chat: str
    body: bytes
    origin: bytes
    attempts: int
    error: str
    traceback: str

    @property
    def buried_s(self) -> float:
        """When it was buried, in Unix seconds by the clock of Redis."""
        return int(self.id.partition("-")[0]) / 1000


class Channels:
    """All channels of one namespace, on one Redis server.

    Attributes:
        redis: The client.
        most_of_a_chat: How many jobs of one chat may be under way; what comes then is declined.
        most: How many jobs in all may be.
        most_of_a_user: How many jobs a user may begin within a minute.
    """

    def __init__(self, settings: Settings) -> None:
        self.redis = redis_server.connect(settings)
        self._answering_since = self._answered_at = time.monotonic()
        self.most_of_a_chat = settings.chat_backlog
        self.most = settings.backlog
        self.most_of_a_user = settings.user_rate
        self._prefix = f"{{{settings.namespace}}}:"
        streams = [self.key(name) for name in CHANNELS]
        self._ledger = [self.key("jobs"), self.key("jobs", "at"), self.key("jobs", "chat")]
        self._ledger += [self.key(name) for name in ("turns", "waiting", "pace")] + streams
        self._delayed = [self.key(name, "delayed") for name in CHANNELS]

    def key(self, *parts: str) -> str:
        """The Redis key of those ``parts``."""
        return self._prefix + ":".join(parts)

    async def execute(self, calls: Sequence[Call]) -> list[Any]:
        """Run scripts in one round trip, in order.

        Returns:
            Each script's result, or the ``redis.ResponseError`` that it failed with.

        Raises:
            redis.ConnectionError, redis.TimeoutError: Redis is away. Any of the scripts may have run: run them again.
        """
        async with _time_limit():
            return await self._execute(calls)

    async def _execute(self, calls: Sequence[Call]) -> list[Any]:
        results = await self._pipeline(calls)
        self._note_answer()
        missing = [i for i, result in enumerate(results) if isinstance(result, NoScriptError)]
        if missing:  # a new server, or one that was restarted
            for text in _SCRIPTS.values():
                await self.redis.script_load(text)
            again = await self._pipeline([calls[i] for i in missing])
            for i, result in zip(missing, again, strict=True):
                results[i] = result
        return results

    def answering_s(self) -> float:
        """For how long the server has answered without a break; 0 when it has not for some seconds."""
        now = time.monotonic()
        return now - self._answering_since if now - self._answered_at <= LONGEST_BREAK_S else 0.0

    def _note_answer(self) -> None:
        # Not when it was connected to: a pool makes new connections at any time, and a frozen server drops none.
        now = time.monotonic()
        if now - self._answered_at > LONGEST_BREAK_S:
            self._answering_since = now
        self._answered_at = now

    async def _pipeline(self, calls: Sequence[Call]) -> list[Any]:
        async with self.redis.pipeline(transaction=False) as pipe:
            for call in calls:
                keys = (*self._ledger, *call.keys)
                pipe.execute_command("EVALSHA", _HASHES[call.script], len(keys), *keys, *call.args)
            results: list[Any] = await pipe.execute(raise_on_error=False)
            return results

    async def run(self, call: Call) -> Any:
        """Run one script.

        Raises:
            redis.RedisError: Redis is away, or refused.
        """
        result = (await self.execute([call]))[0]
        if isinstance(result, RedisError):
            raise result
        return result

    async def publish(self, messages: Iterable[tuple[Message, Once]]) -> int:
        """Put new messages on their channels, each once for its marker.

        Returns:
            How many were new.

        Raises:
            redis.RedisError: Redis is away, or its memory is full. Publish all of them again later.
        """
        results = await self.execute([self._publish(message, once) for message, once in messages])
        for result in results:
            if isinstance(result, RedisError):
                raise result
        return sum(results)

    def _publish(self, message: Message, once: Once) -> Call:
        keys = (self.key(message.channel), self.key("seen", once.seen))
        args = (once.marker, once.kept_ms, _carried(message), _chat(message), encode(message))
        return Call("publish", keys, args)

    def restart(
        self, job: str, message: Message | None, origin: bytes = b"", held: tuple[Consumer, Delivery] | None = None
    ) -> Call:
        """Continue a job with ``message``, its own being lost, or useless and ``held``. Gives 1 if it was done.

        Without a message, the job ends. ``origin`` replaces what the job starts from the next time.
        """
        channel = message.channel if message else SendReply.channel
        body = encode(message) if message else b""
        stream, consumer, entry = self.key(channel), "", ""
        if held:
            stream, consumer, entry = self.key(held[0].channel), held[0].name, held[1].id
        keys = (self.key("counts"), self.key(channel), stream, f"{stream}:begun", *self._delayed)
        args = (GROUP, consumer, entry, job, body, origin, f"{channel} restarted")
        return Call("restart", keys, args)

    async def origin(self, job: str) -> tuple[bytes | None, str | None]:
        """The first message of a job and its chat; None for what is not known (any more)."""
        async with _time_limit(), self.redis.pipeline(transaction=False) as pipe:
            pipe.hget(self.key("jobs"), job)
            pipe.hget(self.key("jobs", "chat"), job)
            body, chat = await pipe.execute()
        return body, None if chat is None else _text(chat)

    async def jobs(self) -> AsyncIterator[list[str]]:
        """All live jobs, in batches. A job that begins or ends meanwhile may be among them."""
        # All three: a job that only one of them knows, whatever brought that about, is to be found as well.
        for key in (self.key("jobs", "at"), self.key("jobs"), self.key("jobs", "chat")):
            cursor = 0
            while True:
                async with _time_limit():
                    cursor, rows = await self.redis.hscan(key, cursor, count=200)
                yield [_text(job) for job in rows]
                if not cursor:
                    break

    async def live(self, jobs: Sequence[str]) -> set[str]:
        """Those of the ``jobs`` that have not ended."""
        if not jobs:
            return set()
        async with _time_limit():
            places = await self.redis.hmget(self.key("jobs", "at"), jobs)
        return {job for job, place in zip(jobs, places, strict=True) if place is not None}

    async def lost(self, jobs: Sequence[str]) -> list[str]:
        """Those of the ``jobs`` whose message is in no stream and no delayed set."""
        if not jobs:
            return []
        lost = await self.run(Call("lost_jobs", self._delayed, (GROUP, *jobs)))
        return [job.decode() for job in lost]

    async def renew_turns(self) -> int:
        """Put the turns of all chats right, whatever happened to them. Returns how many were taken by nobody."""
        freed = 0
        for key in (self.key("turns"), self.key("waiting")):
            cursor = 0
            while True:
                async with _time_limit():
                    found: Any = await self.redis.zscan(key, cursor, count=200)
                cursor, rows = found
                chats = {member.decode().partition(":")[0] for member, _ in rows}
                if chats:
                    freed += await self.run(Call("renew_turns", (), sorted(chats)))
                if not cursor:
                    break
        return freed

    async def drop_strays(self) -> None:
        """Drop what is noted about messages that are no more, whoever took them."""
        for name in CHANNELS:
            keys = (self.key(name), *(self.key(name, part) for part in ("begun", "delayed", "parked")))
            for noted in (keys[1], keys[3]):
                cursor = 0
                while True:
                    async with _time_limit():
                        cursor, rows = await self.redis.hscan(noted, cursor, count=200)
                    if ids := [_text(id_) for id_ in rows]:
                        await self.run(Call("drop_strays", keys, (GROUP, *ids)))
                    if not cursor:
                        break

    async def length(self) -> int:
        """How many messages are in all channels, but for the delayed ones."""
        async with _time_limit(), self.redis.pipeline(transaction=False) as pipe:
            for name in CHANNELS:
                pipe.xlen(self.key(name))
            return sum(await pipe.execute())

    async def drop_consumers(self, gone_ms: int) -> list[str]:
        """Forget consumers that gave no sign of life for ``gone_ms`` and have nothing pending."""
        calls = [Call("drop_consumers", (self.key(name),), (GROUP, gone_ms)) for name in CHANNELS]
        return [name.decode() for names in await self.execute(calls) if isinstance(names, list) for name in names]

    async def dead_letters(self) -> list[DeadLetter]:
        """All dead letters, the newest first."""
        found: list[DeadLetter] = []
        newest = "+"
        while True:
            async with _time_limit():
                rows: Any = await self.redis.xrevrange(self.key("dead"), newest, count=_DEAD_LETTERS_READ_AT_ONCE)
            found += [_dead_letter(id_, fields) for id_, fields in rows]
            if len(rows) < _DEAD_LETTERS_READ_AT_ONCE:
                return found
            newest = f"({found[-1].id}"

    def revive(self, letters: Sequence[DeadLetter], first: Message | None) -> Call:
        """Start the job of those dead letters again with its ``first`` message, in its chat's turn.

        Without a first message, the letter is one without a job, and its own message goes back to its channel.

        Gives 1; 0 when the first of the letters is gone; -1 when the job is still under way, with its apology.
        """
        letter = letters[0]
        channel, body = (first.channel, encode(first)) if first else (letter.channel, letter.body)
        ids = [each.id for each in letters]
        return Call("revive", (self.key("dead"), self.key(channel)), (letter.job, letter.chat, body, *ids))

    async def expire_dead_letters(self, now_ms: int) -> None:
        """Drop the dead letters that are older than 7 days."""
        oldest = max(0, now_ms - DEAD_LETTERS_KEPT_MS)
        async with _time_limit():
            await self.redis.xtrim(self.key("dead"), minid=str(oldest), approximate=False)

    @contextlib.asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[PubSub]:
        """A subscription to the channel's wake-ups, for as long as the context lasts."""
        async with self.redis.pubsub() as subscription:
            await subscription.subscribe(self.key(channel))
            yield subscription

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()


class Consumer:
    """One worker's end of its channel. Its methods but ``take`` make calls, for ``Channels.execute``.

    Each of those gives 1, or 0 when the message is not this consumer's (any more) and nothing was done.
    """

    def __init__(self, channels: Channels, channel: str, name: str) -> None:
        self.channel = channel
        self.name = name
        self._process = uuid.uuid4().hex[:8]
        self._key = channels.key
        self._limits = (channels.most_of_a_chat, channels.most, channels.most_of_a_user)
        self._stream = channels.key(channel)
        self._begun = channels.key(channel, "begun")
        self._delayed = channels.key(channel, "delayed")
        self._parked = channels.key(channel, "parked")
        self._counts = channels.key("counts")

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
        streams = [self._key(output.channel) for output in outputs]
        rows: list[str | bytes] = []
        for output in outputs:
            begins = output.carries_job and output.job.id != delivery.job
            user = "" if output.job.user_id is None or not too_fast else str(output.job.user_id)
            rows += (_carried(output), _chat(output), user, encode(output))
            rows += (encode(notice(output.job)) if begins and notice else b"" for notice in (busy, too_fast))
        minute, since = divmod(time.time(), 60)
        minutes = [self._key("users", f"{at:.0f}") for at in (minute, minute - 1)]
        keys = (self._stream, self._begun, self._counts, self._key("told"), self._key(SendReply.channel), *minutes)
        args = (GROUP, self.name, delivery.id, delivery.job, self.channel, *self._limits, f"{1 - since / 60:.3f}")
        return Call("hand_off", (*keys, *streams), (*args, *rows))

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
        to = (self._key("dead"), self._counts, self._key(SendReply.channel))
        args = (GROUP, self.name, delivery.id, self.channel, error, traceback, encode(apology) if apology else b"")
        return Call("bury", (self._stream, self._begun, *to), args)

    def begin_alone(self, delivery: Delivery, deaths: int) -> Call:
        """Note that a suspect message is about to be handled alone: it has ``deaths`` until it is finished."""
        args = (GROUP, self.name, self._process, delivery.id, deaths)
        return Call("begin_alone", (self._stream, self._begun), args)

    def refresh(self, ids: Iterable[str]) -> Call:
        """Say that those messages are still being worked on. Gives the ids that are still this consumer's."""
        return Call("refresh", (self._stream,), (GROUP, self.name, *ids))


@contextlib.asynccontextmanager
async def _time_limit() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            yield
    except TimeoutError:
        msg = f"no answer within {ANSWER_LIMIT_S:g} s"
        raise RedisTimeoutError(msg) from None


def _dead_letter(id_: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
    def text(name: bytes) -> str:
        return fields.get(name, b"").decode(errors="replace")

    return DeadLetter(
        id=id_.decode(),
        channel=text(b"channel"),
        job=text(b"job"),
        chat=text(b"chat"),
        body=fields.get(b"body", b""),
        origin=fields.get(b"origin", b""),
        attempts=int(attempts) if (attempts := text(b"attempts")).isdecimal() else 0,
        error=text(b"error"),
        traceback=text(b"traceback"),
    )


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


def _carried(message: Message) -> str:
    return message.job.id if message.carries_job else ""


def _chat(message: Message) -> str:
    return "" if message.job.chat_id is None else str(message.job.chat_id)


def _deaths_alone(delivery: Delivery) -> str:
    """What stays on a message that is put off: deaths while it was handled alone, and not that it was there once."""
    return str(delivery.deaths) if delivery.deaths else ""
