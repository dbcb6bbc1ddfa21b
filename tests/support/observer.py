"""Messages, jobs and counters as they are in Redis: for tests that count effects."""

from __future__ import annotations

from typing import Any

from common.channels.channels import Channels, Once
from common.messages import AnyMessage, Message, decode
from tests.support.redis_servers import entries


async def publish(channels: Channels, *messages: Message) -> None:
    """Put new messages on their channels."""
    assert await channels.publish([(m, Once("1:0", m.job.id, 60_000)) for m in messages]) == len(messages)


async def on(channels: Channels, channel: str) -> list[AnyMessage]:
    """The messages on a channel."""
    return [decode(fields[b"body"]) for fields in await entries(channels.redis, channels.keys.key(channel))]


async def deaths(channels: Channels, channel: str) -> dict[str, int]:
    """The deaths that are noted on a channel's messages, by job; without messages that no worker has taken."""
    begun: Any = await channels.redis.hgetall(channels.keys.key(channel, "begun"))
    rows: Any = await channels.redis.xrange(channels.keys.key(channel))
    return {fields[b"job"].decode(): int(begun[id_].split()[0]) for id_, fields in rows if id_ in begun}


async def buried(channels: Channels) -> list[tuple[str, str, int]]:
    """The job, the kind of the error, and the attempts of each dead letter."""
    rows = await entries(channels.redis, channels.keys.key("dead"))
    return [(row[b"job"].decode(), row[b"error"].decode().partition(":")[0], int(row[b"attempts"])) for row in rows]


async def counts(channels: Channels) -> dict[str, int]:
    """The counters: "<channel> handled" and so on."""
    rows: Any = await channels.redis.hgetall(channels.keys.key("counts"))
    return {name.decode(): int(number) for name, number in rows.items()}


async def jobs(channels: Channels) -> set[str]:
    """The live jobs."""
    return {job async for batch in channels.ledger.jobs() for job in batch}


async def left(channels: Channels) -> set[str]:
    """Keys that wrongly keep something for ever, and streams with pending messages."""
    redis, found = channels.redis, set()
    async for key in redis.scan_iter(f"{channels.keys.key()}*", count=1000):
        is_stream = await redis.type(key) == b"stream"
        groups = await redis.xinfo_groups(key) if is_stream else []
        is_empty = is_stream and not await redis.xlen(key) and not any(group["pending"] for group in groups)
        if not is_empty and await redis.ttl(key) < 0:
            found.add(key.decode().removeprefix(channels.keys.key()))
    return found - {"dead", "counts"}
