"""taskiq with the Redis streams broker: its command line, one process, a message acknowledged once it is handled."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence

from taskiq import AsyncBroker, AsyncTaskiqDecoratedTask
from taskiq_redis import RedisStreamBroker

from benchmarks.chains import line


def _on(stage: int) -> tuple[RedisStreamBroker, AsyncTaskiqDecoratedTask[[int], None]]:
    """The broker of a stage's queue, and its task."""
    broker = RedisStreamBroker(line.redis_url(), queue_name=line.queue(stage), consumer_id="0")
    following = None if line.is_last(stage) else _on(stage + 1)[1]

    async def work(job: int) -> None:
        if following is None:
            line.end(job)
        else:
            await following.kiq(job)

    return broker, broker.register_task(work, task_name="work")


def broker() -> AsyncBroker:
    """For taskiq's command line."""
    return _on(line.own_stage())[0]


def stage(number: int) -> None:
    """Run a stage."""
    options = ["--workers", "1", "--ack-type", "when_executed", "--log-level", "WARNING"]
    os.execv(sys.executable, [sys.executable, "-m", "taskiq", "worker", f"{__name__}:broker", *options])  # noqa: S606


@contextlib.asynccontextmanager
async def sender() -> AsyncIterator[line.Send]:
    """Enqueues."""
    broker, task = _on(0)
    await broker.startup()

    async def send(jobs: Sequence[int]) -> None:
        for job in jobs:
            await task.kiq(job)

    yield send
    await broker.shutdown()
