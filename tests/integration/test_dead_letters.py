"""``make dead`` on real messages, buried by real workers: what it shows, and what a retry does."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import fcntl
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest

from common import words
from common.channels.channels import Channels
from common.channels.redis_client import RedisLimits
from common.channels.revival import beginning
from common.errors import InputLost
from common.languages.speech import say
from common.messages import AcceptUpdate, ClassifyImage, DeleteFiles, SendReply, Words, encode
from common.programs.dead_letters import command as dead_letters
from common.programs.dead_letters.listing import ago
from common.runtime.loop import Runtime
from common.runtime.retries import Retries
from common.runtime.worker import Outputs, Worker
from common.settings import ROOT, Settings
from tests.support import make, observer
from tests.support.redis_proxy import Fault, RedisProxy
from tests.support.redis_servers import BINARIES, RedisServer, running_redis
from tests.support.victims import Tiny, lived

JOB = "1-10-0"
TRIES_OF_REDIS_PY = 4  # once, and three times again: see common/channels/redis_client.py
TOKEN = "123456789:AAExampleExampleExampleExample_-xyz"


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


Command: TypeAlias = Callable[..., Coroutine[Any, Any, Done]]
Load: TypeAlias = Callable[[Settings], None]


@pytest.fixture
def load(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Sets the command's settings. The command changes the log's handlers: they are restored."""

    def load(config: Settings) -> None:
        monkeypatch.setattr("common.settings.load", lambda: config)

    load(settings)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield load
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def command(load: object, capsys: pytest.CaptureFixture[str]) -> Command:
    async def command(*arguments: str, redis_limits: RedisLimits | None = None) -> Done:
        capsys.readouterr()
        status = await asyncio.to_thread(dead_letters.main, arguments, redis_limits)
        return Done(status, *capsys.readouterr())

    return command


class Receive(Worker[AcceptUpdate]):
    """Begins a job for each of an update's pictures; or fails with the given error."""

    channel = "receive"

    def __init__(self, settings: Settings, error: Exception | None = None) -> None:
        super().__init__(settings)
        self.error = error

    async def handle(self, message: AcceptUpdate) -> Outputs:
        if self.error:
            raise self.error
        return [make.classify(f"{message.job.id}-{i}") for i in range(message.update["pictures"])]


class Classify(Worker[ClassifyImage]):
    """Answers, or fails with the given error; and remembers which run of which job it had."""

    channel = "classify"

    def __init__(self, settings: Settings, error: Exception | None = None) -> None:
        super().__init__(settings)
        self.error = error
        self.runs: list[tuple[str, int]] = []

    async def handle(self, message: ClassifyImage) -> Outputs:
        self.runs.append((message.job.id, message.job.run))
        if self.error:
            raise self.error
        return SendReply(job=message.job, content=Words(text="a cat"))


class Reply(Worker[SendReply]):
    """Keeps what a user would read; or fails with the given error."""

    channel = "reply"

    def __init__(self, settings: Settings, error: Exception | None = None) -> None:
        super().__init__(settings)
        self.error = error
        self.sent: list[tuple[str, str]] = []

    async def handle(self, message: SendReply) -> Outputs:
        if self.error:
            raise self.error
        assert isinstance(message.content, Words)
        self.sent.append((message.job.id, message.content.text))
        return None


class Delete(Worker[DeleteFiles]):
    """Cannot delete anything."""

    channel = "garbage_collect"

    async def handle(self, message: DeleteFiles) -> Outputs:
        raise ValueError("no such key")


async def work_off(worker: Worker[Any], channels: Channels) -> None:
    await Runtime(worker, channels, "w", retries=Retries(attempts=1), burst=True).run()


async def bury(channels: Channels, settings: Settings, *ids: str, error: Exception | None = None) -> list[str]:
    """Make jobs fail, and their users get an apology. Gives their dead letters' ids, the oldest first."""
    await observer.publish(channels, *(make.classify(id_) for id_ in ids or (JOB,)))
    return await fail_all(channels, settings, error)


async def fail_all(channels: Channels, settings: Settings, error: Exception | None = None) -> list[str]:
    """Make all waiting pictures fail. Gives the new dead letters' ids."""
    before = await letters(channels)
    await work_off(Classify(settings, error or ValueError("no such thing")), channels)
    await work_off(Reply(settings), channels)
    assert not await observer.jobs(channels)
    return [id_ for id_ in await letters(channels) if id_ not in before]


async def bury_by_hand(channels: Channels, *, at_s: Any = None, **fields: Any) -> str:
    id_ = "*" if at_s is None else f"{at_s * 1000}-0"
    redis: Any = channels.redis
    return str((await redis.xadd(channels.keys.key("dead"), fields, id=id_)).decode())


async def letters(channels: Channels) -> list[str]:
    rows: Any = await channels.redis.xrange(channels.keys.key("dead"))
    return [id_.decode() for id_, _ in rows]


async def test_a_job_that_an_operator_started_again_may_lose_its_input_once_more(
    channels: Channels, settings: Settings, command: Command
) -> None:
    await observer.publish(channels, make.classify(JOB))
    await work_off(Classify(settings, InputLost("gone")), channels)  # starts again, and ends with the apology
    await work_off(Reply(settings, ValueError("no such chat")), channels)
    (id_,) = await letters(channels)
    assert (await command("retry", id_))[0] == 0

    losing = Classify(settings, InputLost("gone"))
    await work_off(losing, channels)

    assert losing.runs == [(JOB, 2), (JOB, 3)]


# Looking


async def test_without_dead_letters_it_says_so(channels: Channels, command: Command) -> None:
    assert await command("list") == (0, "No dead letters.\n", "")
    assert await command("retry", "--all") == (0, "No dead letters.\n", "")


async def test_the_list_has_a_line_for_each_the_newest_first_in_columns(
    channels: Channels, settings: Settings, command: Command
) -> None:
    two_hours_ago = int(time.time()) - 2 * 3600 - 60
    error = "Outage: " + "long " * 100 + "indeed"
    old = await bury_by_hand(channels, at_s=two_hours_ago, channel="reply", job="1-3-0", attempts="4", error=error)
    first, second = await bury(channels, settings, "1-1-0", "1-22222-0")

    status, out, _ = await command("list")

    head, *rows, empty, foot = out.splitlines()
    assert (status, empty) == (0, "")
    assert "for 7 days" in foot
    starts = [head.index(name) for name in ("ID", "BURIED", "CHANNEL", "JOB", "ATTEMPTS", "ERROR")]
    cells = [[row[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)] for row in rows]
    assert [[id_, *others] for id_, _, *others in cells] == [
        [second, "classify", "1-22222-0", "1", "ValueError: no such thing"],
        [first, "classify", "1-1-0", "1", "ValueError: no such thing"],
        [old, "reply", "1-3-0", "5", error],
    ]
    assert cells[2][1] == time.strftime("%Y-%m-%d %H:%M:%S (2 h ago)", time.localtime(two_hours_ago))


async def test_more_than_are_read_at_once_are_all_listed_in_order(channels: Channels, command: Command) -> None:
    ids = [await bury_by_hand(channels, error=str(i)) for i in range(201)]
    rows = (await command("list")).out.splitlines()[1:-2]
    assert [row.split()[0] for row in rows] == ids[::-1]


@pytest.mark.parametrize(
    ("seconds", "said"), [(-3, "0 s"), (59.9, "59 s"), (61, "1 min"), (7199, "1 h"), (2 * 86400 + 1, "2 d")]
)
def test_how_long_ago_it_was_is_said_in_one_unit(seconds: float, said: str) -> None:
    assert ago(seconds) == f"{said} ago"


async def test_one_is_shown_with_its_fields_its_messages_its_traceback_and_what_a_retry_would_do(
    channels: Channels, settings: Settings, command: Command
) -> None:
    await observer.publish(channels, make.update("1-10", {"pictures": 1}))
    await work_off(Receive(settings), channels)
    (id_,) = await fail_all(channels, settings)

    status, out, _ = await command("show", id_)

    assert status == 0
    assert re.search(r"^buried    \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \(\d+ s ago\)$", out, re.MULTILINE)
    for line in (
        f"id        {id_}",
        "channel   classify",
        "job       1-10-0",
        "chat      7",
        "attempts  1",
        "error     ValueError: no such thing",
        '  "type": "ClassifyImage",',
        '    "id": "1-10-0",',
    ):
        assert line in out.splitlines()
    assert "retry     starts the job again from its first message (ClassifyImage, on classify)" in out
    assert '\n--- message\n{\n  "type": "ClassifyImage",\n' in out
    assert "\n--- first message of the job\nthe same\n" in out
    assert "\n--- traceback\nTraceback (most recent call last):\n" in out
    assert ", in handle\n" in out


async def test_a_first_message_that_is_another_is_shown_too(
    channels: Channels, settings: Settings, command: Command
) -> None:
    await observer.publish(channels, make.classify())
    await work_off(Classify(settings), channels)
    await work_off(Reply(settings, ValueError("no such thing")), channels)
    out = (await command("show", *await letters(channels))).out
    assert '\n--- message\n{\n  "type": "SendReply",\n' in out
    assert '\n--- first message of the job\n{\n  "type": "ClassifyImage",\n' in out


async def test_an_id_may_be_cut_short_as_long_as_one_alone_begins_so(channels: Channels, command: Command) -> None:
    for id_ in ("100-1", "100-12", "200-0"):
        await channels.redis.xadd(channels.keys.key("dead"), {"error": "e"}, id=id_)
    assert "id        200-0\n" in (await command("show", "2")).out
    assert "id        100-1\n" in (await command("show", "100-1")).out
    ambiguous = "2 dead letters have an ID that begins with '100': write more of it\n"
    assert await command("show", "100") == (1, "", ambiguous)
    for unknown in ("3", "", "100-1 "):
        expected = (1, "", f"there is no dead letter {unknown!r} now\n")
        assert await command("show", unknown) == expected
        assert await command("retry", unknown) == expected


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":"\xff"}', b"[" * 100_000, b"1" * 5000])
async def test_a_body_that_is_not_json_is_shown_as_it_is(channels: Channels, command: Command, body: bytes) -> None:
    id_ = await bury_by_hand(channels, body=body)
    assert f"--- message\n{body!r}\n" in (await command("show", id_)).out


HOSTILE = "\x1b]0;owned\x07\r\x1b[2J\x9b31m\u202e\u2028\ud83d".encode("utf-8", "replace").decode()


async def test_nothing_that_others_wrote_reaches_the_terminal_raw(channels: Channels, command: Command) -> None:
    names = ("channel", "job", "chat", "error", "traceback", "body", "origin")
    id_ = await bury_by_hand(channels, **dict.fromkeys(names, HOSTILE))
    await bury_by_hand(channels, error="a\nb\tc", body=b'{"text":"\\u001b[2J\\u009b1m\xc2\x85\\ud83d"}')
    for arguments in (("list",), ("show", id_), ("show", (await letters(channels))[1]), ("retry", "--all")):
        out = (await command(*arguments)).out
        assert all(line.isprintable() for line in out.split("\n")), arguments
    listed = (await command("list")).out
    assert r"\x1b]0;owned\x07\r\x1b[2J\x9b31m\u202e\u2028" in listed
    assert r"a\nb\tc" in listed
    assert (await command("show", HOSTILE)).err.isascii()


async def test_the_token_is_hidden_wherever_it_stands(
    channels: Channels, settings: Settings, command: Command, load: Load
) -> None:
    load(dataclasses.replace(settings, telegram_token=TOKEN))
    error = ConnectionError(f"https://api.telegram.org/bot{TOKEN}/getMe")
    await bury(channels, settings, error=error)
    await bury_by_hand(channels, body=f'{{"url":"{TOKEN}"}}', origin=TOKEN, job=TOKEN)
    by_worker, by_hand = await letters(channels)
    for arguments, times in ((("list",), 2), (("show", by_worker), 2), (("show", by_hand), 3)):
        out = (await command(*arguments)).out
        assert out.count("***") == times
        assert "AAExample" not in out


# Starting again


async def test_a_retry_starts_the_job_again_from_its_first_message_and_its_user_gets_an_answer(
    channels: Channels, settings: Settings, command: Command
) -> None:
    (id_,) = await bury(channels, settings)

    assert await command("retry", id_) == (0, f"{id_}  job={JOB} is started again\n", "")

    assert await observer.jobs(channels) == {JOB}
    assert await channels.ledger.lost([JOB]) == []
    classify, reply = Classify(settings), Reply(settings)
    await work_off(classify, channels)
    await work_off(reply, channels)
    assert classify.runs == [(JOB, 1)], "another run, so that no file is taken for one of the former"
    assert reply.sent == [(JOB, "a cat")]
    assert await letters(channels) == []
    assert await observer.left(channels) == set()


async def test_a_job_that_fails_again_is_buried_again_and_can_start_as_yet_another_run(
    channels: Channels, settings: Settings, command: Command
) -> None:
    (first,) = await bury(channels, settings)
    await command("retry", first)
    (second,) = await fail_all(channels, settings)
    assert await letters(channels) == [second]
    await command("retry", second)
    classify = Classify(settings)
    await work_off(classify, channels)
    assert classify.runs == [(JOB, 2)]


async def test_a_job_with_several_letters_starts_as_another_run_than_any_of_them(
    channels: Channels, settings: Settings, command: Command
) -> None:
    for run in (0, 3, 1):
        origin = encode(ClassifyImage(job=make.job(run=run), key="k"))
        await bury_by_hand(channels, channel="classify", job=JOB, chat="7", origin=origin)
    assert (await command("retry", (await letters(channels))[0])).status == 0
    classify = Classify(settings)
    await work_off(classify, channels)
    assert classify.runs == [(JOB, 4)]


async def test_while_the_apology_waits_a_retry_is_refused_and_afterwards_it_is_not(
    channels: Channels, settings: Settings, command: Command
) -> None:
    await observer.publish(channels, make.classify())
    await work_off(Classify(settings, ValueError("no such thing")), channels)
    (id_,) = await letters(channels)

    done = await command("retry", id_)
    assert (done.status, done.err) == (1, "")
    assert done.out.startswith(f"{id_}  left as it is: its job is still under way: its apology has not been sent yet")
    assert "retry     not possible now: its job is still under way" in (await command("show", id_)).out
    assert await letters(channels) == [id_]
    assert len(await observer.on(channels, "reply")) == 1

    reply = Reply(settings)
    await work_off(reply, channels)
    assert (await command("retry", id_)).status == 0
    await work_off(Classify(settings), channels)
    await work_off(reply, channels)
    assert reply.sent == [(JOB, say(words.APOLOGY)), (JOB, "a cat")]
    assert await observer.left(channels) == set()


async def test_a_second_retry_finds_no_such_dead_letter_and_the_job_is_there_once(
    channels: Channels, settings: Settings, command: Command
) -> None:
    (id_,) = await bury(channels, settings)
    assert (await command("retry", id_)).status == 0
    assert await command("retry", id_) == (1, "", f"there is no dead letter {id_!r} now\n")
    assert len(await observer.on(channels, "classify")) == 1


async def test_two_who_retry_the_same_at_once_start_it_once(channels: Channels, settings: Settings) -> None:
    await bury(channels, settings)
    await bury_by_hand(channels, channel="garbage_collect", body=encode(DeleteFiles(job=make.job(), keys=())))
    without_job, letter = await channels.dead_letters.all()
    first = beginning(letter, [letter])
    assert first
    again = channels.dead_letters.revive([letter], first)
    assert await channels.scripts.execute([again, again]) == [1, 1], "it is started as either has asked"
    put_back = channels.dead_letters.revive([without_job], None)
    assert await channels.scripts.execute([put_back, put_back]) == [1, 0]

    assert len(await observer.on(channels, "classify")) == 1
    assert len(await observer.on(channels, "garbage_collect")) == 1
    await work_off(Classify(settings), channels)
    await work_off(Reply(settings), channels)
    assert await channels.scripts.run(again) == 0, "it has been answered meanwhile"


@contextlib.asynccontextmanager
async def proxy_before(redis: RedisServer, load: Load, settings: Settings, fault: Fault | None) -> AsyncIterator[Any]:
    """A proxy that breaks the command's connection."""
    # Not in the test's own folder: a unix socket's path must stay under 108 bytes.
    with tempfile.TemporaryDirectory(prefix="whatsit-") as folder:
        path = Path(folder) / "p.sock"
        async with RedisProxy(redis.socket, fault).listening(path) as proxy:
            load(dataclasses.replace(settings, redis_url=f"unix://{path}"))
            yield proxy


@pytest.mark.parametrize("executed", [False, True], ids=["a_command_is_lost", "a_reply_is_lost"])
async def test_wherever_the_connection_breaks_the_job_is_started_once_and_that_is_reported(
    channels: Channels, settings: Settings, redis: RedisServer, command: Command, load: Load, executed: bool
) -> None:
    async def retry(job: str, fault: Fault | None = None) -> int:
        """Retry a job's letter through the proxy. Returns how many commands were sent."""
        (id_,) = await bury(channels, settings, job)
        async with proxy_before(redis, load, settings, fault) as proxy:
            assert await command("retry", id_) == (0, f"{id_}  job={job} is started again\n", "")
        assert [message.job.id for message in await observer.on(channels, "classify")] == [job]
        await work_off(Classify(settings), channels)
        await work_off(Reply(settings), channels)
        return len(proxy.commands)

    commands = await retry("1-0-0")
    assert commands >= 2, "the letters were read, and the script was run"
    for number in range(1, commands + 1):
        await retry(f"1-{number}-0", Fault(number=number, executed=executed))


async def test_a_redis_that_goes_away_in_the_middle_ends_it_with_one_line(
    channels: Channels, settings: Settings, redis: RedisServer, command: Command, load: Load
) -> None:
    await bury(channels, settings, "1-1-0", "1-2-0")
    async with proxy_before(redis, load, settings, None) as proxy:
        await command("retry", "--all")
    first, second = await fail_all(channels, settings)
    the_last_one = Fault(number=len(proxy.commands), executed=False, times=TRIES_OF_REDIS_PY)
    async with proxy_before(redis, load, settings, the_last_one):
        done = await command("retry", "--all")
    assert (done.status, done.out) == (1, f"{first}  job=1-1-0 is started again\n")
    assert re.fullmatch(r"Redis cannot be used \(.+\): `make check` says what to do\n", done.err)
    assert await letters(channels) == [second]


@pytest.mark.parametrize("origin", [b"", b"{", b'{"type":"Unheard","job":{}}'])
async def test_without_a_first_message_that_can_be_read_there_is_nothing_to_start_and_the_letter_stays(
    channels: Channels, command: Command, origin: bytes
) -> None:
    id_ = await bury_by_hand(channels, channel="classify", job=JOB, body=b"{", origin=origin)
    why = "its job's first message cannot be read, so there is nothing to start from"
    assert await command("retry", id_) == (1, f"{id_}  left as it is: {why}\n", "")
    assert f"retry     not possible: {why}\n" in (await command("show", id_)).out
    assert await letters(channels) == [id_]
    assert await observer.left(channels) == set()


async def test_a_message_without_a_job_goes_back_to_its_channel_as_it_was(
    channels: Channels, settings: Settings, command: Command
) -> None:
    delete = channels.consumer("garbage_collect", "w")
    deletion = DeleteFiles(job=make.job(), keys=("1-10-0.0.input",))
    await channels.redis.xadd(channels.keys.key("garbage_collect"), {"job": "", "body": encode(deletion)})
    await channels.redis.xadd(channels.keys.key("reply"), {"body": b"{"})
    await work_off(Delete(settings), channels)
    await work_off(Reply(settings), channels)
    of_deletion, of_nonsense = await letters(channels)

    assert "retry     puts the message back on reply as it is\n" in (await command("show", of_nonsense)).out
    assert await command("retry", of_deletion) == (0, f"{of_deletion}  is on garbage_collect again, as it was\n", "")
    assert await command("retry", of_nonsense) == (0, f"{of_nonsense}  is on reply again, as it was\n", "")

    assert not await observer.jobs(channels)
    (delivery,) = delete.taken(await channels.scripts.run(delete.take(5))).deliveries
    assert delivery.body == encode(deletion)
    await work_off(Reply(settings), channels)
    assert len(await letters(channels)) == 1, "a message that cannot be read is buried again"


async def test_a_letter_from_an_unknown_channel_stays_where_it_is(channels: Channels, command: Command) -> None:
    id_ = await bury_by_hand(channels, channel="jobs", body="x")
    expected = f"{id_}  left as it is: it comes from 'jobs', which is not a channel\n"
    assert await command("retry", id_) == (1, expected, "")
    assert await letters(channels) == [id_]
    assert not await channels.redis.exists(channels.keys.key("jobs"))


async def test_one_start_settles_all_letters_of_a_job(channels: Channels, settings: Settings, command: Command) -> None:
    await observer.publish(channels, make.classify())
    await work_off(Classify(settings, ValueError("no such thing")), channels)
    await work_off(Reply(settings, ValueError("nor can it be apologised for")), channels)
    of_picture, of_apology = await letters(channels)

    done = await command("retry", "--all")

    assert done == (0, f"{of_picture}  job={JOB} is started again\n2 of 2 started again.\n", "")
    assert await letters(channels) == []
    assert len(await observer.on(channels, "classify")) == 1
    assert of_apology != of_picture


async def test_all_are_retried_the_oldest_first_and_one_that_cannot_be_does_not_keep_the_others(
    channels: Channels, settings: Settings, command: Command
) -> None:
    (first,) = await bury(channels, settings, "1-1-0")
    unreadable = await bury_by_hand(channels, channel="classify", job="1-2-0")
    (last,) = await bury(channels, settings, "1-3-0")

    status, out, _ = await command("retry", "--all")

    assert status == 1
    assert [line.split("  ")[0] for line in out.splitlines()] == [first, unreadable, last, "2 of 3 started again."]
    assert await letters(channels) == [unreadable]
    classify = Classify(settings)
    await work_off(classify, channels)
    assert classify.runs == [("1-1-0", 1), ("1-3-0", 1)]


async def test_what_redis_refuses_is_reported_and_stays(
    channels: Channels, settings: Settings, command: Command
) -> None:
    ids = await bury(channels, settings, "1-1-0", "1-2-0")
    await channels.redis.config_set("min-replicas-to-write", 1)
    try:
        status, out, err = await command("retry", "--all")
    finally:
        await channels.redis.config_set("min-replicas-to-write", 0)
    *refused, count = out.splitlines()
    assert (status, err, count) == (1, "", "0 of 2 started again.")
    for id_, line in zip(ids, refused, strict=True):
        assert line.startswith(f"{id_}  left as it is: Redis refused (")
    assert await letters(channels) == ids
    assert not await observer.jobs(channels)


async def test_a_job_of_a_chat_without_a_free_turn_waits_for_one(
    channels: Channels, settings: Settings, command: Command
) -> None:
    (id_,) = await bury(channels, settings)
    await observer.publish(channels, make.update("1-11", {"pictures": 4}))
    await work_off(Receive(settings), channels)

    assert await command("retry", id_) == (0, f"{id_}  job={JOB} is started again\n", "")

    others = [f"1-11-{i}" for i in range(4)]
    assert [message.job.id for message in await observer.on(channels, "classify")] == others
    assert await observer.jobs(channels) == {JOB, *others}
    assert await channels.ledger.lost([JOB]) == []
    classify, reply = Classify(settings), Reply(settings)
    while await observer.jobs(channels):
        await work_off(classify, channels)
        await work_off(reply, channels)
    assert classify.runs == [*((job, 0) for job in others), (JOB, 1)]
    assert await observer.left(channels) == set()


async def test_an_update_that_could_not_be_read_is_read_again(
    channels: Channels, settings: Settings, command: Command
) -> None:
    await observer.publish(channels, make.update("1-10", {"pictures": 2}))
    await work_off(Receive(settings, ValueError("no such thing")), channels)
    await work_off(Reply(settings), channels)
    (id_,) = await letters(channels)

    assert (await command("retry", id_)).status == 0
    await work_off(Receive(settings), channels)
    assert await observer.jobs(channels) == {"1-10-0", "1-10-1"}
    await work_off(Classify(settings), channels)
    await work_off(Reply(settings), channels)
    assert await observer.left(channels) == set()


async def test_a_message_that_kills_its_worker_is_buried_and_after_a_retry_has_all_its_lives_again(
    channels: Channels, settings: Settings, command: Command
) -> None:
    async def deaths() -> int:
        """Let it kill its workers until one survives. Returns how many died."""
        number = 0
        while await lived(Tiny, settings):
            number += 1
        await work_off(Reply(settings), channels)
        return number

    await observer.publish(channels, ClassifyImage(job=make.job(), key="kills"))
    assert await deaths() == 1 + 3, "once before its quarantine, three times in it"
    (first,) = await letters(channels)
    assert "KilledItsWorker: 3 workers died" in (await command("list")).out

    assert (await command("retry", first)).status == 0
    assert await deaths() == 1 + 3
    assert [job for job, *_ in await observer.buried(channels)] == [JOB]
    assert await letters(channels) != [first]
    assert await observer.left(channels) == set()


async def test_a_full_memory_keeps_no_letter_from_being_retried(
    channels: Channels, settings: Settings, command: Command
) -> None:
    (id_,) = await bury(channels, settings)
    await channels.redis.config_set("maxmemory", 1)
    try:
        assert (await command("retry", id_)).status == 0
    finally:
        await channels.redis.config_set("maxmemory", 0)
    assert await channels.ledger.lost([JOB]) == []


# As a command of its own


def environment(settings: Settings, **more: str) -> dict[str, str]:
    given = {"NAMESPACE": settings.namespace, "DATA_DIR": str(settings.data_dir), "REDIS_URL": settings.redis_url or ""}
    return {"PATH": os.environ["PATH"]} | given | more


def started(settings: Settings, *arguments: str, **environ: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "common.programs.dead_letters", *arguments],
        cwd=ROOT,
        env=environment(settings, **environ),
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


async def test_on_a_terminal_a_line_is_cut_to_its_width_and_elsewhere_it_is_whole(
    channels: Channels, settings: Settings
) -> None:
    await bury_by_hand(channels, channel="reply", job="1-3-0", error="x" * 500)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with os.fdopen(ours, "rb", buffering=0) as terminal, os.fdopen(theirs, "wb") as end:
        arguments = [sys.executable, "-m", "common.programs.dead_letters", "list"]
        await asyncio.to_thread(subprocess.run, arguments, cwd=ROOT, env=environment(settings), stdout=end, check=True)
        row = terminal.read(65536).decode().splitlines()[1]
    assert row.endswith("x…")
    assert len(row) == 100
    assert started(settings, "list").out.splitlines()[1].endswith("x" * 500)


async def test_a_reader_who_has_read_enough_gets_no_traceback(channels: Channels, settings: Settings) -> None:
    for _ in range(300):
        await bury_by_hand(channels, error="x" * 1000)  # more than fits into a pipe

    def head() -> tuple[bytes, bytes, int]:
        arguments = [sys.executable, "-m", "common.programs.dead_letters", "list"]
        with subprocess.Popen(
            arguments, cwd=ROOT, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout
            assert process.stderr
            line = process.stdout.readline()
            process.stdout.close()
            return line[:2], process.stderr.read(), process.wait()

    assert await asyncio.to_thread(head) == (b"ID", b"", 1)


async def test_a_terminal_that_knows_only_ascii_gets_ascii(channels: Channels, settings: Settings) -> None:
    await bury_by_hand(channels, error="Größe …")
    done = started(settings, "list", PYTHONIOENCODING="ascii")
    assert (done.status, done.err) == (0, "")
    assert r"Gr\xf6\xdfe \u2026" in done.out


@pytest.mark.parametrize("arguments", [(), ("show",), ("retry",), ("retry", "1-0", "--all"), ("bury",)])
def test_a_wrong_use_is_reported_and_exits_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        dead_letters.main(arguments)
    assert ended.value.code == 2
    assert "usage: make dead | make dead SHOW=ID | make dead RETRY=ID | make dead RETRY=all" in capsys.readouterr().err


AWAY = "redis://:pa55word@127.0.0.1:1"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"ENGINE": "onnx"}, "the settings are wrong: ENGINE='onnx' is not one of: auto, openvino, torch"),
        ({"REDIS_URL": "redis://:pa55/word@host:1"}, "the settings are wrong: REDIS_URL is not a valid URL"),
        ({"REDIS_URL": "redis://:pa55[word@host:1"}, "the settings are wrong: REDIS_URL is not a valid URL"),
        ({"REDIS_URL": AWAY}, "Redis cannot be used (Error 111 connecting to 127.0.0.1:1"),
        ({}, "Redis cannot be used (Error 2 connecting to "),
    ],
)
def test_wrong_settings_and_a_redis_that_is_away_are_reported_in_one_line(
    environ: dict[str, str], said: str, tmp_path: Path
) -> None:
    done = started(Settings(data_dir=tmp_path), "list", **environ)
    assert (done.status, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert line.startswith(said)
    assert "pa55" not in line


async def test_a_redis_that_hangs_or_refuses_is_reported_in_one_line(
    tmp_path: Path, command: Command, load: Load
) -> None:
    with running_redis(str(BINARIES["redis-6.2"])) as server:
        config = Settings(redis_url=server.url, data_dir=tmp_path)
        load(config)
        channels = Channels(config)
        await channels.redis.set(channels.keys.key("dead"), "of a foreign type")
        await channels.close()
        refused = await command("list")
        server.freeze()
        hung = await command("list", redis_limits=RedisLimits(answer_s=0.3))
    assert (refused.status, refused.out, hung.status, hung.out) == (1, "", 1, "")
    assert refused.err.startswith("Redis cannot be used (WRONGTYPE ")
    assert hung.err == "Redis cannot be used (no answer within 0.3 s): `make check` says what to do\n"


async def test_the_log_names_the_command(
    channels: Channels, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    await bury(channels, settings)
    (line,) = [record.getMessage() for record in caplog.records if "is buried" in record.getMessage()]
    assert "(see `make dead`): ValueError" in line
