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
    {whatsit}:answers            hash, picture → what was said of it; see common/channels/answers.py
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

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from redis.exceptions import RedisError

from common.channels import redis_client
from common.channels.consumer import GROUP, Consumer, Delivery
from common.channels.scripts import Call, Scripts, time_limit
from common.messages import CHANNELS, Message, SendReply, encode
from common.settings import Settings

DEAD_LETTERS_KEPT_MS: Final = 7 * 24 * 3600 * 1000
# Nothing was published for so long: is the server still there?
_SILENT_S: Final = 30.0
_DEAD_LETTERS_READ_AT_ONCE: Final = 100  # of some 10 kB each

Heard: TypeAlias = Callable[[], Awaitable[None]]


class Once(NamedTuple):
    """What a message is published once for: a ``marker`` in a set that lives for ``kept_ms`` after its last use."""

    seen: str
    marker: str
    kept_ms: int


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


class Channels(Scripts):
    """All channels of one namespace, on one Redis server.

    Attributes:
        most_of_a_chat: How many jobs of one chat may be under way; what comes then is declined.
        most: How many jobs in all may be.
        most_of_a_user: How many jobs a user may begin within a minute.
    """

    def __init__(self, settings: Settings) -> None:
        self.most_of_a_chat = settings.chat_backlog
        self.most = settings.backlog
        self.most_of_a_user = settings.user_rate
        self._prefix = f"{{{settings.namespace}}}:"
        streams = [self.key(name) for name in CHANNELS]
        ledger = [self.key("jobs"), self.key("jobs", "at"), self.key("jobs", "chat")]
        ledger += [self.key(name) for name in ("turns", "waiting", "pace")] + streams
        super().__init__(redis_client.connect(settings), ledger)
        self._delayed = [self.key(name, "delayed") for name in CHANNELS]

    def key(self, *parts: str) -> str:
        """The Redis key of those ``parts``."""
        return self._prefix + ":".join(parts)

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
        args = (once.marker, once.kept_ms, message.carried_job, message.job.chat, encode(message))
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
        async with time_limit(), self.redis.pipeline(transaction=False) as pipe:
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
                async with time_limit():
                    cursor, rows = await self.redis.hscan(key, cursor, count=200)
                yield [_text(job) for job in rows]
                if not cursor:
                    break

    async def live(self, jobs: Sequence[str]) -> set[str]:
        """Those of the ``jobs`` that have not ended."""
        if not jobs:
            return set()
        async with time_limit():
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
                async with time_limit():
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
                    async with time_limit():
                        cursor, rows = await self.redis.hscan(noted, cursor, count=200)
                    if ids := [_text(id_) for id_ in rows]:
                        await self.run(Call("drop_strays", keys, (GROUP, *ids)))
                    if not cursor:
                        break

    async def length(self) -> int:
        """How many messages are in all channels, but for the delayed ones."""
        async with time_limit(), self.redis.pipeline(transaction=False) as pipe:
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
            async with time_limit():
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
        async with time_limit():
            await self.redis.xtrim(self.key("dead"), minid=str(oldest), approximate=False)

    @contextlib.asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[Heard]:
        """A subscription to the channel's wake-ups, for as long as the context lasts.

        What it gives is to be called again and again, and returns when there was one. Less than redis-py's ``PubSub``,
        which subscribes again by itself, and takes four times as long for each message.

        Raises:
            redis.RedisError: Redis is away, or refuses. What was published since may not have been heard.
        """
        connection = await redis_client.connection(self.redis)

        # push_request: REDIS_URL may ask for protocol 3, in which all that comes here is a push.
        async def ask() -> None:
            await connection.send_command("SUBSCRIBE", self.key(channel))
            await connection.read_response(push_request=True)

        async def heard() -> None:
            if await connection.read_response(timeout=_SILENT_S, push_request=True) is None:
                await ask()  # which a server that went away without a word does not answer

        try:
            await ask()
            yield heard
        finally:
            await connection.disconnect(nowait=True)
            await self.redis.connection_pool.release(connection)

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()


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
