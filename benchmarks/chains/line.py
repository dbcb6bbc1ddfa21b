"""The parts that all contenders share: the address of Redis, the number of stages, and the end of the line.

The last stage's handler writes the job's number and the time into a named pipe: the same few microseconds for everyone.
"""

from __future__ import annotations

import functools
import os
import struct
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias

STAGES: Final = 4
REDIS_URL: Final = "REDIS_URL"
IN_FLIGHT: Final = "BENCH_IN_FLIGHT"  # how many messages each of our workers has in flight at most
END: Final = "BENCH_END"  # the named pipe
STAGE: Final = "BENCH_STAGE"

Send: TypeAlias = Callable[[Sequence[int]], Awaitable[None]]

_RECORD: Final = struct.Struct("qd")  # shorter than PIPE_BUF, so that records never mix (man 7 pipe)


def redis_url() -> str:
    """The server that all contenders use."""
    return os.environ[REDIS_URL]


def redis_cpu_s(info: Mapping[str, float]) -> float:
    """The processor time that the server has used so far, by ``INFO cpu``."""
    return info["used_cpu_user"] + info["used_cpu_sys"]


def own_stage() -> int:
    """Which stage this process is, from 0."""
    return int(os.environ[STAGE])


def is_last(stage: int) -> bool:
    """Whether this stage is the last one."""
    return stage == STAGES - 1


def queue(stage: int) -> str:
    """The name of a stage's queue."""
    return f"stage-{stage}"


def end(job: int) -> None:
    """Report that a job has left the last stage."""
    os.write(_end(), _RECORD.pack(job, time.monotonic()))  # one clock for all processes of a machine


def ended(records: bytes) -> tuple[list[tuple[int, float]], bytes]:
    """The jobs and times that were read from the pipe, and the start of a record that is not complete yet."""
    whole = len(records) - len(records) % _RECORD.size
    return list(_RECORD.iter_unpack(records[:whole])), records[whole:]


@functools.cache
def _end() -> int:
    return os.open(os.environ[END], os.O_WRONLY)
