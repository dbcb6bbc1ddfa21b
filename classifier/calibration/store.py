"""Keeps a measured calibration in ``MODELS_DIR``, beside the model's folder: later starts find it there.

One file is valid for the fp32 model and the int8 models that are made from it. What was measured for other rules
(``classifier/serve/rules.py``, ``RULES``) is not used: a limit may mean something else there.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from classifier import artifact
from classifier.calibration.fit import Bin
from common.model import records
from common.model.records import Calibration, ModelRecord, Precision


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How right a calibrated model is, on photos that its calibration does not come from.

    Attributes:
        precision: Which version of the model.
        photos: How many photos.
        top_1: How often its best class is right.
        error_before: The calibration error (ECE) at temperature 1.
        error: The same at the temperature of the calibration.
        reliability: What it says and how often that is right, by probability.
    """

    precision: Precision
    photos: int
    top_1: float
    error_before: float
    error: float
    reliability: tuple[Bin, ...]


class Kept(msgspec.Struct, frozen=True):
    """What the file has.

    Attributes:
        calibration: The calibration.
        reports: How well it fits each version that was prepared when it was measured.
    """

    calibration: Calibration
    reports: tuple[Report, ...]


def write(models_dir: Path, fp32: ModelRecord, kept: Kept) -> None:
    """Keep a calibration of that model. The caller holds the lock on ``models_dir``."""
    artifact.write(artifact.calibration_file(models_dir, fp32), msgspec.json.format(msgspec.json.encode(kept)))


def read(models_dir: Path, fp32: ModelRecord) -> Calibration | None:
    """The calibration of that model; None if there is none for these rules."""
    try:
        kept = msgspec.json.decode(artifact.calibration_file(models_dir, fp32).read_bytes(), type=Kept)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return kept.calibration if kept.calibration.rules == records.RULES else None
