"""Channels that lose nothing: pub/sub wakes workers, a stream keeps messages, both under one name.

``PUBLISH`` alone forgets a message when its subscriber is down, and hands it to every copy of a worker. So a stream
with one consumer group keeps each message until exactly one worker has finished it. The message is published as well:
that wakes the worker, and anyone can watch it: ``redis-cli SUBSCRIBE '{whatsit}:classify'``.

``keys.py`` has the schema of all keys; only the scripts in ``lua/`` change them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from redis.exceptions import RedisError

from common.channels import redis_client
from common.channels.albums import Albums
from common.channels.chats import Chats
from common.channels.consumer import Consumer, JobLimits
from common.channels.dead_letters import DeadLetters
from common.channels.keys import Keys
from common.channels.ledger import Ledger
from common.channels.places import Places
from common.channels.redis_client import RedisLimits
from common.channels.repair import Repair
from common.channels.scripts import Call, Scripts
from common.channels.verdicts import Verdicts
from common.messages import Message, encode
from common.settings import Settings


class Once(NamedTuple):
    """What a message is published once for: a ``marker`` in a set that lives for ``kept_ms`` after its last use."""

    seen: str
    marker: str
    kept_ms: int


class Channels:
    """All channels of one namespace, on one Redis server.

    Attributes:
        keys: Their names in Redis.
        scripts: Runs calls, such as those of a ``Consumer``.
        ledger: The jobs.
        albums: What belongs together.
        chats: What is remembered of chats.
        places: Who waits, and where in line.
        repair: What the sweeper repairs.
        dead_letters: Messages that could not be handled.
        redis: The client.
        limits: How many jobs there may be.
    """

    def __init__(self, settings: Settings, redis_limits: RedisLimits | None = None) -> None:
        self.limits = JobLimits(settings.chat_backlog, settings.backlog, settings.user_rate)
        self.keys = Keys(settings.namespace)
        redis_limits = redis_limits or RedisLimits()
        self.redis = redis_client.connect(settings, redis_limits)
        self.scripts = Scripts(self.redis, self.keys.ledger, redis_limits)
        self.ledger = Ledger(self.scripts, self.keys)
        self.albums = Albums(self.scripts, self.keys)
        self.verdicts = Verdicts(self.scripts, self.keys)
        self.chats = Chats(self.scripts, self.keys)
        self.places = Places(self.scripts, self.keys)
        self.repair = Repair(self.scripts, self.keys)
        self.dead_letters = DeadLetters(self.scripts, self.keys)

    async def publish(self, messages: Iterable[tuple[Message, Once]]) -> int:
        """Put new messages on their channels, each once for its marker.

        Returns:
            How many were new.

        Raises:
            redis.RedisError: Redis is away, or its memory is full. Publish all of them again later.
        """
        results = await self.scripts.execute([self._publish(message, once) for message, once in messages])
        for result in results:
            if isinstance(result, RedisError):
                raise result
        return sum(results)

    def _publish(self, message: Message, once: Once) -> Call:
        keys = (self.keys.stream(message.channel), self.keys.seen(once.seen))
        args = (once.marker, once.kept_ms, message.carried_job, message.job.chat, encode(message))
        return Call("publish", keys, args)

    def consumer(self, channel: str, name: str, clock: Callable[[], float] = time.time) -> Consumer:
        """A worker's end of a channel: see ``Consumer``."""
        return Consumer(self.keys, self.limits, channel, name, clock)

    async def length(self) -> int:
        """How many messages are in all channels, without the delayed ones.

        Raises:
            redis.RedisError: Redis is away.
        """
        async with self.scripts.time_limit(), self.redis.pipeline(transaction=False) as pipe:
            for stream in self.keys.streams:
                pipe.xlen(stream)
            return sum(await pipe.execute())

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()
