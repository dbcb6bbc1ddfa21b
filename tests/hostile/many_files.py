"""Thousands of broken pictures through the real ``file_check``, as a process, on a real Redis.

`python -m tests.hostile.many_files --count 10000 --seed 1` reports how many were refused and how many answered, which
processes died, and how much memory they used. Exits 1 if the worker died, a file got no verdict, or memory grew.
With `--only HEIC`, all files are made of those whose names have that word.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import io
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

from common.channels.channels import Channels, Once
from common.messages import CheckFile, ClassifyImage, DeleteFiles, Job, Kind, SendReply, Words, decode
from common.model.input import InputSpec, unpack
from common.settings import ROOT, Settings
from common.store import Store
from tests.hostile import pictures
from tests.support import model_in_use, photos
from tests.support.make import job
from tests.support.redis_servers import BINARIES, running_redis

BATCH: Final = 50
LIMIT_S: Final = 60.0  # for a batch
MAX_GROWTH_BYTES: Final = 20 * 2**20
SPEC: Final = InputSpec(
    model="inception_v3", resize=342, crop=299, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3
)
_DIED: Final = re.compile(r"its decoder died|the decoder died|was not decoded within")


@dataclasses.dataclass
class Memory:
    """The memory of two processes (RSS) after a number of files."""

    files: int
    worker_bytes: int
    decoder_bytes: int

    def __str__(self) -> str:
        return f"| {self.files} | {self.worker_bytes / 2**20:.1f} MB | {self.decoder_bytes / 2**20:.1f} MB |"


@dataclasses.dataclass
class Report:
    """The results of all files."""

    refused: Counter[str] = dataclasses.field(default_factory=Counter)
    answered: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)
    decoder_deaths: list[str] = dataclasses.field(default_factory=list)
    memory: list[Memory] = dataclasses.field(default_factory=list)
    seconds: float = 0.0

    @property
    def growth_bytes(self) -> int:
        """How many more bytes both processes have at the end than after the first files."""
        first, last = self.memory[0], self.memory[-1]
        return last.worker_bytes + last.decoder_bytes - first.worker_bytes - first.decoder_bytes

    def lines(self) -> Iterator[str]:
        """The report in Markdown."""
        yield f"{self.refused.total()} refused, {self.answered} answered, in {self.seconds:.0f} s"
        yield from (f"- {count} times: {text}" for text, count in self.refused.most_common())
        yield f"worker deaths: 0; decoder deaths: {len(self.decoder_deaths)}; wrong: {len(self.wrong)}"
        yield from (f"- {line}" for line in [*self.decoder_deaths, *self.wrong])
        yield from ("", "| files | worker | decoder |", "|---|---|---|")
        yield from map(str, self.memory)


async def run(count: int, seed: int, say: Callable[[str], None] = lambda _line: None, only: str = "") -> Report:
    """Send ``count`` broken pictures through one worker; of all formats, or of one."""
    report = Report()
    began = time.monotonic()
    async with working() as bench:
        files = _of_one_format(seed, only) if only else _files(seed)
        for start in range(0, count, BATCH):
            batch = {index: next(files) for index in range(start, min(start + BATCH, count))}
            await bench.work_off(batch, report)
            done = start + len(batch)
            if start == BATCH or done == count or start // BATCH == count // BATCH // 2:
                report.memory.append(bench.memory(done))
            if done % 1000 == 0:
                say(f"{done} files: {report.refused.total()} refused, {report.answered} answered")
        report.wrong += [str(letter) for letter in await bench.channels.dead_letters.all()]
        report.decoder_deaths = [line for line in bench.log.read_text().splitlines() if _DIED.search(line)]
    report.seconds = time.monotonic() - began
    return report


def _files(seed: int) -> Iterator[bytes]:
    """Mostly small pictures, which are faster to try; some of a photo's size; absurd headers."""
    luck = random.Random(seed)  # noqa: S311 -- no secret
    large = {format_: _photo(format_) for format_ in ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP")}
    absurd = [content for _, content in pictures.absurd() if len(content) <= 20 * 2**20]
    while True:
        kind = luck.random()
        if kind < 0.005:
            yield luck.choice(absurd)
        else:
            yield pictures.damaged(luck.randrange(2**32), large if kind < 0.1 else pictures.WHOLE | pictures.MORE)


def _of_one_format(seed: int, word: str) -> Iterator[bytes]:
    """Small pictures, all made of those whose names have a word."""
    luck = random.Random(seed)  # noqa: S311 -- no secret
    whole = {name: content for name, content in pictures.WHOLE.items() if word in name}
    while True:
        yield pictures.damaged(luck.randrange(2**32), whole)


def _photo(format_: str) -> bytes:
    file = io.BytesIO()
    photos.photo("coffee").save(file, format_)
    return file.getvalue()


@dataclasses.dataclass
class Bench:
    """A running worker, its input and its output."""

    settings: Settings
    channels: Channels
    worker: subprocess.Popen[bytes]
    log: Path

    async def work_off(self, batch: dict[int, bytes], report: Report) -> None:
        """Send the worker some files, and count its answers."""
        store = Store(self.settings.files_dir)
        jobs = {f"1-{index}-0": job(f"1-{index}-0", chat_id=index) for index in batch}
        for one, content in zip(jobs.values(), batch.values(), strict=True):
            store.write(one.key("original"), content)
        messages = [CheckFile(job=one, key=one.key("original")) for one in jobs.values()]
        await self.channels.publish([(message, Once("1:0", message.job.id, 60_000)) for message in messages])
        async with asyncio.timeout(LIMIT_S):
            while jobs:
                await self._note(jobs, store, report)
                assert self.worker.poll() is None, f"the worker died:\n{self.log.read_text()[-5000:]}"
                await asyncio.sleep(0.01)

    async def _note(self, jobs: dict[str, Job], store: Store, report: Report) -> None:
        for channel in ("classify", "reply", "garbage_collect"):
            key = self.channels.keys.key(channel)
            rows: Any = await self.channels.redis.xrange(key)
            for id_, fields in rows:
                message = decode(fields[b"body"])
                await self.channels.redis.xdel(key, id_)
                if isinstance(message, DeleteFiles):
                    for name in message.keys:
                        store.delete(name)
                    continue
                assert jobs.pop(message.job.id, None), f"{message.job.id} is answered twice"
                if isinstance(message, ClassifyImage):
                    report.answered += 1
                    unpack(store.read(message.key), SPEC)
                    store.delete(message.key)
                elif isinstance(message, SendReply) and isinstance(message.content, Words):
                    for name in message.files:
                        store.delete(name)
                    if message.content.kind is Kind.REFUSAL:
                        report.refused[message.content.text] += 1
                    else:
                        report.wrong.append(f"{message.job.id}: {message.content.text}")

    def memory(self, files: int) -> Memory:
        """The memory of the worker and its decoder now."""
        children = Path(f"/proc/{self.worker.pid}/task/{self.worker.pid}/children").read_text().split()
        return Memory(files, resident_bytes(self.worker.pid), sum(resident_bytes(int(pid)) for pid in children))


def resident_bytes(pid: int) -> int:
    """The memory of a process (proc(5))."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


@contextlib.asynccontextmanager
async def working() -> AsyncIterator[Bench]:
    """A worker that is ready for files."""
    with tempfile.TemporaryDirectory(prefix="whatsit-files-") as folder, running_redis(BINARIES["redis-6.2"]) as server:
        root = Path(folder)
        settings = Settings(redis_url=server.url, data_dir=root, models_dir=root / "models")
        model_in_use.put_in_use(settings.models_dir, SPEC)
        environ = {"REDIS_URL": server.url, "DATA_DIR": folder, "MODELS_DIR": str(settings.models_dir)}
        channels = Channels(settings)
        log = root / "log"
        worker = _start(environ, log)
        try:
            yield Bench(settings, channels, worker, log)
        finally:
            worker.terminate()
            worker.wait()
            await channels.close()


def _start(environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen([sys.executable, "file_check.py"], cwd=ROOT, env=os.environ | environ, stderr=out)


def main() -> int:
    """Run once. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.many_files", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many files (default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="to have other files (default: 1)")
    parser.add_argument("--only", default="", help="a word in the names of the pictures, such as HEIC (default: all)")
    given = parser.parse_args()
    report = asyncio.run(run(given.count, given.seed, _say, given.only))
    for line in report.lines():
        _say(line)
    return 1 if report.wrong or report.growth_bytes > MAX_GROWTH_BYTES else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
