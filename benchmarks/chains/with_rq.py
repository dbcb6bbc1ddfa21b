"""RQ: a worker that does not fork for each job, which is its faster kind; no results kept."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from redis import Redis
from rq import Queue, SimpleWorker

from benchmarks.chains import line

_redis = Redis.from_url(line.redis_url())


def work(stage: int, job: int) -> None:
    """Do nothing, and enqueue the next job."""
    if line.is_last(stage):
        line.end(job)
    else:
        _enqueue(stage + 1, job)


def _enqueue(stage: int, job: int) -> None:
    Queue(line.queue(stage), connection=_redis).enqueue(work, stage, job, result_ttl=0)


def stage(number: int) -> None:
    """Run a stage."""
    SimpleWorker([line.queue(number)], connection=_redis).work(logging_level="WARNING")


@contextlib.asynccontextmanager
async def sender() -> AsyncIterator[line.Send]:
    """Enqueues."""

    async def send(jobs: Sequence[int]) -> None:
        for job in jobs:
            _enqueue(0, job)

    yield send
