"""Ours: the worker processes as Supervisor runs them, with handlers that only name the next message.

An update begins a job under fair queueing, as in ``receive``. Each job has its own chat, so no job waits.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from benchmarks.chains import line
from common import settings
from common.channels.channels import Channels, Once
from common.messages import AcceptUpdate, CheckFile, ClassifyImage, Job, SendReply, Words
from common.runtime import process
from common.runtime.worker import Outputs, Worker
from common.telegram.polling import SEEN_MS, UPDATES_PER_SET

_BOT: Final = "1"
_IN_FLIGHT: Final = int(os.environ.get(line.IN_FLIGHT, "32"))


class _Receive(Worker[AcceptUpdate]):
    channel = "receive"
    concurrency = _IN_FLIGHT

    async def handle(self, message: AcceptUpdate) -> Outputs:
        job = msgspec.structs.replace(message.job, id=f"{message.job.id}-0")
        return CheckFile(job=job, key=job.key("original"))


class _FileCheck(Worker[CheckFile]):
    channel = "file_check"
    concurrency = _IN_FLIGHT

    async def handle(self, message: CheckFile) -> Outputs:
        return ClassifyImage(job=message.job, key=message.job.key("input"))


class _Classify(Worker[ClassifyImage]):
    channel = "classify"
    concurrency = _IN_FLIGHT

    async def handle(self, message: ClassifyImage) -> Outputs:
        return SendReply(job=message.job, content=Words(text="done"))


class _Reply(Worker[SendReply]):
    channel = "reply"
    concurrency = _IN_FLIGHT

    async def handle(self, message: SendReply) -> Outputs:
        line.end(int(message.job.id.split("-")[1]))
        return None


def stage(number: int) -> None:
    """Run a stage."""
    stages: Sequence[type[Worker[Any]]] = (_Receive, _FileCheck, _Classify, _Reply)
    process.run(stages[number])


@contextlib.asynccontextmanager
async def sender() -> AsyncIterator[line.Send]:
    """Stores updates as ``receive`` does when it polls Telegram."""
    channels = Channels(settings.load())

    async def send(jobs: Sequence[int]) -> None:
        updates = [
            AcceptUpdate(
                job=Job(id=f"{_BOT}-{job}", chat_id=job, message_id=1, user_id=job, accepted_at=0.0), update={}
            )
            for job in jobs
        ]
        await channels.publish([(update, _once(job)) for job, update in zip(jobs, updates, strict=True)])

    try:
        yield send
    finally:
        await channels.close()


def _once(update_id: int) -> Once:
    return Once(f"{_BOT}:{update_id // UPDATES_PER_SET}", str(update_id), SEEN_MS)
