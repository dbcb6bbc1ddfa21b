"""Whether the bot has its model yet, and how far its preparation is.

If ``MODELS_DIR/in_use.json`` exists, there is a model. Until then ``MODELS_DIR/progress.json`` says how far the
preparation is: ``common/model/progress.py``. It is written under another name and renamed, so a reader finds it whole.
A file that a dead process left behind does not count.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec

from common.model import records
from common.model.progress import PROGRESS, Progress
from playground.json_types import Json
from playground.state import Playground


async def watch(playground: Playground, models_dir: Path, look_again_s: float = 0.5) -> None:
    """Report the progress of the model to the playground, until there is a model. Each look reads two small files."""
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
