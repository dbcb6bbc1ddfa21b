"""The model alone: ``python -m benchmarks.pipeline.engine FOLDER SECONDS``. Writes its figures as JSON.

Our own engine in a tight loop, first on one image at a time, then on so many at once that the idle cores at the end of
each call do not count.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from classifier.serve.engines.openvino import BACKLOG_POLICY, OpenVinoEngine
from common.model import records
from common.settings import ROOT

_SINGLE: Final = 30
_MANY: Final = 64


class Alone(msgspec.Struct, frozen=True):
    """The figures of the model alone.

    Attributes:
        per_s: Images a second, in a backlog.
        cpu_ms: Processor time of one of these images.
        ms: Time for one image that comes alone.
    """

    per_s: float
    cpu_ms: float
    ms: float


def measure(folder: Path, seconds: float) -> Alone:
    """Measure the model in that folder, in its own process."""
    command = [sys.executable, "-m", "benchmarks.pipeline.engine", str(folder), str(seconds)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)  # noqa: S603
    return msgspec.json.decode(done.stdout, type=Alone)


def main(folder: Path, seconds: float) -> None:
    """The command."""
    record = records.read(folder / records.DESCRIPTION)
    if record is None:
        raise SystemExit(f"{folder} has no prepared model")
    engine = OpenVinoEngine(folder)
    images = np.random.default_rng(0).integers(0, 256, (_MANY, record.input.crop, record.input.crop, 3), np.uint8)
    took_s = []
    for _ in range(_SINGLE):
        began = time.perf_counter()
        engine.logits(images[:1])
        took_s.append(time.perf_counter() - began)
    _run(engine, images, BACKLOG_POLICY.sustained_s + 1)  # until it computes several at once
    began, cpu_began = time.perf_counter(), time.process_time()
    done = _run(engine, images, seconds)
    per_s, cpu_ms = done / (time.perf_counter() - began), (time.process_time() - cpu_began) / done * 1000
    sys.stdout.buffer.write(msgspec.json.encode(Alone(per_s, cpu_ms, statistics.median(took_s) * 1000)))


def _run(engine: OpenVinoEngine, images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], seconds: float) -> int:
    done, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        engine.logits(images)
        done += len(images)
    return done


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
