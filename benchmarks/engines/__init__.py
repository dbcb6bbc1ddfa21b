"""Contenders of ``bench_classify``, each in its own process: how one is called, and what is measured of it.

``python -m benchmarks.engines.<module> FOLDER PICTURES SECONDS`` loads the model in FOLDER, answers the first of
PICTURES and writes ``ready``. Then it measures itself, writes its figures as a line of JSON, and stays until its
standard input is closed, so that its memory can be measured. Their pictures do not pass the disk, Redis or another
process: ``worker.py`` measures what that costs.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks import measuring
from classifier.serve.rules import Rules
from common.settings import ROOT

SETTLE_S: Final = 4.0  # our engine switches to several streams when a backlog has lasted for 3 s
AT_ONCE: Final = 8  # as many as the worker has in flight

# Scores (N x classes, float32) for N pictures (each 1 x crop x crop x 3, uint8, RGB).
Scores = Callable[[Sequence[Any]], Any]


@dataclasses.dataclass(frozen=True)
class Found:
    """A contender's own figures.

    Attributes:
        images_s: Pictures a second while more of them wait.
        latency_ms: The median time of a picture that comes alone.
        scores: What it gives each picture.
    """

    images_s: float
    latency_ms: float
    scores: tuple[tuple[float, ...], ...]


@dataclasses.dataclass(frozen=True)
class Measured:
    """A contender's figures, and those that are measured from outside.

    Attributes:
        images_s: Pictures a second while more of them wait.
        latency_ms: The median time of a picture that comes alone.
        best: The class that the bot would name first for each picture, to see that all contenders did the same work.
        ready_s: From exec to the first answer.
        pss_mb: Its memory at the end.
    """

    images_s: float
    latency_ms: float
    best: tuple[int, ...]
    ready_s: float
    pss_mb: float


def measure(rules: Rules, module: str, *arguments: str) -> Measured:
    """Run a contender and measure it.

    Args:
        rules: What the bot makes of the scores: classes of the same name, for example, count as one.
        module: The contender's module, without the package.
        arguments: Its arguments, as above.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    began = time.perf_counter()
    command = [sys.executable, "-m", f"{__name__}.{module}", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdin  # noqa: S101 -- for the type checker
        assert process.stdout  # noqa: S101
        said, ready_s = process.stdout.readline(), time.perf_counter() - began
        line = process.stdout.readline()
        pss_mb = measuring.pss_mb(process.pid) if line else 0.0
        process.stdin.close()
        process.wait()
    if said != b"ready\n" or not line:
        raise subprocess.CalledProcessError(process.returncode, command)
    found = msgspec.json.decode(line, type=Found)
    best = tuple(rules.finding(scores).guesses[0].index for scores in found.scores)
    return Measured(found.images_s, found.latency_ms, best, ready_s, pss_mb)


def compete(load: Callable[[Path], Scores], at_once: int = AT_ONCE) -> None:
    """Run a contender's process, with the arguments above.

    Args:
        load: Loads the model in a folder.
        at_once: How many of the waiting pictures it gets at a time.
    """
    folder, pictures, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    import numpy as np  # noqa: PLC0415 -- a part of the contender's start-up

    images = np.split(read := np.load(pictures), len(read))
    scores = load(folder)
    scores(images[:1])
    _say(b"ready")
    given = tuple(tuple(scores([image])[0].tolist()) for image in images)
    alone, waiting = itertools.cycle(images), itertools.cycle(images)
    latency_ms = statistics.median(_times(lambda: scores([next(alone)]), seconds / 2)) * 1000

    def several() -> object:
        return scores([next(waiting) for _ in range(at_once)])

    _times(several, min(SETTLE_S, seconds * 2))
    took_s = _times(several, seconds)
    _say(msgspec.json.encode(Found(at_once * len(took_s) / sum(took_s), latency_ms, given)))
    sys.stdin.read()
    os._exit(0)  # the end of a library's threads is not measured


def _times(call: Callable[[], object], seconds: float) -> list[float]:
    """How long calls take, one after the other for that long."""
    took_s: list[float] = []
    while sum(took_s) < seconds or not took_s:
        began = time.perf_counter()
        call()
        took_s.append(time.perf_counter() - began)
    return took_s


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
