"""Pixels in, the likeliest classes out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from classifier import artifact
from classifier.engines import Engine, open_engine
from classifier.errors import ModelError
from common import model_record
from common.messages import Prediction
from common.model_record import ModelRecord
from common.settings import Settings

TOP: Final = 5

_log = logging.getLogger(__name__)


class Classifier:
    """The model in use, loaded.

    Attributes:
        turn: One thread at a time may use it: the one that holds this. A lock for threads, and not for the event loop,
            which may be busy with the last answers when the model becomes free for the next pictures.
        record: Which model this is, and how it wants its pictures.
        engine: What runs it.
        labels: The classes' names, in the order of the logits.
    """

    def __init__(self, record: ModelRecord, engine: Engine, labels: Sequence[str]) -> None:
        self.record = record
        self.engine = engine
        self.labels = tuple(labels)
        self.turn = threading.Lock()
        self._used_at = time.monotonic()

    @classmethod
    def open(cls, settings: Settings) -> Classifier:
        """Load the model in use, with the engine that is set. Takes 0.5 s (OpenVINO) to 8 s (torch).

        Raises:
            ModelError: No model is prepared, or its files are not as they were prepared.
        """
        record = model_record.in_use(settings.models_dir)
        if record is None:
            msg = f"no model is prepared in {settings.models_dir}; run: python -m classifier.prepare"
            raise ModelError(msg)
        artifact.check_in_use(settings.models_dir, record)
        folder = settings.models_dir / record.folder
        classifier = cls(record, open_engine(settings, folder, record), _labels(folder))
        classifier._warm_up()
        return classifier

    def predict(self, inputs: Sequence[bytes | memoryview]) -> list[tuple[Prediction, ...]]:
        """For each input the likeliest classes (five, or all if there are fewer), most likely first.

        Args:
            inputs: Pixels of one picture each: crop x crop x 3, uint8, RGB, row by row.

        Raises:
            ValueError: An input is not of that size.
        """
        return [self._top(row) for row in self.logits(inputs)] if inputs else []

    def rest(self, idle_s: float) -> None:
        """Get ready for a single picture, if none has come for so long. Takes its turn itself."""
        if time.monotonic() - self._used_at > idle_s and self.turn.acquire(blocking=False):
            try:
                self.engine.rest()
            except ModelError as error:  # its files were damaged, say: the next picture meets that, and is put off
                _log.warning("%s", error)
            finally:
                self.turn.release()

    def logits(self, inputs: Sequence[bytes | memoryview]) -> npt.NDArray[np.float32]:
        """The network's scores (N x classes) for N inputs as ``predict`` takes them."""
        shape = (len(inputs), self.record.input.crop, self.record.input.crop, 3)
        images = np.empty(shape, dtype=np.uint8)
        self._used_at = time.monotonic()
        for image, pixels in zip(images, inputs, strict=True):
            image[...] = np.frombuffer(pixels, dtype=np.uint8).reshape(shape[1:])
        return self.engine.logits(images)

    def _top(self, logits: npt.NDArray[np.float32]) -> tuple[Prediction, ...]:
        sure = probabilities(logits)
        best = np.argsort(-sure, kind="stable")[:TOP]
        return tuple(Prediction(self.labels[index], float(sure[index])) for index in best)

    def _warm_up(self) -> None:
        """Classify a grey picture: the first one takes longer, and no user should wait for it."""
        crop = self.record.input.crop
        logits = self.logits([bytes([128]) * (3 * crop**2)])
        if logits.shape != (1, len(self.labels)):
            msg = f"{self.record.folder} gives {logits.shape[1]} scores for {len(self.labels)} labels; "
            raise ModelError(msg + artifact.PREPARE_AGAIN)


def probabilities(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """What one picture's scores mean: all classes together are 1."""
    scores = np.exp(logits.astype(np.float64) - logits.max())  # minus the largest: exp cannot overflow
    shares: npt.NDArray[np.float64] = scores / scores.sum()
    return shares


def _labels(folder: Path) -> list[str]:
    artifact.check(folder, (artifact.LABELS,))
    return msgspec.json.decode((folder / artifact.LABELS).read_bytes(), type=list[str])
