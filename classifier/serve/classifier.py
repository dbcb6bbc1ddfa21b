"""Pixels in, the likeliest classes out."""

from __future__ import annotations

import heapq
import logging
import math
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from classifier import artifact
from classifier.errors import ModelError
from classifier.serve.engines.choose import open_engine
from classifier.serve.engines.engine import Engine, Picture
from common.messages import Prediction
from common.model import records
from common.model.records import ModelRecord
from common.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

TOP: Final = 5

_SAFE_TO_EXP: Final = 500.0  # and to sum up: a float ends at exp(709)

_log = logging.getLogger(__name__)


class Classifier:
    """The model in use, loaded. Several threads may call it at the same time.

    Attributes:
        record: Which model this is, and how it wants its pictures.
        engine: What runs it.
        labels: The classes' names, in the order of the logits.
    """

    def __init__(self, record: ModelRecord, engine: Engine, labels: Sequence[str]) -> None:
        self.record = record
        self.engine = engine
        self.labels = tuple(labels)
        self._used_at = time.monotonic()
        self._through_at = -math.inf

    @classmethod
    def open(cls, settings: Settings) -> Classifier:
        """Load the model in use, with the engine that is set. Takes 0.1 s (OpenVINO) to 8 s (torch).

        Raises:
            ModelError: No model is prepared, or its files are not as they were prepared.
        """
        record = records.in_use(settings.models_dir)
        if record is None:
            msg = f"no model is prepared in {settings.models_dir}; run: make model"
            raise ModelError(msg)
        artifact.check_in_use(settings.models_dir, record)
        folder = settings.models_dir / record.folder
        engine, labels = open_engine(settings, folder, record), _labels(folder)
        if engine.classes != len(labels):
            msg = f"{record.folder} gives {engine.classes} scores for {len(labels)} labels; {artifact.PREPARE_AGAIN}"
            raise ModelError(msg)
        return cls(record, engine, labels)

    def predict(
        self, inputs: Sequence[Picture], given_up: threading.Event | None = None
    ) -> list[tuple[Prediction, ...]]:
        """For each input the likeliest classes (five, or all if there are fewer), most likely first.

        Args:
            inputs: Pixels of one picture each: crop x crop x 3, uint8, RGB, row by row.
            given_up: Set as soon as nobody waits for the answers. Inputs that are not computed by then get no answers.

        Raises:
            ValueError: An input is not of that size.
        """
        return [self._top(scores) for scores in self._scores(inputs, given_up)] if inputs else []

    def took_s(self, asked: float, answered: float) -> float:
        """How long the model took for these inputs: the time that it spent on earlier ones does not count.

        Call it right after the answer, with two times of one clock.
        """
        began = min(max(asked, self._through_at), answered)  # two threads may come here in the other order
        self._through_at = max(self._through_at, answered)
        return answered - began

    def rest(self, idle_s: float) -> None:
        """Get ready for a single picture, if no picture has come for so long."""
        if time.monotonic() - self._used_at > idle_s:
            try:
                self.engine.rest()
            except ModelError as error:  # damaged files, for example: the same error postpones the next picture
                _log.warning("%s", error)

    def logits(self, inputs: Sequence[Picture]) -> npt.NDArray[np.float32]:
        """The network's scores (N x classes) for N inputs as ``predict`` takes them, to compare models."""
        import numpy as np  # noqa: PLC0415 -- 0.1 s and 10 MB that serving does without

        return np.array(self._scores(inputs), dtype=np.float32)

    def _scores(self, inputs: Sequence[Picture], given_up: threading.Event | None = None) -> Sequence[Sequence[float]]:
        size = 3 * self.record.input.crop**2
        for pixels in inputs:
            if len(pixels) != size:
                msg = f"{self.record.input.name} takes {size} bytes of pixels, not {len(pixels)}"
                raise ValueError(msg)
        self._used_at = time.monotonic()
        return self.engine.scores(inputs, given_up)

    def _top(self, scores: Sequence[float]) -> tuple[Prediction, ...]:
        return tuple(Prediction(self.labels[index], share) for index, share in likeliest(scores, TOP))


def likeliest(scores: Sequence[float], number: int) -> list[tuple[int, float]]:
    """The classes with the highest scores, highest first, each with its probability. All classes together have 1.

    Without NumPy, whose import takes 0.1 s of the start. For each picture this takes half as long (0.05 ms).
    """
    best = heapq.nlargest(number, scores)
    if abs(best[0]) > _SAFE_TO_EXP:
        return likeliest([score - best[0] for score in scores], number)
    total, found, index = sum(map(math.exp, scores)), list[tuple[int, float]](), -1
    for before, score in zip((None, *best), best, strict=False):
        index = scores.index(score, index + 1 if score == before else 0)  # of equal scores, the first class comes first
        found.append((index, math.exp(score) / total))
    return found


def _labels(folder: Path) -> list[str]:
    artifact.check(folder, (artifact.LABELS,))
    return msgspec.json.decode((folder / artifact.LABELS).read_bytes(), type=list[str])
