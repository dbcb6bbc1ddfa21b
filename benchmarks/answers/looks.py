"""A picture's file in, the bot's finding out: the one place that knows how the bot looks at a picture."""

from __future__ import annotations

from pathlib import Path

from classifier.serve.engines.openvino import OpenVinoEngine
from classifier.serve.rules import Rules
from common.messages import Finding
from common.model.records import ModelRecord
from common.pictures.child.images import decode_to_pixels


class Look:
    """Looks at pictures with one version of a model.

    Args:
        models_dir: The folder of prepared models.
        record: Which version, with its calibration.
    """

    def __init__(self, models_dir: Path, record: ModelRecord) -> None:
        self.record = record
        self._engine = OpenVinoEngine(models_dir / record.folder)
        self._rules = Rules(record)

    def at(self, content: bytes) -> Finding | None:
        """What the bot finds in a picture's file; None if it refuses the file."""
        pixels = decode_to_pixels(content, self.record.input)
        if not isinstance(pixels, bytes):
            return None
        return self._rules.finding(self._engine.scores([pixels])[0])
