"""The whole bot where only the serving packages are installed, with a model from elsewhere."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support import photos, small_venv, web_server
from tests.support.models_fixtures import Int8, copy_models
from tests.support.running_bot import running_bot

pytestmark = pytest.mark.timeout(180)


def test_without_torch_the_bot_answers_photos_and_links_by_its_int8_model(int8: Int8, tmp_path: Path) -> None:
    models_dir = copy_models(int8.models_dir, tmp_path / "models")
    python = small_venv.make(tmp_path / "venv")
    pages = {"/coffee.jpg": web_server.content(photos.jpeg("coffee"), "image/jpeg")}
    settings = {"PRECISION": "int8", "FETCH_ALLOW_NETWORKS": "127.0.0.0/8"}
    with (
        running_bot(models_dir, str(python.parent.parent), **settings) as bot,
        web_server.serving(pages) as web,
        bot.user(7) as user,
    ):
        user.send_photo(photos.jpeg("chelsea"))
        user.send_text(web.url("/coffee.jpg"))
        texts = " ".join(answer["text"] for answer in user.wait_for_answers(2))
        states = bot.ctl("status")
        check = subprocess.run(
            [bot.root / ".venv/bin/python", "-m", "common.programs.check"],
            cwd=bot.root,
            env=bot.environ,
            check=False,
            capture_output=True,
            text=True,
        )
        loaded = bot.log("classify")

    assert "cat" in texts
    assert "espresso" in texts
    assert "FATAL" not in states
    assert "BACKOFF" not in states
    assert (check.returncode, check.stderr) == (0, "")
    assert "packages as requirements/serve.txt has them" in check.stdout
    assert "prepared in int8, run by OpenVINO" in loaded
