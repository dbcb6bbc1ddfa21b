"""Pictures in, findings out."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from classifier import artifact
from classifier.errors import ModelError
from classifier.serve import second_look
from classifier.serve.engines.choose import open_engine
from classifier.serve.engines.engine import Engine, Output, Picture
from classifier.serve.rules import Rules
from classifier.serve.second_look import Seen, Sight, View
from common.messages import Finding
from common.model import records
from common.model.labels import of_model
from common.model.records import ModelRecord
from common.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_log = logging.getLogger(__name__)


class Classifier:
    """The model in use, loaded. Several threads may call it at the same time.

    Attributes:
        record: Which model this is, and how it wants its pictures.
        engine: What runs it.
        labels: The classes' names, in the order of the logits.
        rules: What makes a finding of its scores.
    """

    def __init__(self, record: ModelRecord, engine: Engine, labels: Sequence[str]) -> None:
        self.record = record
        self.engine = engine
        self.labels = tuple(labels)
        self.rules = Rules(record)
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

    def find(self, sights: Sequence[Sight], given_up: threading.Event | None = None) -> list[Finding]:
        """What each picture shows.

        Args:
            sights: The pictures.
            given_up: Set as soon as nobody waits for the answers. Then there are none.

        Raises:
            ValueError: A picture does not have the model's size.
        """
        again = any(sight.whole for sight in sights)
        seen = self._seen([second_look.views(sight) for sight in sights], given_up, again=again)
        zooms = [self._zooms(*each) for each in zip(sights, seen, strict=True)]
        closer = self._seen(zooms, given_up, again=again)
        if given_up and given_up.is_set():
            return []
        return [second_look.judged(views + zooms, self.rules) for views, zooms in zip(seen, closer, strict=True)]

    def _seen(
        self, views: Sequence[Sequence[View]], given_up: threading.Event | None, *, again: bool
    ) -> list[list[Seen]]:
        """What the network says of the views of each picture; nothing if given up."""
        outputs = iter(self._outputs([view.pixels for each in views for view in each], given_up, again=again))
        # zip takes a view first, so that it does not lose an output to the end of the views
        return [[Seen.of(*each, self.rules) for each in zip(of_one, outputs, strict=False)] for of_one in views]

    def _zooms(self, sight: Sight, seen: Sequence[Seen]) -> list[View]:
        grid = self.record.maps
        view = second_look.zoom(sight.whole, seen, grid) if sight.whole and grid and seen else None
        return [view] if view else []

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
        """The network's scores (N x classes) for N inputs (crop x crop x 3, uint8, RGB), to compare models."""
        import numpy as np  # noqa: PLC0415 -- 0.1 s and 10 MB that serving does without

        return np.array([output.scores for output in self._outputs(inputs)], dtype=np.float32)

    def _outputs(
        self, inputs: Sequence[Picture], given_up: threading.Event | None = None, *, again: bool = False
    ) -> Sequence[Output]:
        size = 3 * self.record.input.crop**2
        for pixels in inputs:
            if len(pixels) != size:
                msg = f"{self.record.input.name} takes {size} bytes of pixels, not {len(pixels)}"
                raise ValueError(msg)
        self._used_at = time.monotonic()
        return self.engine.outputs(inputs, given_up, again=again) if inputs else []


def _labels(folder: Path) -> tuple[str, ...]:
    artifact.check(folder, (artifact.LABELS,))
    return of_model(folder)
