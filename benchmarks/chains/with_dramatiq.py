"""dramatiq: its command line, one process; it acknowledges a message once it is handled."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Final

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.chains import line

# By default an idle worker asks Redis at least once a second, and a job then waits for so long.
_ASK_AGAIN_MS: Final = "10"

dramatiq.set_broker(RedisBroker(url=line.redis_url()))


def _on(stage: int) -> dramatiq.Actor[[int], None]:
    """The actor of a stage."""
    following = None if line.is_last(stage) else _on(stage + 1)

    def work(job: int) -> None:
        if following is None:
            line.end(job)
        else:
            following.send(job)

    return dramatiq.actor(work, actor_name=f"work-{stage}", queue_name=line.queue(stage))


_first = _on(0)


def stage(number: int) -> None:
    """Run a stage."""
    os.environ["dramatiq_worker_timeout"] = _ASK_AGAIN_MS  # noqa: SIM112 -- its name
    options = ["--processes", "1", "--queues", line.queue(number)]
    os.execv(sys.executable, [sys.executable, "-m", "dramatiq", __name__, *options])  # noqa: S606


@contextlib.asynccontextmanager
async def sender() -> AsyncIterator[line.Send]:
    """Enqueues."""

    async def send(jobs: Sequence[int]) -> None:
        for job in jobs:
            _first.send(job)

    yield send
