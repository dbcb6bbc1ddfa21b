"""Our whole worker: a real ``python classify.py`` that takes its jobs from a real Redis, as our bot runs them.

Pictures are in its store, and its messages on its channel, as ``file_check`` leaves both. Each belongs to another
chat, because a chat has few slots. There are more different pictures than stored answers: so each answer is looked up
and stored, as in the bot, and never found.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks import measuring
from benchmarks.engines import AT_ONCE, SETTLE_S, Measured
from classifier import artifact
from classifier.serve import cores
from common.channels.channels import Channels, Once
from common.messages import ClassifyImage, DeleteFiles, Job, Predictions, SendReply, decode
from common.model import records
from common.model.input import pack
from common.programs import redis_command
from common.settings import ROOT, Settings
from common.store import Store

DIFFERENT: Final = 128
REMEMBERED: Final = 32
_FEWEST: Final = 8 * AT_ONCE  # answers, to measure a rate
_PUBLISHED_AT_ONCE: Final = 100
_MARKER_MS: Final = 60_000
_LIMIT_S: Final = 60.0
_BLOCK_MS: Final = 1000
_MORE: Final = 2.5  # times as many as can be answered one after the other, so that the channel is never empty
_LOOK_AGAIN_S: Final = 0.05
_STOP_LIMIT_S: Final = 20.0


def measure(folder: Path, pictures: Path, seconds: float, data_dir: Path) -> Measured:
    """Measure the worker with the model in ``folder``.

    Args:
        folder: The prepared model's folder.
        pictures: A NumPy file (N x crop x crop x 3, uint8, RGB).
        seconds: How long to measure.
        data_dir: The worker's data folder; kept from one run to the next, it has the compiled network, as in a bot.

    Raises:
        TimeoutError: The worker does not answer.
    """
    models_dir = data_dir / "models"
    models_dir.mkdir(parents=True, exist_ok=True)
    if not (models_dir / records.IN_USE).exists():
        (models_dir / folder.name).symlink_to(folder)
        shutil.copy(folder / records.DESCRIPTION, models_dir / records.IN_USE)
    settings = Settings(
        data_dir=data_dir, models_dir=models_dir, namespace=uuid.uuid4().hex[:8], cache_max=REMEMBERED, backlog=10**6
    )
    images = np.load(pictures)
    with _redis(settings):
        return asyncio.run(_measure(settings, folder, images, seconds))


async def _measure(settings: Settings, folder: Path, images: npt.NDArray[np.uint8], seconds: float) -> Measured:
    channels = Channels(settings)
    feed = Feed(settings, channels, folder, images)
    try:
        await feed.publish(1)
        began = time.perf_counter()
        with _worker(settings, folder) as process:
            await feed.answer(process)
            ready_s = time.perf_counter() - began
            alone_s = [await feed.alone_s(process) for _ in range(max(len(images), round(50 * seconds)))]
            latency_s, settle_s = statistics.median(alone_s), min(SETTLE_S, seconds * 2)
            await feed.publish(max(2 * _FEWEST, round(_MORE * (settle_s + seconds) / latency_s)))
            await asyncio.sleep(settle_s + seconds)
            await feed.answered(1 + len(alone_s) + _FEWEST)
            pss_mb = measuring.pss_mb(process.pid)
            answers = await feed.answers()
    finally:
        await channels.close()
    images_s = rate([time_ms for time_ms, _ in answers[1 + len(alone_s) :]], settle_s)
    best = tuple(label for _, label in answers[: len(images)])
    return Measured(images_s, latency_s * 1000, best, ready_s, pss_mb)


class Feed:
    """Gives the worker its jobs, and reads what it answers."""

    def __init__(self, settings: Settings, channels: Channels, folder: Path, images: npt.NDArray[np.uint8]) -> None:
        self._channels = channels
        self._labels = msgspec.json.decode((folder / artifact.LABELS).read_bytes(), type=list[str])
        self._published = 0
        self._last = "0"
        record = records.read(folder / records.DESCRIPTION)
        assert record  # noqa: S101 -- the caller prepared it
        self._files_dir = settings.files_dir
        shutil.rmtree(self._files_dir, ignore_errors=True)  # of an earlier run
        store = Store(self._files_dir)
        for at in range(DIFFERENT):  # moved down by a row or more, it is another picture
            moved = np.roll(images[at % len(images)], at // len(images), axis=0)
            store.write(_job(at).key("input"), pack(moved.tobytes(), record.input))

    async def publish(self, number: int) -> None:
        """Publish so many more pictures."""
        left = range(self._published, self._published + number)
        self._published += number
        for at in left:
            if at >= DIFFERENT:  # a file of its own, which takes no room
                self._file(at).hardlink_to(self._file(at % DIFFERENT))
        for first in left[::_PUBLISHED_AT_ONCE]:
            ids = range(first, min(first + _PUBLISHED_AT_ONCE, left.stop))
            await self._channels.publish([(_message(at), Once("bench", str(at), _MARKER_MS)) for at in ids])

    def _file(self, at: int) -> Path:
        return self._files_dir / _job(at).key("input")

    async def answer(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until one more picture is answered.

        Raises:
            TimeoutError: It is not, or the worker has ended.
        """
        deadline = time.monotonic() + _LIMIT_S
        while time.monotonic() < deadline and process.poll() is None:
            rows: Any = await self._channels.redis.xread(
                {self._channels.keys.key(DeleteFiles.channel): self._last}, count=1, block=_BLOCK_MS
            )
            if rows:
                self._last = rows[0][1][0][0]
                return
        msg = f"the worker gave no answer (exit code {process.returncode})"
        raise TimeoutError(msg)

    async def answered(self, number: int) -> None:
        """Wait until so many pictures are answered in all.

        Raises:
            TimeoutError: They are not.
        """
        deadline = time.monotonic() + _LIMIT_S
        while await self._channels.redis.xlen(self._channels.keys.key(DeleteFiles.channel)) < number:
            if time.monotonic() > deadline:
                raise TimeoutError("the worker does not answer")
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def alone_s(self, process: subprocess.Popen[bytes]) -> float:
        """How long an idle worker takes for a picture, hops included."""
        began = time.perf_counter()
        await self.publish(1)
        await self.answer(process)
        return time.perf_counter() - began

    async def answers(self) -> list[tuple[int, int]]:
        """All answers: when each came, in ms by the clock of Redis, and the likeliest class."""
        rows: Any = await self._channels.redis.xrange(self._channels.keys.key(SendReply.channel))
        found = []
        for id_, fields in rows:
            message = decode(fields[b"body"])
            if isinstance(message, SendReply):
                assert isinstance(message.content, Predictions), message  # noqa: S101 -- else nothing is measured
                found.append((int(id_.partition(b"-")[0]), self._labels.index(message.content.top[0].label)))
        return found


def rate(times_ms: Sequence[int], settle_s: float) -> float:
    """Answers a second, from so long after the first until the last."""
    counted = [time_ms for time_ms in times_ms if time_ms >= times_ms[0] + settle_s * 1000]
    # Answers that came together with the first one were computed before.
    return sum(time_ms > counted[0] for time_ms in counted) / (counted[-1] - counted[0]) * 1000


def _job(at: int) -> Job:
    return Job(id=f"1-{at}-0", chat_id=at, user_id=at, message_id=1, accepted_at=time.time())


def _message(at: int) -> ClassifyImage:
    job = _job(at)
    return ClassifyImage(job=job, key=job.key("input"), file_unique_id=f"telegram-{at}")


@contextlib.contextmanager
def _redis(settings: Settings) -> Iterator[None]:
    """Our own Redis, as the bot starts it, with nothing in it."""
    shutil.rmtree(settings.data_dir / "redis", ignore_errors=True)
    (settings.data_dir / "redis").mkdir()
    settings.redis_socket.unlink(missing_ok=True)
    command = [redis_command.binary(), *redis_command.arguments(settings)]
    with _ended(subprocess.Popen(command, stdout=subprocess.DEVNULL)) as process:  # noqa: S603
        deadline = time.monotonic() + _LIMIT_S
        while not settings.redis_socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError("Redis did not start")
            time.sleep(_LOOK_AGAIN_S)
        yield


@contextlib.contextmanager
def _worker(settings: Settings, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    precision = "int8" if (folder / artifact.COMPARISON).exists() else "fp32"
    environment = os.environ | {
        "REDIS_URL": f"unix://{settings.redis_socket}",
        "NAMESPACE": settings.namespace,
        "DATA_DIR": str(settings.data_dir),
        "MODELS_DIR": str(settings.models_dir),
        "ENGINE": "openvino",
        "PRECISION": precision,
        "CLASSIFY_THREADS": str(cores.usable()),
        "CACHE_MAX": str(REMEMBERED),
        "LOG_LEVEL": "WARNING",
    }
    with _ended(subprocess.Popen([sys.executable, "classify.py"], cwd=ROOT, env=environment)) as process:
        yield process


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
