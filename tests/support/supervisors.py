"""A real supervisord with chosen programs, and a checkout for them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from common.programs.check import supervisor
from common.settings import ROOT
from tests.support.bot_api import free_port
from tests.support.model_in_use import put_whole_model_in_use
from tests.support.waiting import wait_until

START_S: Final = 15.0
STOP_S: Final = 15.0


@contextlib.contextmanager
def supervisord(root: Path, conf: str, **environ: str) -> Iterator[Path]:
    """A real supervisord with those programs; its socket."""
    (root / "run" / "logs").mkdir(parents=True, exist_ok=True)
    head = (ROOT / "supervisord.conf").read_text().partition("\n[program:")[0]
    (root / "supervisord.conf").write_text(f"{head}\n{conf}")
    command = [str(Path(sys.prefix) / "bin" / "supervisord"), "--nodaemon"]
    sock = root / "run" / "supervisor.sock"
    with subprocess.Popen(command, cwd=root, env={"PATH": os.environ["PATH"]} | environ) as process:
        try:
            wait_until(sock.exists, START_S, "supervisord's start")
            yield sock
        finally:
            process.terminate()
            process.wait(STOP_S)


def program(name: str, command: str, **options: str) -> str:
    """The section of a program in ``supervisord.conf``."""
    values = {"command": command, "startsecs": "0", "autorestart": "false", "redirect_stderr": "true"} | options
    return "\n".join([f"[program:{name}]", *(f"{key}={value}" for key, value in values.items()), ""])


def states(sock: Path) -> dict[str, str]:
    """The state of each program, by its name."""
    return {found.name: found.state for found in supervisor.programs(sock)}


def checkout(root: Path) -> dict[str, str]:
    """Make ``root`` a checkout with a prepared model; the environment for its commands."""
    for path in (ROOT / "common", ROOT / "playground", *ROOT.glob("requirements*")):
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, root / path.name)
    (root / ".venv").symlink_to(sys.prefix)
    put_whole_model_in_use(root / "models")
    return {"PATH": os.environ["PATH"], "PLAYGROUND_PORT": str(free_port())}
