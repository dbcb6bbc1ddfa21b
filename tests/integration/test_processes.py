"""CLASSIFY_PROCESSES, with a real supervisord: how many processes there are, and what they are called."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.programs import processes
from common.programs.check import supervisor
from common.programs.check.result import ok
from common.settings import ROOT, Settings
from tests.support.waiting import wait_until

START_S = 20.0
STOP_S = 60.0  # one program after the other


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The project's supervisord.conf, with a ``python`` that runs nothing and stays."""
    shutil.copy(ROOT / "supervisord.conf", tmp_path)
    shutil.copytree(ROOT / "common", tmp_path / "common")
    (tmp_path / "run" / "logs").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    python.chmod(0o700)
    return tmp_path


def says(root: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "common.programs.processes"]
    env = {"PATH": os.environ["PATH"]} | environ
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def supervisord(root: Path) -> Iterator[Path]:
    sock = root / "run" / "supervisor.sock"
    command = [str(Path(sys.prefix) / "bin" / "supervisord"), "--nodaemon"]
    with subprocess.Popen(command, cwd=root) as process:
        try:
            wait_until(sock.exists, START_S, "supervisord's start")
            yield sock
        finally:
            process.terminate()
            process.wait(STOP_S)


def of_classify(sock: Path) -> list[str]:
    return [found.name for found in supervisor.programs(sock) if found.group == "classify"]


def logs(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "run" / "logs").glob("classify*"))


def test_one_process_is_called_as_its_worker(root: Path) -> None:
    assert says(root).returncode == 0
    with supervisord(root) as sock:
        assert of_classify(sock) == ["classify"]
        wait_until(lambda: logs(root) == ["classify.log"], START_S, "its log")
    assert "No file matches" not in (root / "run" / "logs" / "supervisord.log").read_text()


def test_a_start_without_the_command_runs_one(root: Path) -> None:
    with supervisord(root) as sock:
        assert of_classify(sock) == ["classify"]


def test_several_have_names_and_logs_of_their_own_and_can_be_changed_while_the_bot_runs(root: Path) -> None:
    (root / ".env").write_text("CLASSIFY_PROCESSES=3\n")
    assert says(root).returncode == 0
    with supervisord(root) as sock:
        assert of_classify(sock) == ["classify:classify_1", "classify:classify_2", "classify:classify_3"]
        each_its_own = ["classify_1.log", "classify_2.log", "classify_3.log"]
        wait_until(lambda: logs(root) == each_its_own, START_S, "their logs")
        others = {found.name: found.running_s for found in supervisor.programs(sock) if found.group == "reply"}

        assert says(root, CLASSIFY_PROCESSES="2").returncode == 0
        ctl = [str(Path(sys.prefix) / "bin" / "supervisorctl"), "update"]
        subprocess.run(ctl, cwd=root, check=True, capture_output=True)

        assert of_classify(sock) == ["classify:classify_1", "classify:classify_2"]
        still = {found.name: found.running_s for found in supervisor.programs(sock) if found.group == "reply"}
        assert still["reply"] >= others["reply"], "it was not restarted"


def test_a_wrong_number_gets_one_line(root: Path) -> None:
    done = says(root, CLASSIFY_PROCESSES="0")
    assert done.returncode == 1
    assert done.stderr == "CLASSIFY_PROCESSES='0' must be a whole number from 1 on\n"


def test_check_says_when_supervisor_runs_another_number(root: Path) -> None:
    processes.write(2, root / "run" / "processes.conf")
    with supervisord(root) as sock:
        config = Settings(data_dir=root / "run", classify_processes=2)
        wait_until(
            lambda: {found.state for found in supervisor.programs(sock)} == {"RUNNING"}, START_S, "all programs' start"
        )
        assert supervisor.supervisor(sock, config) == ok("11 running")
        result = supervisor.supervisor(sock, Settings(data_dir=root / "run"))
    assert result.level == "warn"
    assert "CLASSIFY_PROCESSES=1, but Supervisor has 2: `make processes`, then" in result.text
