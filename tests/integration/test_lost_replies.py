"""Redis breaks a connection at each command in turn, before it is executed or after: the outcome is always the same.

The client repeats what broke: redis-py by itself, and our own loop where redis-py gives up.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import pprint
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from common import words
from common.channels.channels import Channels, Once
from common.errors import InputLost
from common.languages.speech import say
from common.messages import AcceptUpdate, ClassifyImage, DeleteFiles, SendReply, Words
from common.runtime.leases import confirm_lease
from common.runtime.limits import RuntimeLimits
from common.runtime.loop import Runtime
from common.runtime.worker import Outputs, Worker
from common.settings import Settings
from garbage_collect import GarbageCollectWorker
from tests.support import make, observer
from tests.support.redis_proxy import Command, Fault, RedisProxy
from tests.support.redis_servers import RedisServer
from tests.support.runtimes import SOON

DEADLINE_S = 20.0
PLAYED_AT_ONCE = 8
MOST_ROUNDS = 4
TRIES_OF_REDIS_PY = 4  # once, and three times again: see common/channels/redis_client.py

# Two updates of one chat, and what becomes of each of their pictures.
UPDATES = {
    "1-10": ("was in flight when a worker died", "is deleted by hand", "fails once"),
    "1-11": ("fails always", "misses its input", "is answered"),
}
PICTURES = {f"{update}-{i}": does for update, pictures in UPDATES.items() for i, does in enumerate(pictures)}
BURIED = "1-11-0"
DELETED = "1-10-1"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What has become of it all.

    Attributes:
        answers: What the user has read: job and text.
        deletions: The jobs of the messages to delete files.
        buried: The dead letters' jobs, errors and attempts.
        counts: What was counted.
        left: Keys that hold anything else.
    """

    answers: list[tuple[str, str]]
    deletions: list[str]
    buried: list[tuple[str, str, int]]
    counts: dict[str, int]
    left: set[str]

    def but(self, other: Outcome) -> dict[str, Any]:
        """What is different from another outcome."""
        fields = [field.name for field in dataclasses.fields(self)]
        return {name: getattr(self, name) for name in fields if getattr(self, name) != getattr(other, name)}


EXPECTED = Outcome(
    answers=[(job, say(words.APOLOGY) if job == BURIED else does) for job, does in PICTURES.items()],
    deletions=list(PICTURES),
    buried=[(BURIED, "ValueError", 1)],
    counts={
        "receive handled": 2,
        "classify handled": 5,
        "classify retried": 2,
        "classify buried": 1,
        "classify restarted": 2,
        "reply postponed": 1,
        "reply handled": 6,
    },
    left={"garbage_collect"},
)
# If redis-py gives up while reply checks that it may still send an answer, that answer is postponed, as for any outage,
# and sent later. No other count may differ, and this happens to one answer only: all tries go into its one call.
ONE_MORE_PUT_OFF = dataclasses.replace(EXPECTED, counts=EXPECTED.counts | {"reply postponed": 2})


class Receive(Worker[AcceptUpdate]):
    """Begins a job for each picture of an update."""

    channel = "receive"
    concurrency = 8

    async def handle(self, message: AcceptUpdate) -> Outputs:
        pictures = enumerate(message.update["pictures"])
        return [ClassifyImage(job=make.job(f"{message.job.id}-{i}"), key=does) for i, does in pictures]


class Classify(Worker[ClassifyImage]):
    """Does with each picture what its ``key`` says."""

    channel = "classify"
    concurrency = 4

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.failed: set[str] = set()

    async def handle(self, message: ClassifyImage) -> Outputs:
        if message.key == "misses its input" and message.job.run == 0:
            raise InputLost("gone")
        if message.key == "fails always" or (message.key == "fails once" and message.job.id not in self.failed):
            self.failed.add(message.job.id)
            raise ValueError("no such thing")
        return SendReply(job=message.job, content=Words(text=message.key))


class Reply(Worker[SendReply]):
    """Keeps what a user would read, each after the check that it may still be sent."""

    channel = "reply"
    concurrency = 2

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.sent: list[tuple[str, str]] = []

    async def handle(self, message: SendReply) -> Outputs:
        assert isinstance(message.content, Words)
        await confirm_lease()
        self.sent.append((message.job.id, message.content.text))
        return DeleteFiles(job=message.job, keys=message.files)


class Hanging(Worker[SendReply]):
    """Takes one message, and never finishes it."""

    channel = "reply"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.began = asyncio.Event()

    async def handle(self, message: SendReply) -> Outputs:
        self.began.set()
        await asyncio.Event().wait()
        return None


LIMITS = RuntimeLimits(back_off_s=(0.01,))
RETRIES = dataclasses.replace(SOON, attempts=2)


@pytest.fixture(autouse=True)
def _no_tracebacks() -> Iterator[None]:
    logging.disable()  # hundreds of plays, each with its tracebacks
    yield
    logging.disable(logging.NOTSET)


async def test_the_scenario_without_faults(redis: RedisServer, tmp_path: Path) -> None:
    outcome, commands = await play(redis, tmp_path, None)
    assert outcome == EXPECTED
    steps = {"publish", "take", "hand_off", "postpone", "bury", "restart", "begin_alone", "refresh", "lost_jobs"}
    assert steps <= {named(command) for command in commands}, "there is a command for each step of a message's life"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("times", [1, TRIES_OF_REDIS_PY], ids=["repeated_by_redis-py", "given_up_by_redis-py"])
@pytest.mark.parametrize("executed", [False, True], ids=["a_command_is_lost", "a_reply_is_lost"])
async def test_wherever_a_connection_breaks_the_outcome_is_the_same(
    redis: RedisServer, tmp_path: Path, executed: bool, times: int
) -> None:
    _, commands = await play(redis, tmp_path, None)
    faults = [Fault(number=n, executed=executed, times=times) for n in range(1, len(commands) + 1)]
    slots = asyncio.Semaphore(PLAYED_AT_ONCE)
    async with asyncio.TaskGroup() as group:
        plays = [group.create_task(play(redis, tmp_path / str(fault.number), fault, slots)) for fault in faults]
    allowed = [EXPECTED] if times == 1 else [EXPECTED, ONE_MORE_PUT_OFF]
    assert not wrong(faults, (task.result() for task in plays), allowed)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("executed", [False, True], ids=["a_command_is_lost", "a_reply_is_lost"])
async def test_wherever_a_connection_breaks_at_a_server_that_knows_no_script_yet_the_outcome_is_the_same(
    redis: RedisServer, tmp_path: Path, executed: bool
) -> None:
    _, commands = await play(redis, tmp_path, None, forget_scripts=True)
    last = max(n for n, command in enumerate(commands, 1) if named(command) == "SCRIPT LOAD")
    faults = [Fault(number=n, executed=executed) for n in range(1, last + len(UPDATES) + 1)]
    # One after the other: the scripts belong to the whole server.
    plays = [await play(redis, tmp_path / str(fault.number), fault, forget_scripts=True) for fault in faults]
    assert not wrong(faults, plays, [EXPECTED])


def wrong(faults: list[Fault], plays: Iterable[tuple[Outcome, list[Command]]], allowed: list[Outcome]) -> str:
    """What came out otherwise, by the command at which the connection broke."""
    found = {
        f"{fault.number}, {' '.join(map(named, commands[fault.number - 1 : fault.number]))}": outcome.but(EXPECTED)
        for fault, (outcome, commands) in zip(faults, plays, strict=True)
        if outcome not in allowed
    }
    return pprint.pformat(found) if found else ""


def named(command: Command) -> str:
    """A command's name, or its script's."""
    if command[0] != b"EVALSHA":
        return b" ".join(command[:2]).decode()
    hashes = Channels(Settings()).scripts.hashes
    return {hash_: name for name, hash_ in hashes.items()}[command[1].decode()]


async def play(
    redis: RedisServer,
    folder: Path,
    fault: Fault | None,
    slots: asyncio.Semaphore | None = None,
    *,
    forget_scripts: bool = False,
) -> tuple[Outcome, list[Command]]:
    """Play the scenario, all workers behind a proxy. Returns what came of it, and the commands that they sent."""
    settings = Settings(redis_url=redis.url, namespace=uuid.uuid4().hex, data_dir=folder)
    async with slots or contextlib.nullcontext(), contextlib.AsyncExitStack() as stack:
        # Not in the test's own folder: a unix socket's path must stay under 108 bytes.
        path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="whatsit-"))) / "p.sock"
        proxy = await stack.enter_async_context(RedisProxy(redis.socket, fault).listening(path))
        seen, workers = (
            Channels(dataclasses.replace(settings, redis_url=url)) for url in (redis.url, f"unix://{path}")
        )
        stack.push_async_callback(seen.close)
        stack.push_async_callback(workers.close)
        if forget_scripts:
            await seen.redis.script_flush()
        async with asyncio.timeout(DEADLINE_S):
            answers = await _play(workers, seen, settings)
        return await _outcome(seen, answers), proxy.commands


async def _play(workers: Channels, seen: Channels, settings: Settings) -> list[tuple[str, str]]:
    """Publish the updates, and run one worker after the other until no job lives. Returns what was answered."""
    receive, classify, reply = Receive(settings), Classify(settings), Reply(settings)
    sweeper = GarbageCollectWorker(settings)
    await _publish(workers)
    for round_ in range(MOST_ROUNDS):
        await Runtime(receive, workers, "a", limits=LIMITS, retries=RETRIES, burst=True).run()
        if round_ == 0:
            await _delete(seen, DELETED)
            await seen.scripts.run(seen.consumer("classify", "a").take(1))  # and dies
        await sweeper.sweep(workers, now=0)
        await Runtime(classify, workers, "a", limits=LIMITS, retries=RETRIES, burst=True).run()
        if round_ == 0:
            await _hand_one_back(workers, settings)
        await Runtime(reply, workers, "a", limits=LIMITS, retries=RETRIES, burst=True).run()
        if not await observer.jobs(seen):
            break
    return reply.sent


async def _publish(workers: Channels) -> None:
    """Store the updates as the poller does: all of them again if that broke."""
    updates = [make.update(update, {"pictures": pictures}) for update, pictures in UPDATES.items()]
    while True:
        with contextlib.suppress(RedisError):
            await workers.publish([(update, Once("1:0", update.job.id, 60_000)) for update in updates])
            return


async def _delete(seen: Channels, job: str) -> None:
    """Delete a job's message, as a careless hand would."""
    rows: Any = await seen.redis.xrange(seen.keys.key("classify"))
    (id_,) = [id_ for id_, fields in rows if fields[b"job"].decode() == job]
    await seen.redis.xdel(seen.keys.key("classify"), id_)


async def _hand_one_back(workers: Channels, settings: Settings) -> None:
    """Run a worker until it has begun an answer, and stop it then: it hands the answer back."""
    hanging = Hanging(settings)
    runtime = Runtime(hanging, workers, "b", limits=dataclasses.replace(LIMITS, grace_s=0), retries=RETRIES)
    running = asyncio.create_task(runtime.run())
    await hanging.began.wait()
    runtime.stop()
    await running


async def _outcome(seen: Channels, answers: list[tuple[str, str]]) -> Outcome:
    return Outcome(
        answers=sorted(answers),
        deletions=sorted(message.job.id for message in await observer.on(seen, "garbage_collect")),
        buried=await observer.buried(seen),
        counts=await observer.counts(seen),
        left=await observer.left(seen),
    )
