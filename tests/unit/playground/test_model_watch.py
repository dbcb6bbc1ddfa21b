"""What the page shows while the model is prepared."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from common.model.progress import PROGRESS
from playground import model_watch
from playground.model_watch import look
from playground.state import Playground
from tests.support import model_in_use

GONE = 2**22 + 1
"""No process on Linux can have this id."""


def write_progress(models_dir: Path, **fields: object) -> None:
    progress = {"pid": os.getpid(), "step": 2, "of": 5, "text": "converting", **fields}
    (models_dir / PROGRESS).write_text(json.dumps(progress))


def test_without_a_model_the_page_learns_how_far_its_preparation_is(tmp_path: Path) -> None:
    assert look(tmp_path) == {}
    write_progress(tmp_path)
    assert look(tmp_path) == {"step": 2, "of": 5, "text": "converting"}
    write_progress(tmp_path, fraction=0.5, text="downloading Inception V3's weights")
    assert look(tmp_path) == {"step": 2, "of": 5, "text": "downloading Inception V3’s weights", "fraction": 0.5}


@pytest.mark.parametrize("pid", [GONE, 0, -1])
def test_what_a_dead_process_left_behind_does_not_count(tmp_path: Path, pid: int) -> None:
    write_progress(tmp_path, pid=pid)
    assert look(tmp_path) == {}


def test_a_broken_file_does_not_count(tmp_path: Path) -> None:
    (tmp_path / PROGRESS).write_text("{")
    assert look(tmp_path) == {}


def test_a_model_in_use_ends_the_preparation(tmp_path: Path) -> None:
    write_progress(tmp_path)
    model_in_use.put_in_use(tmp_path)
    assert look(tmp_path) is None


async def test_a_bot_without_a_model_is_preparing_until_there_is_one(tmp_path: Path) -> None:
    playground = Playground(1)
    watching = asyncio.create_task(model_watch.watch(playground, tmp_path, look_again_s=0.01))
    await asyncio.sleep(0)
    assert playground.bot_state == "starting"
    await playground.updates.poll(offset=0, limit=1, timeout_s=0, allowed=None)
    assert playground.bot_status == {"state": "preparing", "progress": {}}
    model_in_use.put_in_use(tmp_path)
    await asyncio.wait_for(watching, 5)
    assert playground.bot_state == "online"
