"""The promises of docs/guarantees.md: the whole bot in real trouble.

The playground runs outside the bot's supervisord, so that chats survive a restart of everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from common import words
from common.channels.channels import Channels
from common.languages.speech import say
from common.messages import CHANNELS
from common.runtime.retries import Retries
from common.settings import PLAYGROUND_TOKEN, Settings
from garbage_collect import GarbageCollectWorker
from playground.json_types import Json
from tests.e2e.cats import CAT, answered, send, sending
from tests.support.bot_api import RunningPlayground, User, running_playground
from tests.support.running_bot import Bot
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(120)

CHAT_BACKLOG = 20
BACKLOG = 60
HOUR_S = 3600
DOWNLOAD_S = 1.0  # long enough for a test to act meanwhile

_chats = itertools.count(3001)


@pytest.fixture(scope="module")
def playground() -> Iterator[RunningPlayground]:
    with running_playground() as playground:
        yield playground


@pytest.fixture(scope="module")
def bot_settings(playground: RunningPlayground) -> dict[str, str]:
    telegram = {"TELEGRAM_API_URL": playground.url, "TELEGRAM_TOKEN": PLAYGROUND_TOKEN}
    return telegram | {"CHAT_BACKLOG": str(CHAT_BACKLOG), "BACKLOG": str(BACKLOG)}


@pytest.fixture
def other(playground: RunningPlayground) -> Iterator[User]:
    with playground.user(next(_chats)) as other:
        yield other


@pytest.fixture
def client(bot: Bot) -> Iterator[redis.Redis]:
    with bot.redis() as client:
        yield client


# What tests look at


def assert_each_is_answered_once(bot: Bot, user: User, sent: list[int], *, swept: bool = False) -> None:
    """Each is answered, and nothing is left. ``swept``: first let the sweeper delete files of a job's former run."""
    wait_until(lambda: len(user.answers()) >= len(sent), 30, f"{len(sent)} answers")
    if swept:
        wait_until(lambda: not live(bot), 20, "the end of all jobs")
        sweep(bot)
    bot.wait_until_idle()
    assert answered(user) == Counter(sent)


def live(bot: Bot) -> set[str]:
    """The jobs that have not ended."""
    with bot.redis() as client:
        return set(client.hkeys("{whatsit}:jobs"))


@contextlib.contextmanager
def until_called(user: User, method: str, times: int) -> Iterator[None]:
    """At the end, wait until the bot has called a method that many times more than before."""
    before = user.calls().get(method, 0)
    yield
    wait_until(lambda: user.calls().get(method, 0) >= before + times, 10, f"{times} calls of {method}")


def number_of(client: redis.Redis, key: str) -> int:
    """How many messages are in a stream."""
    return int(client.xlen(f"{{whatsit}}:{key}"))


def sweep(bot: Bot, now: float | None = None) -> None:
    """Do now what ``garbage_collect`` does each minute."""
    settings = Settings(data_dir=bot.root / "run")

    async def swept() -> None:
        channels = Channels(settings)
        await GarbageCollectWorker(settings).sweep(channels, now or time.time())
        await channels.close()

    asyncio.run(swept())


@contextlib.contextmanager
def all_workers_live_on(bot: Bot, most_lines: int) -> Iterator[Callable[[str], list[str]]]:
    """No worker's process ends meanwhile, and each logs ``most_lines`` lines at most about what goes wrong.

    Gives a function that returns the lines of a worker so far.
    """
    pids = bot.ctl("pid", *CHANNELS)
    said_before = {worker: len(bot.log(worker)) for worker in CHANNELS}

    def said(worker: str) -> list[str]:
        lines = bot.log(worker)[said_before[worker] :].splitlines()
        return [line for line in lines if " answered (" not in line]

    yield said
    assert bot.ctl("pid", *CHANNELS) == pids
    for worker in CHANNELS:
        assert len(said(worker)) <= most_lines, said(worker)


@contextlib.contextmanager
def frozen(bot: Bot, worker: str) -> Iterator[None]:
    """A stopped worker: its messages wait. Keep it under half a minute, or the watchdog kills it."""
    pid = int(bot.ctl("pid", worker))
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


# Redis


def test_when_redis_s_memory_is_full_accepted_jobs_are_answered_and_new_updates_wait_at_telegram(
    bot: Bot, playground: RunningPlayground, client: redis.Redis, user: User, other: User
) -> None:
    user.faults({"method": "file", "do": "delay", "delay_s": DOWNLOAD_S})
    with until_called(user, "file", 4):
        sent = send(user, 6)  # four of them are downloaded, and two wait for a slot of their chat
    wait_until(lambda: not playground.unconfirmed(), 10, "the acceptance of all")
    with all_workers_live_on(bot, most_lines=2):
        client.config_set("maxmemory", 1)
        try:
            later = send(other, 3)
            assert_each_is_answered_once(bot, user, sent)
            assert playground.unconfirmed() == 3
        finally:
            client.config_set("maxmemory", 0)
        assert_each_is_answered_once(bot, other, later)
    assert bot.log("receive").count("used memory > 'maxmemory'") == 1


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[], None]]:
    """Mount an empty file system of that size; gives a function that enlarges it. Skips the test if it cannot mount."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)]
    made = subprocess.run(mount, check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr}")

    def make_room() -> None:
        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)

    try:
        yield make_room
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_when_redis_s_disk_is_full_new_updates_wait_at_telegram_and_all_goes_on_once_there_is_room(
    bot: Bot, playground: RunningPlayground, user: User, other: User
) -> None:
    folder = bot.root / "run" / "redis"
    bot.ctl("stop", "redis")
    try:
        with small_disk(folder, "2m") as make_room:
            bot.ctl("start", "redis")
            sent = send(user, 1)
            assert_each_is_answered_once(bot, user, sent)
            with all_workers_live_on(bot, most_lines=6) as said:
                (folder / "ballast").write_bytes(bytes(shutil.disk_usage(folder).free))
                sent += send(user, 6)  # the first few may still fit into the last page
                wait_until(lambda: f"Redis cannot write to {folder}" in bot.log("redis"), 20, "Redis's end")
                wait_until(lambda: all("Redis does not answer" in str(said(each)) for each in CHANNELS), 20, "a word")
                later = send(other, 3)
                assert playground.unconfirmed() >= len(later)
                make_room()
                assert_each_is_answered_once(bot, user, sent)
                assert_each_is_answered_once(bot, other, later)
            assert bot.log("redis").count("Redis cannot write to") == 1
            bot.ctl("stop", "redis")
    finally:
        bot.ctl("start", "redis")


def test_killed_under_load_redis_is_back_at_once_and_no_answer_is_lost_or_given_twice(
    bot: Bot, client: redis.Redis, user: User, other: User
) -> None:
    user.faults({"method": "sendMessage", "do": "delay", "delay_s": 0.1})
    with all_workers_live_on(bot, most_lines=12):
        sent = send(user, 10), send(other, 10)
        wait_until(lambda: bool(user.answers()), 20, "the first answer")
        os.kill(int(client.info("server")["process_id"]), signal.SIGKILL)
        assert_each_is_answered_once(bot, user, sent[0])
        assert_each_is_answered_once(bot, other, sent[1])


def test_after_a_flushall_the_workers_create_what_they_need_and_go_on(
    bot: Bot, client: redis.Redis, user: User, other: User
) -> None:
    user.faults({"method": "file", "do": "delay", "delay_s": DOWNLOAD_S})
    with all_workers_live_on(bot, most_lines=6) as said, client.pubsub() as watching:  # type: ignore[no-untyped-call]
        watching.subscribe("{whatsit}:classify")
        watching.get_message(timeout=5)  # "subscribed"
        with until_called(user, "file", 2):
            send(user, 2)
        client.flushall()
        wait_until(lambda: "no longer ours" in str(said("receive")), 10, "the end of the downloads")
        user.faults()
        (sent,) = send(other, 1)
        wait_until(lambda: answered(other) == {sent: 1}, 10, "an answer")
        seen = watching.get_message(timeout=5)
        assert seen and f'"message_id":{sent}' in seen["data"]
        assert not user.answers()
    sweep(bot)  # the lost downloads
    bot.wait_until_idle()


# Telegram


def let_pass(bot: Bot, worker: str, seconds: float) -> None:
    """Turn the clock forward for a worker's delayed messages: they are due, and have failed for ``seconds``."""
    delayed, parked = f"{{whatsit}}:{worker}:delayed", f"{{whatsit}}:{worker}:parked"
    with frozen(bot, worker), redis.Redis(unix_socket_path=str(bot.root / "run" / "redis.sock")) as client:
        entries: Any = client.hgetall(parked)
        assert entries
        for id_, packed in entries.items():
            job, body, attempts, since_ms, deaths = msgspec.msgpack.decode(packed)
            since_ms = str(round(int(since_ms) - seconds * 1000))
            client.hset(parked, id_, msgspec.msgpack.encode([job, body, attempts, since_ms, deaths]))
            client.zadd(delayed, {id_: 0})


def put_off(client: redis.Redis, worker: str) -> int:
    return int(client.zcard(f"{{whatsit}}:{worker}:delayed"))


def test_an_answer_survives_an_hour_in_which_telegram_is_down(bot: Bot, client: redis.Redis, user: User) -> None:
    user.faults({"method": "sendMessage", "do": "error", "status": 502})
    with all_workers_live_on(bot, most_lines=12) as said:
        sent = send(user, 2)
        wait_until(lambda: put_off(client, "reply") == 2, 10, "two answers to be put off")
        let_pass(bot, "reply", HOUR_S)
        wait_until(
            lambda: str(said("reply")).count(f"postponed for {Retries().longest_delay_s} s") == 2, 10, "the next try"
        )
        assert not user.answers()
        user.faults()
        let_pass(bot, "reply", 0)
        assert_each_is_answered_once(bot, user, sent)


@pytest.mark.parametrize(
    ("method", "worker", "answers"), [("getFile", "receive", [say(words.APOLOGY)]), ("sendMessage", "reply", [])]
)
def test_after_a_day_in_which_telegram_is_down_a_job_ends_with_an_apology_if_it_can_be_sent(
    bot: Bot, client: redis.Redis, user: User, method: str, worker: str, answers: list[str]
) -> None:
    user.faults({"method": method, "do": "error", "status": 502})
    buried = number_of(client, "dead")
    send(user, 1)
    wait_until(lambda: put_off(client, worker) == 1, 10, "something to be put off")
    let_pass(bot, worker, 24 * HOUR_S + 60)
    wait_until(lambda: number_of(client, "dead") == buried + 1, 10, "a burial")
    bot.wait_until_idle()
    assert [answer["text"] for answer in user.answers()] == answers


def test_nothing_is_sent_before_telegram_allows_it(user: User) -> None:
    user.faults({"method": "sendMessage", "do": "error", "status": 429, "retry_after_s": 2, "times": 1})
    with until_called(user, "sendMessage", 1):
        (sent,) = send(user, 1)
    refused = time.monotonic()
    with until_called(user, "sendMessage", 1):
        wait_until(lambda: answered(user) == {sent: 1}, 10, "the answer")
    assert time.monotonic() - refused > 1.9


@pytest.mark.parametrize("fault", [{"do": "drop_before"}, {"do": "error", "status": 503}])
def test_when_telegram_is_down_for_a_while_no_answer_is_lost_and_no_worker_ends(
    bot: Bot, user: User, other: User, fault: Json
) -> None:
    user.faults({"method": "sendMessage", "do": "delay", "delay_s": 0.1})
    with all_workers_live_on(bot, most_lines=20) as said:
        sent = send(user, 6)
        wait_until(lambda: bool(user.answers()), 10, "the first answer")
        user.faults({"method": "*", **fault})
        later = send(other, 2)
        wait_until(lambda: "Telegram cannot be reached" in str(said("receive")), 30, "the outage")
        user.faults()
        assert_each_is_answered_once(bot, user, sent)
        assert_each_is_answered_once(bot, other, later)


def test_downloads_that_are_incomplete_slow_or_wrongly_announced_are_still_answered(bot: Bot, user: User) -> None:
    user.faults(
        {"method": "file", "do": "cut_body", "keep": 0.0, "times": 1},
        {"method": "file", "do": "cut_body", "keep": 0.99, "times": 2},
        {"method": "file", "do": "drip", "delay_s": 2.0, "times": 1},
        {"method": "file", "do": "error", "status": 500, "times": 1},
        {"method": "getFile", "do": "wrong_size", "extra_bytes": 1000, "times": 1},
        {"method": "getFile", "do": "wrong_size", "extra_bytes": -1000, "times": 1},
        {"method": "getFile", "do": "drop_after", "times": 1},
        {"method": "getFile", "do": "error", "status": 429, "retry_after_s": 1, "times": 1},
    )
    sent = send(user, 6)
    announced = (len(CAT) + 1000, len(CAT) - 1000)
    sent += [user.send_photo_bytes_raw(CAT, announced_bytes=size)["message_id"] for size in announced]
    assert_each_is_answered_once(bot, user, sent, swept=True)


# Files


def test_when_the_disk_for_files_is_full_photos_wait_and_no_partial_file_is_left(
    bot: Bot, client: redis.Redis, user: User
) -> None:
    folder = bot.root / "run" / "files"
    with small_disk(folder, "16k") as make_room, all_workers_live_on(bot, most_lines=12) as said:
        sent = send(user, 3)
        wait_until(lambda: put_off(client, "receive") == 3, 10, "the downloads to be put off")
        assert "No space left on device" in str(said("receive"))
        assert not bot.files()
        make_room()
        assert_each_is_answered_once(bot, user, sent)


def test_a_sweep_keeps_files_that_a_waiting_message_needs_and_deletes_all_others(
    bot: Bot, client: redis.Redis, user: User
) -> None:
    with frozen(bot, "classify"):
        sent = send(user, 3)
        wait_until(lambda: number_of(client, "classify") == 3, 10, "three inputs")
        assert len(bot.files()) == 6, "three inputs, and three downloads for a second look"
        (bot.root / "run" / "files" / "1-77-0.0.input.9-9.part").write_bytes(b"of a worker that was killed")
        inputs = bot.files()
        sweep(bot, time.time() + 2 * HOUR_S)
        assert bot.files() == [name for name in inputs if not name.startswith("1-77-0")]
    assert_each_is_answered_once(bot, user, sent)


def lose(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def damage(path: Path) -> None:
    """The same length, but not a picture."""
    path.write_bytes(path.read_bytes()[::-1])


@pytest.mark.parametrize(("worker", "kind"), [("file_check", ".original"), ("classify", ".input")])
def test_a_file_lost_or_damaged_under_a_waiting_message_starts_its_job_again(
    bot: Bot, client: redis.Redis, user: User, worker: str, kind: str
) -> None:
    with frozen(bot, worker):
        sent = send(user, 3)
        wait_until(lambda: number_of(client, worker) == 3, 10, "three messages")
        needed = [name for name in bot.files() if name.endswith(kind)]
        for harm, name in zip((lose, cut, damage), needed, strict=True):
            harm(bot.root / "run" / "files" / name)
    assert_each_is_answered_once(bot, user, sent, swept=True)


# The backlog


def test_a_flood_is_declined_past_its_limit_and_costs_others_no_time_and_redis_no_memory(
    bot: Bot, client: redis.Redis, user: User, other: User
) -> None:
    client.delete("{whatsit}:counts")
    before = most = int(client.info("memory")["used_memory"])
    user.faults({"method": "sendMessage", "do": "delay", "delay_s": 0.2})
    flood = []
    for _ in range(200):
        flood.append(user.send_photo_bytes_raw(CAT)["message_id"])
        most = max(most, int(client.info("memory")["used_memory"]))
    (sent,) = send(other, 1)
    wait_until(lambda: answered(other) == {sent: 1}, 5, "the other chat's answer")
    answered_until_then = len(user.answers())

    bot.wait_until_idle()
    accepted = answered(user)
    assert answered_until_then < len(accepted)
    assert set(accepted) <= set(flood)
    assert set(accepted.values()) == {1}
    assert len(accepted) + int(str(client.hget("{whatsit}:counts", "receive declined"))) == len(flood)
    (notice,) = [answer["text"] for answer in user.answers() if "cat" not in answer["text"]]
    assert re.search(r"too much at once for me: the waiting pictures will take (less than|about) ", notice)
    assert most - before < 2**20
    assert int(client.info("memory")["used_memory"]) - before < 2**18


# Stopping


def test_restarted_under_load_everything_is_finished_or_handed_back_in_time_and_nothing_is_done_twice(
    bot: Bot, user: User, other: User
) -> None:
    user.faults(
        {"method": "file", "do": "delay", "delay_s": 0.3}, {"method": "sendMessage", "do": "delay", "delay_s": 0.3}
    )
    logs = {program: len(bot.log(program)) for program in ("supervisord", *CHANNELS)}
    sent = send(user, 10)
    wait_until(lambda: bool(user.answers()), 20, "the first answer")
    with sending(other, every_s=1) as also_sent:
        said = bot.ctl("restart", "all")
    assert said.count(": started") >= len(CHANNELS)
    assert_each_is_answered_once(bot, user, sent)
    assert_each_is_answered_once(bot, other, also_sent)
    new = {program: bot.log(program)[length:] for program, length in logs.items()}
    assert "SIGKILL" not in new["supervisord"]
    assert not [worker for worker in CHANNELS if "when a worker died" in new[worker]]
    assert not [worker for worker in CHANNELS if f"{worker} has stopped" not in new[worker]]


def test_after_a_reboot_it_goes_on_where_it_was(bot: Bot, playground: RunningPlayground, user: User) -> None:
    user.faults({"method": "file", "do": "delay", "delay_s": 3 * DOWNLOAD_S})
    with until_called(user, "file", 4):
        sent = send(user, 10)
    assert bot.stop() == 0
    user.faults()
    assert len(user.answers()) < len(sent)
    sent += send(user, 2)
    bot.launch()
    assert_each_is_answered_once(bot, user, sent)
    assert "SIGKILL" not in bot.log("supervisord")
    assert not [worker for worker in CHANNELS if "when a worker died" in bot.log(worker)]
