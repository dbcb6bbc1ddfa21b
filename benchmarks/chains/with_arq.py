"""arq: a worker in the process, no results kept; a job leaves its queue once it is handled."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func

from benchmarks.chains import line

# By default an idle worker asks Redis twice a second, and a job then waits for so long.
_POLL_S: Final = 0.01
_AT_ONCE: Final = 100


def _settings() -> RedisSettings:
    return RedisSettings(unix_socket_path=line.redis_url().removeprefix("unix://"))


async def _work(context: dict[str, Any], job: int) -> None:
    if line.is_last(line.own_stage()):
        line.end(job)
    else:
        await context["redis"].enqueue_job("work", job, _queue_name=line.queue(line.own_stage() + 1))


def stage(number: int) -> None:
    """Run a stage."""
    Worker(
        [func(_work, name="work")],
        queue_name=line.queue(number),
        redis_settings=_settings(),
        poll_delay=_POLL_S,
        max_jobs=_AT_ONCE,
        keep_result=0,
    ).run()


@contextlib.asynccontextmanager
async def sender() -> AsyncIterator[line.Send]:
    """Enqueues."""
    redis = await create_pool(_settings())

    async def send(jobs: Sequence[int]) -> None:
        for job in jobs:
            await redis.enqueue_job("work", job, _queue_name=line.queue(0))

    yield send
    await redis.aclose()
