"""Whether the bot has its model yet, and how far its preparation is.

``MODELS_DIR/in_use.json`` says that there is one. Until then ``MODELS_DIR/progress.json`` tells how far
``python -m classifier.prepare`` has come:

    {"pid": 4711, "step": 2, "of": 5, "text": "Downloading the weights", "fraction": 0.37}

It is written under another name and renamed, so that a reader finds it whole. ``fraction`` (0 to 1, of this
step) is left out where nobody knows. What a process left behind that is no longer there does not count.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec

from common.model import records
from playground.json_types import Json
from playground.state import Playground

PROGRESS = "progress.json"


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the preparation is.

    Attributes:
        pid: The process that prepares.
        step: The step under way, from 1.
        of: How many steps there are.
        text: What it does, for people.
        fraction: How much of the step is done, 0 to 1; None if nobody knows.
    """

    pid: int
    step: int
    of: int
    text: str
    fraction: float | None = None


async def watch(playground: Playground, models_dir: Path, look_again_s: float = 0.5) -> None:
    """Tell the playground how far the model is, until there is one. Each look reads two small files."""
    while True:
        preparing = look(models_dir)
        if preparing != playground.preparing:
            playground.preparing = preparing
            playground.tell_bot_state()
        if preparing is None:
            return
        await asyncio.sleep(look_again_s)


def look(models_dir: Path) -> Json | None:
    """None if there is a model; else the progress, in words for people, or {} if no model is being prepared."""
    if records.in_use(models_dir) is not None:
        return None
    try:
        progress = msgspec.json.decode((models_dir / PROGRESS).read_bytes(), type=Progress)
    except (OSError, msgspec.DecodeError):
        return {}
    if not _is_alive(progress.pid):
        return {}
    shown: Json = {"step": progress.step, "of": progress.of, "text": progress.text.replace("'", "’")}
    return shown | ({} if progress.fraction is None else {"fraction": progress.fraction})


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # another user's
    except (OSError, OverflowError):
        return False
    return pid > 0
