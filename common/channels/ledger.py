"""The ledger of jobs: which are unfinished, what each began with, and whose it is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from common.channels.consumer import Consumer, Delivery
from common.channels.keys import GROUP, Keys
from common.channels.outages import as_outage
from common.channels.scripts import Call, Scripts, text
from common.messages import Job, Message, SendReply, decode, encode

DONE_KEPT_MS: Final = 48 * 3600 * 1000
"""How long it is noted that an update has dropped what it should. Telegram keeps updates for a day."""


class Ledger:
    """The jobs of one namespace. Each async method raises ``redis.RedisError`` when Redis is away."""

    def __init__(self, scripts: Scripts, keys: Keys) -> None:
        self._scripts = scripts
        self._keys = keys

    def restart(
        self, job: str, message: Message | None, origin: bytes = b"", held: tuple[Consumer, Delivery] | None = None
    ) -> Call:
        """Continue a job with ``message``, because its own is lost, or useless and ``held``. Gives 1 if that is done.

        Without a message, the job ends. ``origin`` replaces the first message, from which the job starts next time.
        """
        channel = message.channel if message else SendReply.channel
        body = encode(message) if message else b""
        holder, consumer, entry = (held[0].channel, held[0].name, held[1].id) if held else (channel, "", "")
        from_ = (self._keys.stream(holder), self._keys.begun(holder))
        keys = (self._keys.counts, self._keys.stream(channel), *from_, *self._keys.delayed_sets)
        args = (GROUP, consumer, entry, job, body, origin, f"{channel} restarted")
        return Call("restart", keys, args)

    async def origin(self, job: str) -> bytes | None:
        """The first message of a job; None if it is not known."""
        async with self._scripts.time_limit():
            body: Any = await self._scripts.redis.hget(self._keys.jobs, job)
        return None if body is None else bytes(body)

    async def whose(self, job: str, *bodies: bytes | None) -> Job | None:
        """What is known of a job: the job in the first readable message, or else only its chat.

        Args:
            job: The job's id.
            bodies: Messages of the job, some of which may be missing or unreadable.
        """
        for body in bodies:
            with contextlib.suppress(msgspec.DecodeError):
                return decode(body or b"").job
        async with self._scripts.time_limit():
            chat = await self._scripts.redis.hget(self._keys.jobs_chat, job)
        with contextlib.suppress(ValueError):
            return Job(id=job, chat_id=int(chat or b""), message_id=None, accepted_at=time.time())
        return None

    async def jobs(self) -> AsyncIterator[list[str]]:
        """All live jobs, in batches. A job that begins or ends meanwhile may be among them."""
        # All three: a job that is in only one of them, whatever the reason, must be found as well.
        for key in (self._keys.jobs_at, self._keys.jobs, self._keys.jobs_chat):
            async for jobs in self._scripts.scan_hash(key):
                yield jobs

    async def live(self, jobs: Sequence[str]) -> set[str]:
        """Those of the ``jobs`` that have not ended."""
        if not jobs:
            return set()
        async with self._scripts.time_limit():
            places = await self._scripts.redis.hmget(self._keys.jobs_at, jobs)
        return {job for job, place in zip(jobs, places, strict=True) if place is not None}

    async def where(self, job: str) -> str:
        """The channel where a job of an update is, or "waiting" for a slot; '' if it has ended, or never began.

        While its update is not read, the job is there.

        Raises:
            Outage: Redis is away.
        """
        with as_outage("whether a job has ended"):
            async with self._scripts.time_limit():
                places: Any = await self._scripts.redis.hmget(self._keys.jobs_at, [job, job.rpartition("-")[0]])
        key, _, _ = text(next(filter(None, places), b"")).partition(" ")
        return key.rpartition(":")[2]

    async def drop_waiting(self, chat: str, person: int | None, update: str) -> int:
        """Drop the pictures of a chat that wait, and that no worker has: they end without an answer.

        Their files are left to the sweeper. An update that is read again drops no others.

        Args:
            chat: The chat, as in ``Job.chat``.
            person: Only what they sent; None for all of the chat.
            update: The update that asks for it.

        Returns:
            How many were dropped.

        Raises:
            Outage: Redis is away, or refuses.
        """
        with as_outage("what waits of a chat"):
            return int(await self._scripts.run(self._drop_waiting(chat, person, update)))

    def _drop_waiting(self, chat: str, person: int | None, update: str) -> Call:
        keys = (self._keys.pressed(update), *self._keys.delayed_sets)
        args = (chat, "" if person is None else str(person), GROUP, DONE_KEPT_MS)
        return Call("drop_waiting", keys, args)

    async def lost(self, jobs: Sequence[str]) -> list[str]:
        """Those of the ``jobs`` whose message is in no stream and no delayed set."""
        if not jobs:
            return []
        lost = await self._scripts.run(Call("lost_jobs", self._keys.delayed_sets, (GROUP, *jobs)))
        return [text(job) for job in lost]
