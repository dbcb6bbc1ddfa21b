"""Measures one contender: ``python -m benchmarks.chains.drive <contender> --singles 100 --jobs 2000`` prints JSON.

First single jobs, one at a time, through an idle chain: from just before a job is enqueued until the last handler has
it. Then saturation: the first stage is stopped while all jobs are enqueued, so that a slow client does not count. The
time runs from its restart until the last job comes out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import itertools
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from redis import Redis

from benchmarks.chains import line

READY_LIMIT_S: Final = 30.0
JOB_LIMIT_S: Final = 20.0  # within which a job must come out
SINGLES_LIMIT_S: Final = 25.0  # a slow chain gives fewer of them
WARM_UP: Final = 20
QUIET_S: Final = 0.7  # if nothing comes out for so long, the chain is empty or not ready yet
ENQUEUED_AT_ONCE: Final = 100
# Between two single jobs: the chain is idle again, and the job comes at a random moment of a worker that polls.
PAUSE_S: Final = (0.005, 0.025)
_LOOK_AGAIN_S: Final = 0.2
_READ_AT_ONCE: Final = 65_536


class Lost(Exception):  # noqa: N818
    """Jobs no longer come out."""


class Broken(Exception):  # noqa: N818
    """A stage has ended."""


class Chain:
    """The four processes, and the pipe with the jobs that have come out.

    Attributes:
        stages: The processes, each the leader of a process group, from first to last.
    """

    def __init__(self, pipe: int, stages: Sequence[subprocess.Popen[bytes]]) -> None:
        self._pipe = pipe
        self.stages = stages
        self._rest = b""

    def signal_first(self, number: signal.Signals) -> None:
        """Send a signal to the first stage, and to its child processes."""
        os.killpg(self.stages[0].pid, number)

    def cpu_s(self) -> float:
        """The processor time of all stages so far, with their child processes."""
        groups = {stage.pid for stage in self.stages}
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has ended
                fields = path.read_text().rpartition(")")[2].split()  # from the third field on: man 5 proc
                if int(fields[2]) in groups:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def wait_for(self, count: int, limit_s: float) -> dict[int, float]:
        """When each of the next ``count`` jobs came out.

        Raises:
            Lost: No job came for ``limit_s``.
            Broken: A stage has ended.
        """
        out: dict[int, float] = {}
        until = time.monotonic() + limit_s
        while len(out) < count:
            if gone := [stage.returncode for stage in self.stages if stage.poll() is not None]:
                msg = f"{len(gone)} stages have ended, with status {gone}"
                raise Broken(msg)
            if self._readable(min(limit_s, _LOOK_AGAIN_S)):
                ended, self._rest = line.ended(self._rest + os.read(self._pipe, _READ_AT_ONCE))
                out.update(ended)
                until = time.monotonic() + limit_s
            elif time.monotonic() > until:
                msg = f"{len(out)} of {count} jobs came out"
                raise Lost(msg)
        return out

    def _readable(self, limit_s: float) -> bool:
        return bool(select.select([self._pipe], [], [], limit_s)[0])

    def drain(self) -> None:
        """Discard the jobs that still come out, until the chain is empty."""
        while self._readable(QUIET_S):
            os.read(self._pipe, _READ_AT_ONCE)
        self._rest = b""


@contextlib.contextmanager
def running(contender: str) -> Iterator[Chain]:
    """The contender's chain, each stage the leader of a process group."""
    with tempfile.TemporaryDirectory(prefix="whatsit-") as folder:
        os.environ[line.END] = str(Path(folder) / "end")
        os.mkfifo(os.environ[line.END])
        pipe = os.open(
            os.environ[line.END], os.O_RDWR
        )  # open for writing as well, so that it does not end when writers go
        command = [sys.executable, "-m", "benchmarks.chains.stage", contender]
        stages: list[subprocess.Popen[bytes]] = []
        try:
            for number in range(line.STAGES):
                arguments = [str(number), str(os.getpid())]
                stages.append(subprocess.Popen([*command, *arguments], start_new_session=True))  # noqa: S603
            yield Chain(pipe, stages)
        finally:
            for stage in stages:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(stage.pid, signal.SIGKILL)
                stage.wait()
            os.close(pipe)


async def measure(chain: Chain, send: line.Send, singles: int, jobs: int) -> dict[str, object]:
    """Latencies in ms and jobs/s of one chain."""
    numbers = itertools.count(1)
    await _warm_up(chain, send, numbers)
    latencies_ms: list[float] = []
    until = time.monotonic() + SINGLES_LIMIT_S
    while len(latencies_ms) < singles and time.monotonic() < until:
        time.sleep(random.uniform(*PAUSE_S))  # noqa: ASYNC251, S311 -- nothing else should run; not a secret
        number, began = next(numbers), time.monotonic()
        await send([number])
        latencies_ms.append((chain.wait_for(1, JOB_LIMIT_S)[number] - began) * 1000)
    chain.signal_first(signal.SIGSTOP)
    for _ in range(0, jobs, ENQUEUED_AT_ONCE):
        await send(list(itertools.islice(numbers, ENQUEUED_AT_ONCE)))
    with Redis.from_url(line.redis_url()) as redis:
        cpu_s, redis_cpu_s = chain.cpu_s(), line.redis_cpu_s(redis.info("cpu"))
        began = time.monotonic()
        chain.signal_first(signal.SIGCONT)
        out = chain.wait_for(jobs, JOB_LIMIT_S)
        redis_us = (line.redis_cpu_s(redis.info("cpu")) - redis_cpu_s) / jobs * 1e6
    return {
        "latencies_ms": latencies_ms,
        "jobs_per_s": jobs / (max(out.values()) - began),
        "workers_us": (chain.cpu_s() - cpu_s) / jobs * 1e6,
        "redis_us": redis_us,
    }


async def _warm_up(chain: Chain, send: line.Send, numbers: Iterator[int]) -> None:
    """Return when all stages are ready: when jobs come out. Sends jobs again that were lost before that."""
    until = time.monotonic() + READY_LIMIT_S
    while True:
        await send([next(numbers)])
        with contextlib.suppress(Lost):
            chain.wait_for(1, QUIET_S)
            break
        if time.monotonic() > until:
            msg = f"not ready within {READY_LIMIT_S:g} s"
            raise Lost(msg)
    chain.drain()
    await send(list(itertools.islice(numbers, WARM_UP)))
    chain.drain()


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender")
    parser.add_argument("--singles", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2000)
    options = parser.parse_args()
    contender = importlib.import_module(f"benchmarks.chains.{options.contender}")
    with running(options.contender) as chain:
        async with contender.sender() as send:
            result = await measure(chain, send, options.singles, options.jobs)
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(_main())
