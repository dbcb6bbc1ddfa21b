"""From 0.4.0 to the version in this folder, under load and as an operator does it: nothing is lost or answered twice.

Until the restart, workers of 0.4.0 go on, and start decoders of the new version. The playground runs outside of
them, so that chats outlive the upgrade.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.messages import CHANNELS
from common.settings import PLAYGROUND_TOKEN, ROOT
from tests.e2e.cats import answered, sending
from tests.support.bot_api import RunningPlayground, User, free_port, running_playground
from tests.support.processes import DECODER, of_checkout
from tests.support.running_bot import START_S, Bot
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)

FORMER = "20a989328e59b4ded5594dc7ebd8a3d38adefa42"  # 0.4.0
DOCUMENTED = "supervisorctl reread && supervisorctl update && supervisorctl restart all"
PAUSE_S = 0.4  # between two photos of the load
LATER = 3  # how many photos must be answered after each step before the next one


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout


def former_version() -> bytes:
    """Its files, as a tar archive; skips the test if this folder's history does not go back so far."""
    try:
        return git("archive", FORMER)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"no commit {FORMER[:7]} here: this is a shallow clone, or not a clone at all")


def switch(root: Path) -> None:
    """Do what ``git pull`` does: each file is replaced, and those that have moved away are deleted."""
    former = git("ls-tree", "-rz", "--name-only", FORMER).decode().split("\0")
    present = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").decode().split("\0")
    for name in filter(None, former):
        (root / name).unlink()
    for name in filter(None, present):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes((ROOT / name).read_bytes())


@pytest.fixture
def playground() -> Iterator[RunningPlayground]:
    with running_playground() as playground:
        yield playground


@pytest.fixture
def bot(playground: RunningPlayground) -> Iterator[Bot]:
    """The former version, in its own folder, with a model that it prepared."""
    archive = former_version()
    with tempfile.TemporaryDirectory(prefix="whatsit-") as folder:  # short: a socket's path is limited
        root = Path(folder)
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(root, filter="data")
        (root / ".venv").symlink_to(sys.prefix)
        (root / "run" / "logs").mkdir(parents=True)
        environ = {
            "MODELS_DIR": str(root / "models"),
            "MODEL": "efficientnet_lite2",
            "PLAYGROUND_PORT": str(free_port()),
            "PATH": f"{root}/.venv/bin:{os.environ['PATH']}",
            "TELEGRAM_API_URL": playground.url,
            "TELEGRAM_TOKEN": PLAYGROUND_TOKEN,
            "USER_RATE": "100000",
            "CACHE_MAX": "0",
        }
        prepare(root, environ)
        bot = Bot(root, playground.url, environ)
        with bot.running():
            yield bot


def prepare(root: Path, environ: dict[str, str]) -> None:
    """Do what ``make model`` does where all packages are installed."""
    command = [sys.executable, "-m", "classifier.prepare"]
    subprocess.run(command, cwd=root, env=os.environ | environ, check=True, capture_output=True)


def wait_for_more(user: User, sent: list[int]) -> None:
    """Return when ``LATER`` more photos were sent and answered."""
    until = len(sent) + LATER
    wait_until(lambda: len(sent) >= until and answered(user).keys() >= set(sent[:until]), 30, "more answers")


def decoders(bot: Bot) -> set[int]:
    return {process.pid for process in of_checkout(bot.root) if process.program == DECODER}


def kill_the_decoders(bot: Bot) -> None:
    """SIGKILL all that ``file_check`` has, and wait until it has started another one."""
    before = decoders(bot)
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: bool(decoders(bot) - before), 20, "a new decoder")


def states(bot: Bot) -> dict[str, str]:
    """Each program's state, as ``supervisorctl`` shows it."""
    return {line.split()[0]: line.split()[1] for line in bot.ctl("status").splitlines()}


def restarted(bot: Bot, command: str) -> None:
    """Run a command line as an operator types it, and wait until the whole bot runs again."""
    ready = {worker: bot.log(worker).count("is ready") for worker in CHANNELS}
    checked = bot.log("check").count(" Supervisor ")
    done = subprocess.run(["sh", "-c", command], cwd=bot.root, env=bot.environ, check=False, capture_output=True)
    assert done.returncode == 0, done.stdout
    wait_until(
        lambda: all(bot.log(worker).count("is ready") > ready[worker] for worker in CHANNELS), START_S, "all workers"
    )
    wait_until(lambda: bot.log("check").count(" Supervisor ") > checked, START_S, "what the check says at the start")
    expected = dict.fromkeys(("redis", "watchdog", *CHANNELS), "RUNNING") | {"playground": "EXITED", "check": "EXITED"}
    wait_until(lambda: states(bot) == expected, 10, "all programs as they should be")


def test_an_upgrade_under_load_loses_nothing_by_a_restart_alone_or_as_documented(bot: Bot) -> None:
    with bot.user(3001) as user:
        with sending(user, every_s=PAUSE_S) as sent:
            wait_for_more(user, sent)
            switch(bot.root)
            kill_the_decoders(bot)
            wait_for_more(user, sent)
            prepare(bot.root, bot.environ)
            wait_for_more(user, sent)
            restarted(bot, "supervisorctl restart all")
            wait_for_more(user, sent)
            restarted(bot, DOCUMENTED)
            wait_for_more(user, sent)
        wait_until(lambda: len(user.answers()) >= len(sent), 30, f"{len(sent)} answers")
        bot.wait_until_idle()
        assert answered(user) == Counter(sent)
    assert "SIGKILL" not in bot.log("supervisord")


def test_the_docs_name_the_upgrade_s_command_line_as_it_is_tested() -> None:
    assert DOCUMENTED in (ROOT / "docs" / "operations.md").read_text()
