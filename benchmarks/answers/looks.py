"""A picture's file in, the bot's finding out: what the workers do, without the workers."""

from __future__ import annotations

from pathlib import Path

from classifier.serve.classifier import Classifier
from classifier.serve.engines.openvino import OpenVinoEngine
from classifier.serve.second_look import Sight, is_wanted
from common.messages import Finding
from common.model import labels, whole
from common.model.records import ModelRecord
from common.pictures.child.images import decode_to_pixels, decode_to_whole
from common.pictures.protocol import Whole


class Look:
    """Looks at pictures with one version of a model, a second time where the first says too little.

    Args:
        models_dir: The folder of prepared models.
        record: Which version, with its calibration.

    Attributes:
        record: The same.
        labels: The labels of its classes, by index.
    """

    def __init__(self, models_dir: Path, record: ModelRecord) -> None:
        self.record = record
        folder = models_dir / record.folder
        self.labels = labels.of_model(folder)
        self._classifier = Classifier(record, OpenVinoEngine(folder), self.labels)

    def at(self, content: bytes) -> Finding | None:
        """What the bot finds in a picture's file; None if it refuses the file."""
        spec = self.record.input
        centre = decode_to_pixels(content, spec)
        if not isinstance(centre, bytes):
            return None
        (first,) = self._classifier.find([Sight(centre)])
        picture = decode_to_whole(content, Whole(spec.resize, spec.interpolation)) if is_wanted(first) else None
        if not isinstance(picture, bytes):
            return first
        (second,) = self._classifier.find([Sight(centre, whole.unpack(whole.pack(picture, spec), spec))])
        return second
