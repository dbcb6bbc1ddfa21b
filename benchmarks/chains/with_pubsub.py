"""Plain ``PUBLISH`` and ``SUBSCRIBE``: a message without a subscriber, or that is not read in time, is lost."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from redis import Redis

from benchmarks.chains import line


def stage(number: int) -> None:
    """Run a stage."""
    redis = Redis.from_url(line.redis_url())
    subscription = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    subscription.subscribe(line.queue(number))
    for message in subscription.listen():
        if line.is_last(number):
            line.end(int(message["data"]))
        else:
            redis.publish(line.queue(number + 1), message["data"])


@contextlib.asynccontextmanager
async def sender() -> AsyncIterator[line.Send]:
    """Publishes."""
    redis = Redis.from_url(line.redis_url())

    async def send(jobs: Sequence[int]) -> None:
        for job in jobs:
            redis.publish(line.queue(0), str(job))

    yield send
    redis.close()
