"""Answers that are known, and may not be given yet.

They wait in the store while their message is postponed. So they are not in flight in any worker, and any worker can
give them after the delay, even if the worker that stored them is dead.
"""

from __future__ import annotations

import asyncio
import time

import msgspec

from common.errors import InputLost, TooEarly
from common.messages import Job, SendReply, Words
from common.store import Store


class _Delayed(msgspec.Struct):
    words: Words
    until: float  # Unix seconds


class DelayedAnswers:
    """At most one answer for each job."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def delay(self, job: Job, words: Words, until: float) -> SendReply:
        """Store an answer until a time, in Unix seconds; return it if that time has passed.

        Raises:
            TooEarly: It is stored; ``ready`` returns it from that time on.
            Outage: The disk fails.
        """
        if until <= time.time():
            return SendReply(job=job, content=words)
        delayed = msgspec.json.encode(_Delayed(words=words, until=until))
        await asyncio.to_thread(self._store.write, _key(job), delayed)
        raise TooEarly(until - time.time())

    async def ready(self, job: Job) -> SendReply | None:
        """The stored answer of a job; None if it has none.

        Raises:
            TooEarly: There is an answer, which may not be given yet.
            Outage: The disk fails.
        """
        try:
            delayed = msgspec.json.decode(await asyncio.to_thread(self._store.read, _key(job)), type=_Delayed)
        except (InputLost, msgspec.DecodeError):
            return None
        if (early_s := delayed.until - time.time()) > 0:
            raise TooEarly(early_s)
        return SendReply(job=job, content=delayed.words, files=(_key(job),))


def _key(job: Job) -> str:
    return job.key("answer")
