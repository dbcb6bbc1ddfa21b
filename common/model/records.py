"""Which prepared model is in use. ``classifier/prepare`` writes it; workers read it.

``MODELS_DIR/<folder>/model.json`` describes each prepared model and is next to its network.
``MODELS_DIR/in_use.json`` repeats the record of the model that answers, and says why: one small file to read for
each picture, and one rename to switch. The code that loads the model compares the two (``classifier/artifact.py``).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final, Literal

import msgspec

from common.model.input import InputSpec

IN_USE = "in_use.json"
DESCRIPTION = "model.json"
IMAGENET_CLASSES: Final = 1000
RULES: Final = 1
"""The version of what makes a finding of scores: ``rules.py`` and ``second_look.py`` in ``classifier/serve``, and the
groups in ``common/answers/imagenet.json``. Change it with them: what was stored or measured for others is not used."""
_LOOK_AGAIN_S: Final = 1.0

Precision = Literal["fp32", "int8"]

_log = logging.getLogger(__name__)


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """How a model's scores become probabilities that are right as often as they say.

    The defaults are for a model that nobody measured.

    Attributes:
        temperature: The scores are divided by it before the softmax (Guo et al. 2017, arXiv:1706.04599).
        strange_below: A picture is strange if its best score is fewer standard deviations above the mean of all scores
            than this; 0 if no picture is.
        measured_on: On which photos this was measured, for people; '' if nobody did.
        rules: The ``RULES`` for which this was measured.
        came_with_code: Whether it is one of the code's own, whose answers were judged on many photos, and not an
            operator's.
    """

    temperature: float = 1.0
    strange_below: float = 0.0
    measured_on: str = ""
    rules: int = 0
    came_with_code: bool = False


class MapGrid(msgspec.Struct, frozen=True):
    """Where the cells of a class activation map are in the model's input: cell i has its centre at start + stride · i.

    Attributes:
        start: The centre of the first cell, in pixels.
        stride: From one centre to the next, in pixels.
    """

    start: float
    stride: float


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A prepared model.

    Attributes:
        model: Its name among the settings (``inception_v3``, ``efficientnet_lite2``).
        title: Its name for people.
        folder: Its folder's name in ``MODELS_DIR``.
        input: How it wants its pictures.
        classes: How many classes it knows.
        weights_sha256: Hash of the weights file that it was made from.
        weights_source: Where that file came from, for people.
        labels_source: Name of the operator's file that its labels come from; '' if they are ImageNet's.
        transform_input: Whether the network itself re-normalises its input (Inception V3's official weights
            want that); None where this does not apply.
        precision: How it computes: with 32-bit floating-point numbers, or mostly with 8-bit integers.
        made_from: The folder of the fp32 model that an int8 one was made from; '' for fp32.
        maps: Where the cells of its class activation maps are; None for a network that has no maps.
        calibration: How its scores become probabilities; only in ``in_use.json``.
        why: Why this model answers and no other, one sentence for people; '' in ``model.json``.
        why_precision: Why it answers in this precision, likewise.
    """

    model: str
    title: str
    folder: str
    input: InputSpec
    classes: int
    weights_sha256: str
    weights_source: str
    labels_source: str = ""
    transform_input: bool | None = None
    precision: Precision = "fp32"
    made_from: str = ""
    maps: MapGrid | None = None
    calibration: Calibration = Calibration()
    why: str = ""
    why_precision: str = ""

    @property
    def knows_imagenet(self) -> bool:
        """Whether its classes are ImageNet's, in ImageNet's order, and not an operator's."""
        return not self.labels_source and self.classes == IMAGENET_CLASSES

    @property
    def is_measured(self) -> bool:
        """Whether its calibration was measured, for these rules."""
        return bool(self.calibration.measured_on) and self.calibration.rules == RULES


def described(record: ModelRecord) -> str:
    """What operators want to know about a model that answers, besides its name: for the check and the log."""
    found = record.calibration
    measured = f"measured on {found.measured_on} (temperature {found.temperature:.3g})" if record.is_measured else ""
    parts = [
        f"percentages {measured or 'not measured'}",
        "can zoom in" if record.maps else "cannot zoom in (no maps)",
        " ".join(filter(None, (record.why, record.why_precision))),
    ]
    return "; ".join(filter(None, parts))


def read(path: Path) -> ModelRecord | None:
    """The record in that file; None if there is no such file, or the record is incomplete."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelRecord)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def in_use(models_dir: Path) -> ModelRecord | None:
    """The model that answers; None if no model is prepared yet."""
    return read(models_dir / IN_USE)


async def wait_for_model(models_dir: Path) -> ModelRecord:
    """Wait for a model that answers, and return it. Logs a warning if it has to wait."""
    record = in_use(models_dir)
    if record is None:
        _log.warning("waiting for a model in %s: `make model` prepares one", models_dir)
    import asyncio  # noqa: PLC0415 -- 0.03 s: a model is loaded before that is needed

    while record is None:
        await asyncio.sleep(_LOOK_AGAIN_S)
        record = in_use(models_dir)
    return record
