"""What is sampled during a run: whether Redis answers, how often an OK was lost, which process holds which files."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import threading
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from common.messages import CHANNELS
from tests.chaos.faults import LOST_OK
from tests.chaos.ledger import Ledger
from tests.support import processes
from tests.support.bot_api import DIRECT
from tests.support.processes import REDIS_SERVER, Process
from tests.support.running_bot import Bot

LOOK_EVERY_S: Final = 0.1
LOOK_AT_PROCESSES_EVERY: Final = 5  # looks
CHAT_TIMEOUT_S: Final = 20.0

_READY = re.compile(r"^(\S+Z) INFO +\w+ is ready, as ", re.M)
_IN_FLIGHT = re.compile(r"when a worker died: now handled alone")


class Listener:
    """Listens to all chats at once, and notes each answer as it comes."""

    def __init__(self, url: str, ledger: Ledger) -> None:
        self._url = url
        self._ledger = ledger
        self.listening = threading.Event()

    def run(self) -> None:
        """Listen until the playground ends."""
        with (
            contextlib.suppress(httpx.TransportError),
            httpx.Client(base_url=self._url, timeout=CHAT_TIMEOUT_S, **DIRECT) as http,
            http.stream("GET", "/api/events") as events,
        ):
            for line in events.iter_lines():
                if line.startswith("data: "):
                    self._hear(json.loads(line.removeprefix("data: ")))

    def _hear(self, event: dict[str, Any]) -> None:
        self.listening.set()
        message = event.get("message", {})
        if event["event"] == "message" and message.get("from", {}).get("is_bot"):
            asked = message.get("reply_to_message", {}).get("message_id")
            self._ledger.answer(event["chat_id"], asked, message["text"], time.time(), message["message_id"])


@dataclasses.dataclass(frozen=True)
class LostOks:
    """How many answers lost their OK between two looks."""

    start: float
    end: float
    number: int


@dataclasses.dataclass(frozen=True)
class Away:
    """A time in which Redis did not answer, or another server took over."""

    start: float
    end: float


class Watch:
    """Looks again and again until ``stop`` is called.

    Attributes:
        lost_oks: Answers whose OK was lost.
        away: When Redis was away.
        violations: What must never happen: two Redis servers on the same files, two holders of a lock.
        looks: How often the processes were looked at.
    """

    def __init__(self, bot: Bot, playground_url: str) -> None:
        self._bot = bot
        self._url = playground_url
        self._run_id = ""
        self._answered_at = time.time()
        self._lost_oks = 0
        self._looked_at = time.time()
        self._stopping = threading.Event()
        self.lost_oks: list[LostOks] = []
        self.away: list[Away] = []
        self.violations: set[str] = set()
        self.looks = 0

    def stop(self) -> None:
        """Make ``run`` return."""
        self._stopping.set()

    def run(self) -> None:
        """Look until ``stop`` is called, and then once more."""
        socket = str(self._bot.root / "run" / "redis.sock")
        retry = Retry(NoBackoff(), 0)
        with (
            redis.Redis(unix_socket_path=socket, socket_timeout=1, retry=retry, decode_responses=True) as client,
            httpx.Client(base_url=self._url, timeout=CHAT_TIMEOUT_S, **DIRECT) as http,
        ):
            looks, over = 0, False
            while not over:
                over = self._stopping.wait(LOOK_EVERY_S)
                self._look_at_redis(client)
                self._look_at_faults(http)
                if looks % LOOK_AT_PROCESSES_EVERY == 0:
                    self._look_at_processes()
                looks += 1

    def _look_at_redis(self, client: redis.Redis) -> None:
        try:
            client.ping()  # Redis refuses it while it loads its data, but would answer INFO
            run_id = client.info("server")["run_id"]
        except redis.RedisError:
            return
        now = time.time()
        if run_id != self._run_id and self._run_id:
            self.away.append(Away(self._answered_at, now))
        self._run_id, self._answered_at = run_id, now

    def _look_at_faults(self, http: httpx.Client) -> None:
        rules = http.get("/api/faults").raise_for_status().json()["rules"]
        number = sum(
            rule["happened"] for rule in rules if rule["method"] == "sendMessage" and rule["do"] == LOST_OK["do"]
        )
        now = time.time()
        if number > self._lost_oks:
            self.lost_oks.append(LostOks(self._looked_at, now, number - self._lost_oks))
        self._lost_oks, self._looked_at = number, now

    def _look_at_processes(self) -> None:
        self.looks += 1
        # Processes are read one after the other, and a lock may change hands meanwhile: a violation must be seen twice.
        if seen := crowds(self._bot.root):
            self.violations |= seen & crowds(self._bot.root)


def crowds(root: Path) -> set[str]:
    """Locks with several holders, and files of Redis with several writers. A child shares what its parent holds."""
    run = root / "run"
    found = processes.of_checkout(root)
    users: dict[Path, set[Process]] = defaultdict(set)
    for file in processes.open_files(found, run):
        if file.locked:
            users[file.path].add(file.process)
        elif file.process.program == REDIS_SERVER and file.path.is_relative_to(run / "redis"):
            users[run / "redis"].add(file.process)
    crowded = set()
    for path, holders in users.items():
        pids = {holder.pid for holder in holders}
        if sum(holder.parent not in pids for holder in holders) > 1:
            who = sorted(f"{holder.program} ({holder.pid})" for holder in holders)
            crowded.add(f"{path.relative_to(run)} is held by {' and '.join(who)}")
    return crowded


def ready_times(bot: Bot) -> dict[str, list[float]]:
    """When each worker logged that it is ready."""
    return {
        worker: sorted(datetime.fromisoformat(at).timestamp() for at in _READY.findall(_log(bot, worker)))
        for worker in CHANNELS
    }


def in_flight_at_death(bot: Bot) -> int:
    """How many messages were in flight when their worker died, by the logs: each is in quarantine then."""
    return sum(len(_IN_FLIGHT.findall(_log(bot, worker))) for worker in CHANNELS)


def _log(bot: Bot, worker: str) -> str:
    paths = (bot.root / "run" / "logs").glob(f"{worker}.log*")
    return "".join(path.read_text(errors="replace") for path in paths)
