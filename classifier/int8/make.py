"""Makes the int8 version of a prepared model: quantise, compare with fp32, install."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np

from classifier import artifact, progress
from classifier.int8 import measure, photos, quantization
from classifier.int8.comparison import Comparison, probabilities, read, surely
from classifier.int8.photos import Photos
from classifier.progress import Say
from classifier.serve.engines.openvino import OpenVinoEngine
from common.model.records import ModelRecord


def make(models_dir: Path, fp32: ModelRecord, folder: Path | None, say: Say) -> ModelRecord:
    """Make the int8 version and install its folder; a whole folder that already exists stays.

    Args:
        models_dir: The folder with the whole model in fp32.
        fp32: That model.
        folder: An operator's photos; None for those in packages.
        say: Takes a line about each step, for the terminal.

    Raises:
        ModelError: There are too few photos, or NNCF is not installed. Nothing is installed then.
    """
    say(f"Making {fp32.title} in int8")
    progress.report(models_dir, progress.QUANTISING)
    nncf = quantization.version()  # first: if NNCF is missing, the error must not be about photos
    found = photos.find(folder, fp32.input)
    made_with = f"{found.digest} {quantization.METHOD} {nncf}"
    record = msgspec.structs.replace(
        fp32, folder=artifact.int8_folder_name(fp32, made_with), precision="int8", made_from=fp32.folder
    )
    kept = artifact.whole(models_dir / record.folder)
    if kept:
        _say_all(read(models_dir / kept.folder), say)
        return kept
    staged = artifact.stage(models_dir)
    try:
        return _make(models_dir / fp32.folder, staged, record, found, say)
    finally:
        shutil.rmtree(staged, ignore_errors=True)  # gone already if all went well


def _make(fp32: Path, staged: Path, record: ModelRecord, found: Photos, say: Say) -> ModelRecord:
    number = len(found.calibration) + len(found.judging)
    say(f"  {number} photos of {found.source}; {found.passed_over} other files are not pictures, or the same again")
    say(f"  calibrating on {len(found.calibration)} of them")
    seen = photos.pixels(found.calibration, record.input)
    grid = quantization.quantise(fp32 / artifact.NETWORK, staged / artifact.NETWORK, seen)
    record = msgspec.structs.replace(record, maps=grid)
    artifact.link(fp32 / artifact.TORCH_WEIGHTS, staged / artifact.TORCH_WEIGHTS)
    labels = msgspec.json.decode((fp32 / artifact.LABELS).read_bytes(), type=tuple[str, ...])
    artifact.seal(staged, record, labels)
    progress.report(staged.parent, progress.JUDGING)
    say(f"  comparing it with fp32 on the other {len(found.judging)}")
    comparison = _compare(fp32, staged, record, found)
    (staged / artifact.COMPARISON).write_bytes(msgspec.json.format(msgspec.json.encode(comparison)))
    artifact.seal(staged, record, labels)
    artifact.install(staged, record)
    _say_all(comparison, say)
    return record


def _compare(fp32: Path, int8: Path, record: ModelRecord, found: Photos) -> Comparison:
    engines = (OpenVinoEngine(fp32), OpenVinoEngine(int8))
    crop = record.input.crop
    agreeing, changes = 0, []
    for seen in photos.pixels(found.judging, record.input):
        image = np.frombuffer(seen, np.uint8).reshape(1, crop, crop, 3)
        full, quantised = (probabilities(engine.logits(image)[0]) for engine in engines)
        best = full.argmax()
        agreeing += int(quantised.argmax() == best)
        changes.append(abs(float(quantised[best] - full[best])))
    return Comparison(
        source=found.source,
        calibrated_on=len(found.calibration),
        photos=len(changes),
        agreeing=agreeing,
        agreement=agreeing / len(changes),
        surely=surely(agreeing, len(changes)),
        mean_change=sum(changes) / len(changes),
        largest_change=max(changes),
        fp32=measure.cost(fp32),
        int8=measure.cost(int8),
    )


def _say_all(comparison: Comparison, say: Say) -> None:
    for line in comparison.lines():
        say(f"  {line}")
