"""Workers in their own processes that SIGKILL themselves at a named point of a message's way.

    await lived(Tiny, settings, "after hand_off")  # -SIGKILL
    await lived(Tiny, settings)                    # 0: handled its whole channel, and ended

Each is the real ``process.run`` under the same name, as Supervisor would start it again. The points:

    before <script>, after <script>   the call has not reached Redis; or Redis has run it, and the reply is not read
    before <method>, after <method>   the same for a method of the Bot API, such as sendMessage
    as handle begins, in handle       a handler is about to run; or is at work
    at the end                        all is done, and the process is about to end

A number after a point says which time it is reached; without one, it is the first. Calls in one round trip are separate
points: at "before hand_off 2" the first hand-off has run, and the rest of the round trip is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import multiprocessing
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from common.channels.channels import Channels
from common.channels.scripts import Call, Scripts
from common.errors import InputLost, Outage
from common.messages import AcceptUpdate, ClassifyImage, SendReply, Words
from common.runtime import process
from common.runtime.leases import confirm_lease
from common.runtime.limits import RuntimeLimits
from common.runtime.loop import Runtime
from common.runtime.worker import Outputs, Worker
from common.settings import Settings
from common.telegram.transport import BotApiHttp
from receive import ReceiveWorker
from tests.support.runtimes import SOON

LONGEST_LIFE_S: Final = 15.0

# A server imports these once, and each process is a fork of it: ready in some milliseconds.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__, "reply"])


def begun_file(settings: Settings) -> Path:
    """The file to which a handler adds a line when it begins: the job's id."""
    return settings.data_dir / "begun"


async def lived(worker: type[Worker[Any]], settings: Settings, end: str = "", *, grace_s: float = 0.0) -> int:
    """Let a process handle its whole channel, or die at ``end``. Returns its exit status."""
    async with alive(worker, settings, end, burst=True, grace_s=grace_s) as life:
        return await ended(life)


@contextlib.asynccontextmanager
async def alive(
    worker: type[Worker[Any]], settings: Settings, end: str = "", *, burst: bool = False, grace_s: float = 0.0
) -> AsyncIterator[BaseProcess]:
    """A process that runs the worker. At the end it is killed, and its log is in the test's report."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    log = settings.data_dir / "log"
    log.touch()
    life = _context.Process(target=_live, args=(worker, settings, end, burst, grace_s, log))
    life.start()
    try:
        yield life
    finally:
        life.kill()
        life.join()
        sys.stderr.write(f"--- until {end or 'all is done'!r}:\n{log.read_text()}")
        log.unlink()


async def ended(life: BaseProcess) -> int:
    """Wait for a process to end. Returns its exit status."""
    await asyncio.to_thread(life.join, LONGEST_LIFE_S)
    assert life.exitcode is not None, f"still alive after {LONGEST_LIFE_S:g} s"
    return life.exitcode


# What runs in the other process


def _live(worker: type[Worker[Any]], settings: Settings, end: str, burst: bool, grace_s: float, log: Path) -> None:
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    _life.end = end if not end or end[-1].isdigit() else f"{end} 1"
    patch = pytest.MonkeyPatch()
    patch.setattr("common.settings.load", lambda: settings)
    patch.setattr(Scripts, "execute", _execute_until_the_end(Scripts.execute))
    patch.setattr(BotApiHttp, "do_request", _request_until_the_end(BotApiHttp.do_request))
    limits = RuntimeLimits(grace_s=grace_s)
    process.run(worker, functools.partial(_Runtime, limits=limits, retries=SOON, burst=burst))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Life:
    """This process: the point where it ends, how often it reached each point, and whether it is stopping."""

    def __init__(self) -> None:
        self.end = ""
        self.stopping = asyncio.Event()
        self._reached: Counter[str] = Counter()

    def ends(self, point: str) -> bool:
        """Whether this is the end; called each time when the point is reached."""
        self._reached[point] += 1
        return self.end == f"{point} {self._reached[point]}"

    def at(self, point: str) -> None:
        if self.ends(point):
            die()


_life = _Life()


class _Runtime(Runtime[Any]):
    def stop(self) -> None:
        super().stop()
        _life.stopping.set()


Execute = Callable[[Scripts, Sequence[Call]], Awaitable[list[Any]]]


def _execute_until_the_end(execute: Execute) -> Execute:
    async def executed(scripts: Scripts, calls: Sequence[Call]) -> list[Any]:
        for i, call in enumerate(calls):
            for point, run_before_it in ((f"before {call.script}", i), (f"after {call.script}", i + 1)):
                if _life.ends(point):
                    await execute(scripts, calls[:run_before_it])
                    die()
        return await execute(scripts, calls)

    return executed


def _request_until_the_end(request: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def requested(self: BotApiHttp, url: str, *args: Any, **kwargs: Any) -> Any:
        method = url.rpartition("/")[2]
        _life.at(f"before {method}")
        answer = await request(self, url, *args, **kwargs)
        _life.at(f"after {method}")
        return answer

    return requested


class Tiny(Worker[ClassifyImage]):
    """Answers each message, unless its ``key`` asks for something else: see ``_act``."""

    channel = "classify"
    concurrency = 4

    def announce(self, message: ClassifyImage) -> None:
        _life.at("as handle begins")

    async def close(self) -> None:
        _life.at("at the end")

    async def handle(self, message: ClassifyImage) -> Outputs:
        times = self._note(message)
        _life.at("in handle")
        return await self._act(message, times)

    def _note(self, message: ClassifyImage) -> int:
        """Note that work on the message begins. Returns how often it has begun, over all lives."""
        with begun_file(self.settings).open("a+") as seen:
            seen.write(f"{message.job.id}\n")
            seen.seek(0)
            return seen.read().split().count(message.job.id)

    async def _act(self, message: ClassifyImage, times: int) -> Outputs:
        match message.key, times:
            case ("kills", _):
                die()
            case ("fails", _) | ("fails once", 1):
                raise ValueError("no such thing")
            case ("meets an outage", 1):
                raise Outage("Telegram is down")
            case ("misses its input", _) if message.job.run == 0:
                raise InputLost("gone")
            case ("never has its input", _):
                raise InputLost("gone")
            case ("asks whose it is", _):
                await confirm_lease()
            case ("stops the worker", 1) | ("stops the worker later", 2):
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.Event().wait()
            case ("hangs once", 1):
                await asyncio.Event().wait()
            case ("is finished while the worker stops", 1):
                os.kill(os.getpid(), signal.SIGTERM)
                await _life.stopping.wait()
        return SendReply(job=message.job, content=Words(text="done"))


class OneByOne(Tiny):
    """Has one message in flight at most."""

    concurrency = 1


class Batch(Tiny):
    """Handles all messages that it takes together."""

    batch_size = 4
    concurrency = 1

    async def handle_batch(self, messages: Sequence[ClassifyImage]) -> Sequence[Outputs | Exception]:
        times = [self._note(message) for message in messages]
        _life.at("in handle")
        outcomes = [self._act(message, seen) for message, seen in zip(messages, times, strict=True)]
        return await asyncio.gather(*outcomes, return_exceptions=True)  # type: ignore[return-value]


class Begins(Worker[AcceptUpdate]):
    """Begins the jobs that an update names."""

    channel = "receive"

    async def handle(self, message: AcceptUpdate) -> Outputs:
        jobs = [msgspec.structs.replace(message.job, id=name) for name in message.update["jobs"]]
        return [ClassifyImage(job=job, key="is answered") for job in jobs]


class Ends(Worker[SendReply]):
    """Ends each job."""

    channel = "reply"
    concurrency = 4

    async def handle(self, message: SendReply) -> Outputs:
        return None


class NotPolling(ReceiveWorker):
    """Handles stored updates, and does not poll Telegram for more."""

    async def background(self, channels: Channels) -> None:
        await asyncio.Event().wait()
