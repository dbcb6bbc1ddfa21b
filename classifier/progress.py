"""How far ``prepare`` is, as ``MODELS_DIR/progress.json``, for a page that people look at meanwhile.

    {"pid": 4711, "step": 2, "of": 5, "text": "Downloading the weights", "fraction": 0.37}

It is there while a prepare works. One that was killed leaves it: then nobody has that ``pid`` any more.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

import msgspec

from classifier import artifact

FILE: Final = "progress.json"
LOOKING: Final = "Looking for the weights"
DOWNLOADING: Final = "Downloading the weights"
READING: Final = "Reading the weights"
CONVERTING: Final = "Converting the model"
COMPARING: Final = "Comparing it with the original"
QUANTISING: Final = "Making it faster, in 8 bits"
JUDGING: Final = "Comparing its answers"
_STEPS: Final = (LOOKING, DOWNLOADING, READING, CONVERTING, COMPARING)
_INT8_STEPS: Final = (*_STEPS, QUANTISING, JUDGING)


def tell(models_dir: Path, text: str, fraction: float | None = None) -> None:
    """Say which step is under way, and how much of it is done (0 to 1) where that is known."""
    steps = _STEPS if text in _STEPS else _INT8_STEPS
    told = {"pid": os.getpid(), "step": steps.index(text) + 1, "of": len(steps), "text": text}
    if fraction is not None:
        told["fraction"] = fraction
    with contextlib.suppress(OSError):  # a full disk ends the preparing itself soon enough
        artifact.write(models_dir / FILE, msgspec.json.encode(told))


def clear(models_dir: Path) -> None:
    """Nothing is under way any more."""
    (models_dir / FILE).unlink(missing_ok=True)
