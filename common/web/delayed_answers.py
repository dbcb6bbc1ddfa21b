"""Answers that are known, and are not to be given yet.

They wait in the store, and their message is put off meanwhile: so no worker's hands are full of them, and any worker
can give them in the end, whoever dies before.
"""

from __future__ import annotations

import asyncio
import time

import msgspec

from common.errors import InputLost, TooEarly
from common.messages import Job, SendReply, Words
from common.store import Store


class _Held(msgspec.Struct):
    words: Words
    until: float  # Unix seconds


class DelayedAnswers:
    """One answer for each job at most."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def hold(self, job: Job, words: Words, until: float) -> SendReply:
        """Keep an answer until a moment, in Unix seconds; or give it, if that has passed.

        Raises:
            TooEarly: It is kept; ``ready`` has it then.
            Outage: The disk fails.
        """
        if until <= time.time():
            return SendReply(job=job, content=words)
        held = msgspec.json.encode(_Held(words=words, until=until))
        await asyncio.to_thread(self._store.write, _key(job), held)
        raise TooEarly(until - time.time())

    async def ready(self, job: Job) -> SendReply | None:
        """The answer that was kept for a job, if there is one.

        Raises:
            TooEarly: There is one, and its moment has not come.
            Outage: The disk fails.
        """
        try:
            held = msgspec.json.decode(await asyncio.to_thread(self._store.read, _key(job)), type=_Held)
        except (InputLost, msgspec.DecodeError):
            return None
        if (early_s := held.until - time.time()) > 0:
            raise TooEarly(early_s)
        return SendReply(job=job, content=held.words, files=(_key(job),))


def _key(job: Job) -> str:
    return job.key("answer")
