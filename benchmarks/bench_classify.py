"""How fast pictures are classified, compared with torch, ONNX Runtime and bare OpenVINO.

``python -m benchmarks.bench_classify`` runs every contender (``benchmarks/engines``) once for each model, each in its
own process; then all again, in the other order. Medians count. Then it lists the project's goals, each with yes or no.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, get_args

import msgspec
import numpy as np

from benchmarks import measuring
from benchmarks.engines import Measured, measure, onnx_runtime, worker
from classifier import artifact
from classifier.int8 import photos
from classifier.networks import EFFICIENTNET_LITE2, INCEPTION_V3, NETWORKS
from classifier.serve.rules import Rules
from common.model.records import ModelRecord, Precision
from common.settings import ROOT

NAME: Final = "bench_classify"
MODELS: Final = (INCEPTION_V3.name, EFFICIENTNET_LITE2.name)
_WARM_UP_S: Final = 0.1


class Contender(NamedTuple):
    """One way to classify.

    Attributes:
        name: Its name for ``--only``.
        title: The title of its row.
        package: The package that runs it.
        precision: The precision of its model.
        module: Its module in ``benchmarks/engines``, and then the arguments.
    """

    name: str
    title: str
    package: str
    precision: Precision
    module: tuple[str, ...]


def _twice(name: str, title: str, *module: str) -> list[Contender]:
    return [Contender(f"{name}-{p}", f"{title}, {p}", "openvino", p, module) for p in get_args(Precision)]


CONTENDERS: Final = (
    Contender("torch", "torch eager (the plain way)", "torch", "fp32", ("torch_eager",)),
    Contender("channels-last", "torch eager, channels last", "torch", "fp32", ("torch_eager", "channels_last")),
    Contender("onnxruntime", "ONNX Runtime", "onnxruntime", "fp32", ("onnx_runtime",)),
    *_twice("raw", "OpenVINO, one after the other", "openvino_raw"),
    *_twice("streams", "OpenVINO, streams", "openvino_raw", "streams"),
    *_twice("engine", "our engine", "ours"),
    *_twice("worker", "our worker, through Redis", "worker"),
)
Results = Mapping[str, Measured]


class Goal(NamedTuple):
    """A promise: a ratio of two contenders' numbers, and the least that it should be.

    Attributes:
        says: The promise, for people.
        of: Our contender.
        to: Its peers; of several, the best.
        ratio: How many times better we are, from our number and theirs.
        least: What the ratio should be.
    """

    says: str
    of: str
    to: Sequence[str]
    ratio: Callable[[Measured, Measured], float]
    least: float


def _faster(ours: Measured, theirs: Measured) -> float:
    return ours.images_s / theirs.images_s


def _sooner(ours: Measured, theirs: Measured) -> float:
    return theirs.ready_s / ours.ready_s


def _smaller(ours: Measured, theirs: Measured) -> float:
    return theirs.pss_mb / ours.pss_mb


GOALS: Final = (
    Goal("worker, fp32: 95 % of bare OpenVINO's images/s", "worker-fp32", ("raw-fp32", "streams-fp32"), _faster, 0.95),
    Goal("worker, int8: 95 % of bare OpenVINO's images/s", "worker-int8", ("raw-int8", "streams-int8"), _faster, 0.95),
    Goal("worker, fp32: 2.5 times torch eager's images/s", "worker-fp32", ("torch",), _faster, 2.5),
    Goal("worker, int8: 8 times torch eager's images/s", "worker-int8", ("torch",), _faster, 8),
    Goal("worker, fp32: ready 6 times sooner than torch eager", "worker-fp32", ("torch",), _sooner, 6),
    Goal("worker, int8: ready 6 times sooner than torch eager", "worker-int8", ("torch",), _sooner, 6),
    Goal("worker, fp32: a third of torch eager's memory", "worker-fp32", ("torch",), _smaller, 3),
    Goal("worker, int8: a fifth of torch eager's memory", "worker-int8", ("torch",), _smaller, 5),
)


@dataclasses.dataclass(frozen=True)
class Course:
    """What all contenders get for one model.

    Attributes:
        record: The model in fp32.
        folders: The prepared model's folder in each precision.
        pictures: A NumPy file (N x crop x crop x 3, uint8, RGB).
        scratch: A folder for files that contenders keep from one run to the next.
    """

    record: ModelRecord
    folders: Mapping[Precision, Path]
    pictures: Path
    scratch: Path

    def run(self, contender: Contender, seconds: float) -> Measured:
        """Measure one contender."""
        folder, (module, *more) = self.folders[contender.precision], contender.module
        kept = self.scratch / contender.name
        if module == "worker":
            return worker.measure(folder, self.pictures, seconds, kept)
        if module == "ours":
            more = [str(kept)]
        elif module == "onnx_runtime":
            folder = self._onnx(folder)
        return measure(Rules(self.record), module, str(folder), str(self.pictures), str(seconds), *more)

    def _onnx(self, folder: Path) -> Path:
        exported = self.scratch / onnx_runtime.ONNX
        if not exported.exists():
            _run("benchmarks.engines.onnx_runtime", "export", str(folder), str(exported))
        return self.scratch


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _parse(arguments)
    contenders = [each for each in CONTENDERS if each.name in given.only] or CONTENDERS
    models = [model for model in MODELS if model in given.only] or list(MODELS)
    rounds, seconds = (1, 0.3) if given.quick else (given.rounds, given.seconds)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        courses = [_course(model, contenders, given.models_dir, Path(scratch)) for model in models]
        found = {course.record.title: _rounds(course, contenders, rounds, seconds) for course in courses}
    packages = sorted({each.package for each in contenders})
    text = f"{measuring.machine(*packages)}; medians of {rounds} rounds.\n\n{_TEXT}\n"
    for course in courses:
        text += "\n" + _report(course.record, found[course.record.title]) + "\n"
    sys.stdout.write(text)
    if given.write:
        measuring.write(NAME, text)


_TEXT: Final = """\
Every contender gets the same pictures, as pixels, and must give the same best class for each. *images/s* is the rate
while pictures wait. *one image* is the median time of one that comes alone. *ready* is the time from `exec` to the
first answer, at a start that is not the first. *memory* is PSS at the end. The worker is a whole `python classify.py`
with a Redis that writes everything to disk (`appendfsync always`) on the same cores. Its *one image* is the time from
publishing the job to its answer in the channel; it looks for each answer among the stored ones, and stores it. Bare
OpenVINO only computes: with streams, as many pictures at once as there are cores. *Seeded* means that Inception V3 has
made-up weights in the official layout, not the trained ones: the work is the same. (`--models-dir` takes prepared
ones.)"""


def _rounds(course: Course, contenders: Sequence[Contender], rounds: int, seconds: float) -> Results:
    """Medians of what the contenders did, in turns."""
    runs: dict[Contender, list[Measured]] = {contender: [] for contender in contenders}
    for contender in contenders:  # not counted: the first run reads from the disk, and compiles
        course.run(contender, _WARM_UP_S)
    for number in range(rounds):
        for contender in contenders if number % 2 == 0 else contenders[::-1]:
            runs[contender].append(course.run(contender, seconds))
            sys.stderr.write(f"{course.record.model} {number + 1}/{rounds} {contender.name}: {runs[contender][-1]}\n")
    _same_answers(course, runs)
    return {contender.name: _median(measured) for contender, measured in runs.items()}


def _same_answers(course: Course, runs: Mapping[Contender, Sequence[Measured]]) -> None:
    """Make sure that all contenders of a precision did the same work."""
    labels = msgspec.json.decode((course.folders["fp32"] / artifact.LABELS).read_bytes(), type=list[str])
    for precision in course.folders:
        answers = {
            contender.name: [labels[best] for best in each.best]
            for contender, measured in runs.items()
            for each in measured
            if contender.precision == precision
        }
        if any(answer != next(iter(answers.values())) for answer in answers.values()):
            raise SystemExit(f"{course.record.title}, {precision}: the contenders do not agree: {answers}")


def _median(measured: Sequence[Measured]) -> Measured:
    def of(field: Callable[[Measured], float]) -> float:
        return statistics.median(map(field, measured))

    return Measured(
        images_s=of(lambda each: each.images_s),
        latency_ms=of(lambda each: each.latency_ms),
        ready_s=of(lambda each: each.ready_s),
        pss_mb=of(lambda each: each.pss_mb),
        best=measured[0].best,
    )


def _report(record: ModelRecord, results: Results) -> str:
    official = record.weights_sha256.startswith(NETWORKS[record.model].weights_hash)
    weights = "official" if official else "seeded"
    head = ("", "images/s", "to torch", "one image, ms", "to torch", "ready, s", "memory, MB")
    plain = results.get("torch")
    rows = [
        (
            contender.title,
            f"{ours.images_s:.1f}",
            f"{ours.images_s / plain.images_s:.1f} ×" if plain else "",
            f"{ours.latency_ms:.1f}",
            f"{plain.latency_ms / ours.latency_ms:.1f} ×" if plain else "",
            f"{ours.ready_s:.2f}",
            f"{ours.pss_mb:.0f}",
        )
        for contender in CONTENDERS
        if (ours := results.get(contender.name))
    ]
    goals = measuring.table(("goal", "measured", "met"), judged(results))
    return f"### {record.title}, {weights} weights\n\n{measuring.table(head, rows)}\n\n{goals}"


def judged(results: Results) -> Iterator[tuple[str, str, str]]:
    """Each goal, what was measured, and whether that is enough; goals of contenders that did not run are left out."""
    for goal in GOALS:
        peers = [results[name] for name in goal.to if name in results]
        if goal.of in results and len(peers) == len(goal.to):
            ratio = min(goal.ratio(results[goal.of], peer) for peer in peers)
            yield (
                goal.says,
                f"{ratio:.1%}" if goal.least < 1 else f"{ratio:.2f} ×",
                "yes" if ratio >= goal.least else "no",
            )


def _course(model: str, contenders: Iterable[Contender], models_dir: Path | None, scratch: Path) -> Course:
    """Prepare a model, if it is not prepared yet, and the contenders' pictures."""
    folder = (models_dir or scratch / "models") / model
    folder.mkdir(parents=True, exist_ok=True)
    own = scratch / model
    own.mkdir()
    precisions: set[Precision] = {"fp32", *(contender.precision for contender in contenders)}
    fp32 = artifact.prepared(folder, model)
    if fp32 is None or ("int8" in precisions and artifact.prepared_int8(folder, fp32) is None):
        _prepare(model, folder, own, precisions)
        fp32 = artifact.prepared(folder, model)
    assert fp32  # noqa: S101 -- just prepared
    int8 = artifact.prepared_int8(folder, fp32)
    folders: dict[Precision, Path] = {"fp32": folder / fp32.folder}
    if int8:
        folders["int8"] = folder / int8.folder
    found, crop = photos.find(None, fp32.input), fp32.input.crop
    pixels = [*photos.pixels((*found.calibration, *found.judging), fp32.input)]
    np.save(own / "pictures.npy", np.frombuffer(b"".join(pixels), np.uint8).reshape(-1, crop, crop, 3))
    return Course(fp32, folders, own / "pictures.npy", own)


def _prepare(model: str, models_dir: Path, scratch: Path, precisions: Iterable[Precision]) -> None:
    arguments = ["--model", model, *(["--int8"] if "int8" in precisions else [])]
    if model == INCEPTION_V3.name and artifact.prepared(models_dir, model) is None:
        seeded = scratch / "seeded.pth"
        _run("tests.support.seeded_inception", str(seeded))
        arguments += ["--weights", str(seeded), "--transform-input", "yes"]
    _run("classifier.prepare", *arguments, MODELS_DIR=str(models_dir), PRECISION="auto")


def _run(module: str, *arguments: str, **environment: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, stdout=sys.stderr, check=True)  # noqa: S603


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_classify", description=__doc__)
    names = [*MODELS, *(contender.name for contender in CONTENDERS)]
    parser.add_argument("--only", nargs="+", choices=names, default=[], metavar="NAME", help=", ".join(names))
    parser.add_argument("--models-dir", type=measuring.folder, help="a folder that keeps the prepared models")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each is measured in a round")
    measuring.add_effort(parser, "one short round")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
