"""The whole bot for tests: the real supervisord, Redis, six workers and playground, in its own checkout."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import redis

from common.messages import CHANNELS
from common.settings import ROOT
from tests.support.bot_api import User, free_port
from tests.support.waiting import wait_until

START_S = 60.0
STOP_S = 40.0
_SOURCES = (
    "common",
    "classifier",
    "playground",
    "supervisord.conf",
    "requirements",
    "requirements.txt",
    *(f"{worker}.py" for worker in CHANNELS),
)


@dataclasses.dataclass
class Bot:
    """A bot that runs under its own supervisord. ``url`` is where its playground or Bot API listens."""

    root: Path
    url: str
    environ: dict[str, str]
    supervisord: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start supervisord as `make run` does, without waiting for the workers."""
        processes = [self._bin("python"), "-m", "common.programs.processes"]
        subprocess.run(processes, cwd=self.root, env=self.environ, check=True)
        with (self.root / "run" / "supervisord.out").open("ab") as out:
            self.supervisord = subprocess.Popen(
                [self._bin("supervisord"), "--nodaemon"],
                cwd=self.root,
                env=self.environ,
                stdout=out,
                stderr=out,
            )

    def start(self) -> None:
        """Start supervisord, and return when every worker is ready."""
        self.launch()
        try:
            wait_until(self._is_ready, START_S, "the bot's start")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.all_logs()}") from None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start supervisord, and stop it at the end, unless it was stopped before."""
        try:
            self.start()
            yield
        finally:
            if self.supervisord:
                self.stop()

    def stop(self) -> int:
        """Stop supervisord gracefully, and all programs with it. Returns its exit status."""
        assert self.supervisord
        self.supervisord.send_signal(signal.SIGTERM)
        status = self.supervisord.wait(STOP_S)
        self.supervisord = None
        return status

    def ctl(self, *args: str) -> str:
        """The output of ``supervisorctl ARGS``, run in the root without flags."""
        command = [self._bin("supervisorctl"), *args]
        # supervisorctl's exit status depends on the programs, too: a stopped one gives 3.
        done = subprocess.run(command, cwd=self.root, env=self.environ, check=False, capture_output=True, text=True)
        return done.stdout

    def kill(self, worker: str) -> None:
        """SIGKILL a program."""
        os.kill(int(self.ctl("pid", worker)), signal.SIGKILL)

    def log(self, program: str) -> str:
        """A program's log."""
        path = self.root / "run" / "logs" / f"{program}.log"
        return path.read_text() if path.exists() else ""

    def all_logs(self) -> str:
        """The end of every log, for a failure's report."""
        logs = sorted((self.root / "run").rglob("*.log"))
        return "\n".join(f"--- {path.name}\n{path.read_text()[-3000:]}" for path in logs)

    def files(self) -> list[str]:
        """The names in the file store."""
        return sorted(path.name for path in (self.root / "run" / "files").iterdir())

    def redis(self) -> redis.Redis:
        """A client for the bot's own Redis."""
        return redis.Redis(unix_socket_path=str(self.root / "run" / "redis.sock"), decode_responses=True)

    def is_idle(self) -> bool:
        """Whether there are no messages, jobs or files."""
        with self.redis() as client:
            waiting = sum(int(client.xlen(f"{{whatsit}}:{channel}")) for channel in CHANNELS)
            waiting += sum(int(client.zcard(f"{{whatsit}}:{channel}:delayed")) for channel in CHANNELS)
            return not waiting and not client.exists("{whatsit}:jobs", "{whatsit}:jobs:at") and not self.files()

    def wait_until_idle(self) -> None:
        """Return when nothing is left of any job."""
        wait_until(self.is_idle, 20, "the end of all jobs")

    def user(self, chat_id: int) -> User:
        """A user who chats with the bot."""
        return User(self.url, chat_id)

    def _is_ready(self) -> bool:
        assert self.supervisord
        assert self.supervisord.poll() is None, self.all_logs()
        return all(f"{worker} is ready" in self.log(self.processes(worker)[0]) for worker in CHANNELS)

    def processes(self, worker: str) -> list[str]:
        """The names of a worker's processes."""
        count = int(self.environ.get("CLASSIFY_PROCESSES", 1)) if worker == "classify" else 1
        return [worker] if count == 1 else [f"{worker}_{number}" for number in range(1, count + 1)]

    def _bin(self, name: str) -> str:
        return str(self.root / ".venv" / "bin" / name)


@contextlib.contextmanager
def running_bot(models_dir: Path, prefix: str = sys.prefix, **environ: str) -> Iterator[Bot]:
    """A bot with that ``MODELS_DIR``, on a free port, in the virtual environment ``prefix``; it stops at the end."""
    with tempfile.TemporaryDirectory(prefix="whatsit-") as folder:  # short: a socket's path is limited
        root = Path(folder)
        for name in _SOURCES:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, root / name)
        (root / ".venv").symlink_to(prefix)
        (root / "run" / "logs").mkdir(parents=True)
        port = free_port()
        settings = {"MODELS_DIR": str(models_dir), "PLAYGROUND_PORT": str(port), "PATH": os.environ["PATH"]}
        settings["USER_RATE"] = "100000"  # tests send as fast as they can …
        settings["CACHE_MAX"] = "0"  # … the same few pictures, each of which must be classified
        bot = Bot(root, environ.get("TELEGRAM_API_URL", f"http://127.0.0.1:{port}"), settings | environ)
        with bot.running():
            yield bot
