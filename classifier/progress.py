"""Writes how far ``prepare`` is: ``common/model/progress.py`` describes the file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from classifier import artifact
from common.model.progress import PROGRESS, Progress

Say = Callable[[str], None]
"""Takes one line for the terminal."""

LOOKING: Final = "Looking for the weights"
DOWNLOADING: Final = "Downloading the weights"
READING: Final = "Reading the weights"
CONVERTING: Final = "Converting the model"
COMPARING: Final = "Comparing it with the original"
QUANTISING: Final = "Making it faster, in 8 bits"
JUDGING: Final = "Comparing its answers"
MEASURING: Final = "Measuring how sure it may be"
_STEPS: Final = (LOOKING, DOWNLOADING, READING, CONVERTING, COMPARING)
_INT8_STEPS: Final = (*_STEPS, QUANTISING, JUDGING)
_ALL_STEPS: Final = (*_INT8_STEPS, MEASURING)


def report(models_dir: Path, text: str, fraction: float | None = None) -> None:
    """Write which step is running, and how much of it is done (0 to 1) if that is known."""
    steps = next(steps for steps in (_STEPS, _INT8_STEPS, _ALL_STEPS) if text in steps)
    now = Progress(pid=os.getpid(), step=steps.index(text) + 1, of=len(steps), text=text, fraction=fraction)
    with contextlib.suppress(OSError):  # a full disk ends the preparation itself soon
        artifact.write(models_dir / PROGRESS, msgspec.json.encode(now))


def clear(models_dir: Path) -> None:
    """Remove the file: no preparation is running."""
    (models_dir / PROGRESS).unlink(missing_ok=True)
