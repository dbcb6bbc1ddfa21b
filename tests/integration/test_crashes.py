"""A SIGKILL at each step of a message's way: how the next process of that name goes on, and what users see."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from typing import Any
from unittest.mock import ANY

import pytest

from common import words
from common.channels.channels import Channels
from common.languages.speech import say
from common.messages import ClassifyImage, DeleteFiles, SendReply, Words
from common.runtime.limits import RuntimeLimits
from common.runtime.loop import Runtime
from common.runtime.worker import Outputs, Worker
from common.settings import Settings
from common.telegram.client import Telegram
from receive import ReceiveWorker
from reply import ReplyWorker
from tests.support import make, observer, photos, victims
from tests.support.bot_api import RunningPlayground, User
from tests.support.victims import Batch, Begins, Ends, NotPolling, OneByOne, Tiny, alive, ended, lived
from tests.support.waiting import DEADLINE_S, until

KILLED = -signal.SIGKILL
JOB_RECORDS = {"jobs", "jobs:at", "jobs:chat", "turns"}


def counted(**what: int) -> dict[str, int]:
    return {f"classify {name}": number for name, number in what.items()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Crash:
    """One story: where each life of a worker ends, and what has become of its messages when the last one has left.

    Attributes:
        story: What happens.
        ends: Where each life ends; one more follows, which ends well.
        messages: What each message does to its worker.
        deaths: The deaths that are on each message when the last of ``ends`` was reached; None: nobody has begun it.
        handled: How often each message was handed to a handler, over all lives.
        answers: What each user reads. Always one message.
        buried: Errors and attempts of the dead letters.
        counts: What was counted.
        run: How often the first job was started again.
    """

    story: str
    ends: tuple[str, ...]
    messages: tuple[str, ...] = ("is answered",)
    worker: type[Tiny] = Tiny
    grace_s: float = 0.0
    deaths: tuple[int | None, ...]
    handled: tuple[int, ...]
    answers: tuple[str, ...] = ("done",)
    buried: tuple[tuple[str, int], ...] = ()
    counts: dict[str, int] = dataclasses.field(default_factory=lambda: counted(handled=1))
    run: int = 0


DONE_BY_ALL_THREE: dict[str, Any] = {"answers": ("done",) * 3, "counts": counted(handled=3)}
THREE: dict[str, Any] = {"messages": ("is answered",) * 3, **DONE_BY_ALL_THREE}
TWO: dict[str, Any] = {"messages": ("is answered",) * 2, "answers": ("done",) * 2, "counts": counted(handled=2)}
APOLOGY: dict[str, Any] = {"answers": (say(words.APOLOGY),)}

CRASHES = [
    # Take, handle, hand off: the deaths that are noted are those while a message was handled alone.
    Crash(story="before its take reached Redis", ends=("before take",), deaths=(None,), handled=(1,)),
    Crash(story="after the take was run, with its reply unread", ends=("after take",), deaths=(0,), handled=(1,)),
    Crash(story="after the take, before handle began", ends=("as handle begins",), deaths=(0,), handled=(1,)),
    Crash(story="in handle", ends=("in handle",), deaths=(0,), handled=(2,)),
    Crash(story="after handle, before the hand-off was sent", ends=("before hand_off",), deaths=(0,), handled=(2,)),
    Crash(
        story="after the hand-off was run, with its reply unread",
        ends=("after hand_off",),
        deaths=(None,),
        handled=(1,),
    ),
    Crash(story="after the hand-off's reply", ends=("at the end",), deaths=(None,), handled=(1,)),
    Crash(
        story="after the hand-off and the next take in one round trip, with both replies unread",
        worker=OneByOne,
        ends=("after take 2",),
        deaths=(None, 0),
        handled=(1, 1),
        **TWO,
    ),
    Crash(
        story="after the hand-off's reply, before the next handle began",
        worker=OneByOne,
        ends=("as handle begins 2",),
        deaths=(None, 0),
        handled=(1, 1),
        **TWO,
    ),
    Crash(
        story="before the first of three hand-offs",
        ends=("before hand_off",),
        deaths=(0, 0, 0),
        handled=(2, 2, 2),
        **THREE,
    ),
    Crash(
        story="between the first and the second of three hand-offs",
        ends=("after hand_off",),
        deaths=(None, 0, 0),
        handled=(1, 2, 2),
        **THREE,
    ),
    Crash(
        story="between the second and the third of three hand-offs",
        ends=("after hand_off 2",),
        deaths=(None, None, 0),
        handled=(1, 1, 2),
        **THREE,
    ),
    Crash(story="twice at different steps", ends=("in handle", "after hand_off"), deaths=(None,), handled=(2,)),
    # A batch: the siblings of the one that kills are served once each.
    Crash(
        story="in handle_batch",
        worker=Batch,
        ends=("in handle",),
        deaths=(0, 0, 0),
        handled=(2, 2, 2),
        **THREE,
    ),
    Crash(
        story="with half of a batch handed off",
        worker=Batch,
        ends=("after hand_off 2",),
        deaths=(None, None, 0),
        handled=(1, 1, 2),
        **THREE,
    ),
    Crash(
        story="by one message of a batch, until it is buried",
        worker=Batch,
        messages=("is answered", "kills", "is answered"),
        ends=("",) * 4,  # it ends them itself
        deaths=(None, 3, 0),
        handled=(2, 4, 2),
        answers=("done", say(words.APOLOGY), "done"),
        buried=(("KilledItsWorker", 0),),
        counts=counted(handled=2, buried=1),
    ),
    # Deaths: only those alone count, and the third is the last.
    Crash(
        story="in handle of one of three",
        ends=("in handle",),
        deaths=(0, 0, 0),
        handled=(2, 1, 1),
        **THREE,
    ),
    Crash(
        story="in handle of one of three, and in its handle alone",
        ends=("in handle",) * 2,
        deaths=(1, 0, 0),
        handled=(3, 1, 1),
        **THREE,
    ),
    Crash(
        story="before it was noted that the message is handled alone",
        ends=("in handle", "before begin_alone"),
        deaths=(0,),
        handled=(2,),
    ),
    Crash(
        story="after it was noted that the message is handled alone",
        ends=("in handle", "after begin_alone"),
        deaths=(1,),
        handled=(2,),
    ),
    Crash(story="in handle thrice", ends=("in handle",) * 3, deaths=(2,), handled=(4,)),
    Crash(
        story="in handle four times, thrice of them alone",
        ends=("in handle",) * 4,
        deaths=(3,),
        handled=(4,),
        **APOLOGY,
        buried=(("KilledItsWorker", 0),),
        counts=counted(buried=1),
    ),
    Crash(
        story="in handle four times, and before the burial",
        ends=(*("in handle",) * 4, "before bury"),
        deaths=(3,),
        handled=(4,),
        **APOLOGY,
        buried=(("KilledItsWorker", 0),),
        counts=counted(buried=1),
    ),
    Crash(
        story="in handle four times, and after the burial",
        ends=(*("in handle",) * 4, "after bury"),
        deaths=(None,),
        handled=(4,),
        **APOLOGY,
        buried=(("KilledItsWorker", 0),),
        counts=counted(buried=1),
    ),
    # A message that fails: a death uses up no attempt, and no attempt is counted twice.
    Crash(
        story="before its retry was noted",
        messages=("fails",),
        ends=("before postpone",),
        deaths=(0,),
        handled=(6,),
        **APOLOGY,
        buried=(("ValueError", 4),),
        counts=counted(retried=4, buried=1),
    ),
    Crash(
        story="after its retry was noted",
        messages=("fails",),
        ends=("after postpone",),
        deaths=(None,),
        handled=(5,),
        **APOLOGY,
        buried=(("ValueError", 4),),
        counts=counted(retried=4, buried=1),
    ),
    Crash(
        story="after the retry of a message that then succeeds",
        messages=("fails once",),
        ends=("after postpone",),
        deaths=(None,),
        handled=(2,),
        counts=counted(retried=1, handled=1),
    ),
    Crash(
        story="before its burial",
        messages=("fails",),
        ends=("before bury",),
        deaths=(0,),
        handled=(6,),
        **APOLOGY,
        buried=(("ValueError", 4),),
        counts=counted(retried=4, buried=1),
    ),
    Crash(
        story="after its burial",
        messages=("fails",),
        ends=("after bury",),
        deaths=(None,),
        handled=(5,),
        **APOLOGY,
        buried=(("ValueError", 4),),
        counts=counted(retried=4, buried=1),
    ),
    Crash(
        story="before it was postponed for an outage",
        messages=("meets an outage",),
        ends=("before postpone",),
        deaths=(0,),
        handled=(2,),
    ),
    Crash(
        story="after it was postponed for an outage",
        messages=("meets an outage",),
        ends=("after postpone",),
        deaths=(None,),
        handled=(2,),
        counts=counted(postponed=1, handled=1),
    ),
    # A job that starts again.
    Crash(
        story="before its job started again",
        messages=("misses its input",),
        ends=("before restart",),
        deaths=(0,),
        handled=(3,),
        counts=counted(restarted=1, handled=1),
        run=1,
    ),
    Crash(
        story="after its job started again",
        messages=("misses its input",),
        ends=("after restart",),
        deaths=(None,),
        handled=(2,),
        counts=counted(restarted=1, handled=1),
        run=1,
    ),
    Crash(
        story="before the apology for a job that had started again",
        messages=("never has its input",),
        ends=("before restart 2",),
        deaths=(0,),
        handled=(3,),
        **APOLOGY,
        counts=counted(restarted=1) | {"reply restarted": 1},
        run=1,
    ),
    Crash(
        story="after the apology for a job that had started again",
        messages=("never has its input",),
        ends=("after restart 2",),
        deaths=(None,),
        handled=(2,),
        **APOLOGY,
        counts=counted(restarted=1) | {"reply restarted": 1},
        run=1,
    ),
    # A refresh of the lease.
    Crash(
        story="before its lease was refreshed",
        messages=("asks whose it is",),
        ends=("before refresh",),
        deaths=(0,),
        handled=(2,),
    ),
    Crash(
        story="after its lease was refreshed",
        messages=("asks whose it is",),
        ends=("after refresh",),
        deaths=(0,),
        handled=(2,),
    ),
    # A stop by SIGTERM, when its time of grace is over.
    Crash(
        story="after SIGTERM, before handing back",
        messages=("stops the worker",),
        ends=("before postpone",),
        deaths=(0,),
        handled=(2,),
    ),
    Crash(
        story="after SIGTERM, after handing back",
        messages=("stops the worker",),
        ends=("after postpone",),
        deaths=(None,),
        handled=(2,),
        counts=counted(postponed=1, handled=1),
    ),
    Crash(
        story="after SIGTERM, between handing back the first and the second",
        messages=("hangs once", "stops the worker"),
        ends=("after postpone",),
        deaths=(None, 0),
        handled=(2, 2),
        answers=("done",) * 2,
        counts=counted(postponed=1, handled=2),
    ),
    Crash(
        story="after SIGTERM, after handing back a message that another one's death had put into quarantine",
        messages=("stops the worker later", "is answered"),
        ends=("in handle", "after postpone"),
        deaths=(1, 0),
        handled=(3, 1),
        answers=("done",) * 2,
        counts=counted(postponed=1, handled=2),
    ),
    Crash(
        story="in the time of grace, before the hand-off of what was finished in it",
        messages=("is finished while the worker stops",),
        grace_s=RuntimeLimits().grace_s,
        ends=("before hand_off",),
        deaths=(0,),
        handled=(2,),
    ),
    Crash(
        story="in the time of grace, after the hand-off of what was finished in it",
        messages=("is finished while the worker stops",),
        grace_s=RuntimeLimits().grace_s,
        ends=("after hand_off",),
        deaths=(None,),
        handled=(1,),
    ),
]


@pytest.mark.parametrize("crash", CRASHES, ids=lambda crash: crash.story.replace(" ", "_"))
async def test_a_worker_is_killed(channels: Channels, settings: Settings, crash: Crash) -> None:
    names = [f"1-{i}-0" for i in range(len(crash.messages))]
    pairs = zip(names, crash.messages, strict=True)
    await observer.publish(channels, *(ClassifyImage(job=make.job(name), key=does) for name, does in pairs))

    for end in crash.ends:
        assert await lived(crash.worker, settings, end, grace_s=crash.grace_s) == KILLED, f"it never came {end}"
    deaths = await observer.deaths(channels, "classify")
    assert await lived(crash.worker, settings) == 0

    assert [deaths.get(name) for name in names] == list(crash.deaths)
    begun = victims.begun_file(settings).read_text().split()
    assert [begun.count(name) for name in names] == list(crash.handled)
    assert [(error, attempts) for _, error, attempts in await observer.buried(channels)] == list(crash.buried)
    assert await observer.counts(channels) == crash.counts
    assert await observer.left(channels) - JOB_RECORDS == {"reply"}
    assert sorted(await observer.jobs(channels)) == names
    assert await channels.ledger.lost(names) == []

    replies = await read_replies(channels, settings)
    assert sorted((reply.job.id, said(reply)) for reply in replies) == list(zip(names, crash.answers, strict=True))
    assert [reply.job.run for reply in replies if reply.job.id == names[0]] == [crash.run]
    assert await observer.left(channels) == set()


class Reader(Worker[SendReply]):
    """Reads what a user would."""

    channel = "reply"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.read: list[SendReply] = []

    async def handle(self, message: SendReply) -> Outputs:
        self.read.append(message)
        return None


async def read_replies(channels: Channels, settings: Settings) -> list[SendReply]:
    """Take the messages on reply's channel, which ends their jobs."""
    reader = Reader(settings)
    async with asyncio.timeout(DEADLINE_S):
        await Runtime(reader, channels, "reader", burst=True).run()
    return reader.read


def said(reply: SendReply) -> str:
    assert isinstance(reply.content, Words)
    return reply.content.text


# A chat's jobs share its slots, and no death takes a slot away or leaves one behind.

TURNS: list[tuple[str, type[Worker[Any]], str]] = [
    ("before six jobs of a chat began", Begins, "before hand_off"),
    ("after six jobs of a chat began", Begins, "after hand_off"),
    ("before the end of a job, for which another one waits", Ends, "before hand_off"),
    ("after the end of a job, for which another one waits", Ends, "after hand_off"),
    ("between the ends of jobs, when no job waits", Ends, "after hand_off 3"),
]


@pytest.mark.parametrize(
    ("victim", "end"), [case[1:] for case in TURNS], ids=[case[0].replace(" ", "_") for case in TURNS]
)
async def test_each_job_of_a_chat_has_its_turn_once(
    channels: Channels, settings: Settings, victim: type[Worker[Any]], end: str
) -> None:
    names = [f"1-10-{i}" for i in range(6)]
    await observer.publish(channels, make.update("1-10", {"jobs": names}))
    if victim is Begins:
        assert await lived(Begins, settings, end) == KILLED
    assert await lived(Begins, settings) == 0
    assert await observer.jobs(channels) == set(names)
    assert 0 < len(await observer.on(channels, "classify")) < len(names), "the others wait"

    assert await lived(Tiny, settings) == 0
    if victim is Ends:
        assert await lived(Ends, settings, end) == KILLED
    for worker in (Ends, Tiny, Ends):
        assert await channels.ledger.lost(names) == []
        assert await lived(worker, settings) == 0

    assert sorted(victims.begun_file(settings).read_text().split()) == names
    assert await observer.counts(channels) == {"receive handled": 1, "classify handled": 6, "reply handled": 6}
    assert await observer.left(channels) == set()


# What users see: an answer comes twice in two windows, and in no other.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answering:
    """Where lives of reply end, and how often the user reads the answer."""

    story: str
    ends: tuple[str, ...] = ()
    fault: str = ""
    answers: int


OK_IS_LOST = "drop_after"  # the playground sends the message, and breaks the connection without an answer

ANSWERING = [
    Answering(story="killed before it took the message", ends=("before take",), answers=1),
    Answering(story="killed after it took the message", ends=("after take",), answers=1),
    Answering(story="killed after asking whether it still may", ends=("after refresh",), answers=1),
    Answering(story="killed before Telegram was asked", ends=("before sendMessage",), answers=1),
    Answering(story="killed thrice before Telegram was asked", ends=("before sendMessage",) * 3, answers=1),
    Answering(story="window 1: killed after Telegram's OK", ends=("after sendMessage",), answers=2),
    Answering(story="window 1: killed before the hand-off", ends=("before hand_off",), answers=2),
    Answering(story="killed after the hand-off", ends=("after hand_off",), answers=1),
    Answering(story="window 2: the OK is lost", fault=OK_IS_LOST, answers=2),
    Answering(
        story="window 2: and killed before the retry is noted", fault=OK_IS_LOST, ends=("before postpone",), answers=2
    ),
    Answering(
        story="window 2: and killed after the retry is noted", fault=OK_IS_LOST, ends=("after postpone",), answers=2
    ),
]


@pytest.mark.parametrize("case", ANSWERING, ids=lambda case: case.story.replace(" ", "_"))
async def test_an_answer_comes_once_but_for_two_windows(
    channels: Channels, settings: Settings, playground: RunningPlayground, user: User, case: Answering
) -> None:
    settings = dataclasses.replace(settings, telegram_api_url=playground.url)
    asked = user.send_text("what is this?")
    job = make.job(chat_id=user.chat_id, message_id=asked["message_id"])
    await observer.publish(channels, SendReply(job=job, content=Words(text="a cat"), files=("1-10-0.0.input",)))
    if case.fault:
        user.faults({"method": "sendMessage", "do": case.fault, "times": 1})

    for end in case.ends:
        assert await lived(ReplyWorker, settings, end) == KILLED, f"it never came {end}"
    assert await lived(ReplyWorker, settings) == 0

    assert [answer["text"] for answer in user.answers()] == ["a cat"] * case.answers
    assert await observer.left(channels) == {"garbage_collect"}, "the job has ended"
    assert await observer.on(channels, "garbage_collect") == [DeleteFiles(job=job, keys=("1-10-0.0.input",), trail=ANY)]
    assert (await observer.counts(channels))["reply handled"] == 1


# Updates are confirmed only once they are stored, and stored once.

POLLING = [
    ("before the first of two updates was stored", "before publish"),
    ("between storing the first and the second", "after publish"),
    ("after storing both, with the reply unread", "after publish 2"),
    ("after storing both, before confirming them", "before getUpdates 2"),
]


@pytest.mark.parametrize("end", [end for _, end in POLLING], ids=[story.replace(" ", "_") for story, _ in POLLING])
async def test_a_poller_that_is_killed_gets_its_updates_again_and_each_makes_one_job(
    channels: Channels, settings: Settings, playground: RunningPlayground, user: User, end: str
) -> None:
    settings = dataclasses.replace(settings, telegram_api_url=playground.url)
    for _ in range(2):
        user.send_text("hello")
    updates = await poll(settings)
    assert len(updates) == 2

    async with alive(ReceiveWorker, settings, end) as victim:
        assert await ended(victim) == KILLED
    assert await lived(NotPolling, settings) == 0
    assert await poll(settings) == updates, "they come again, though what was stored of them has been handled"

    asked = user.calls()["getUpdates"]
    async with alive(ReceiveWorker, settings) as successor:
        await until(lambda: user.calls()["getUpdates"] == asked + 2)  # the second one confirms
        await until(lambda: is_empty(channels, "receive"))
        successor.terminate()
        assert await ended(successor) == 0

    assert await poll(settings) == []
    names = [f"1-{update['update_id']}-0" for update in updates]
    assert sorted(reply.job.id for reply in await observer.on(channels, "reply")) == names
    assert await observer.jobs(channels) == set(names)
    assert await observer.counts(channels) == {"receive handled": 2}
    assert await observer.left(channels) - JOB_RECORDS == {"reply"}


# The photos of an album that names the bot once begin together, and once.

JOINING = [
    ("before the first photo was noted", "before album"),
    ("after the first photo was noted", "after album"),
    ("before the caption was seen", "before album 2"),
    ("after the caption was seen, with the reply unread", "after album 2"),
    ("after a late photo was seen, with the reply unread", "after album 3"),
    ("before the jobs began", "before hand_off 2"),
    ("after the jobs began", "after hand_off 2"),
    ("before the late photo's job began", "before hand_off 3"),
]


@pytest.mark.parametrize("end", [end for _, end in JOINING], ids=[story.replace(" ", "_") for story, _ in JOINING])
async def test_each_photo_of_an_album_is_asked_about_once_whenever_receive_is_killed(
    channels: Channels, settings: Settings, playground: RunningPlayground, end: str
) -> None:
    settings = dataclasses.replace(settings, telegram_api_url=playground.url)
    with playground.user(-3001) as group:
        group.reset()
        group.set_privacy(on=False)
        group.send_album([photos.png((20, 10 + number)) for number in range(3)])
        updates = await poll(settings)
    assert len({update["message"]["media_group_id"] for update in updates}) == 1
    name = "@whatsit_playground_bot"
    mention = [{"type": "mention", "offset": 0, "length": len(name)}]
    updates[1]["message"] |= {"caption": name, "caption_entities": mention}
    for update in updates:
        await observer.publish(channels, make.update(f"1-{update['update_id']}", update))

    assert await lived(NotPolling, settings, end) == KILLED
    assert await lived(NotPolling, settings) == 0

    asked = await observer.on(channels, "file_check")
    assert sorted(message.job.id for message in asked) == [f"1-{update['update_id']}-0" for update in updates]
    by_id = {message.job.id: message.job for message in asked}
    first = next(job for job in by_id.values() if not job.after)
    following = {job.after: job for job in by_id.values()}
    assert following[following[first.id].id].id in by_id, "one behind the other"
    assert await observer.buried(channels) == []


async def poll(settings: Settings) -> list[dict[str, Any]]:
    """The updates that Telegram still has: the bot has not confirmed them. No other client may poll."""
    telegram = Telegram(settings)
    await telegram.open()
    try:
        return await telegram.get_updates(0, 0)
    finally:
        await telegram.close()


async def is_empty(channels: Channels, channel: str) -> bool:
    return not await channels.redis.xlen(channels.keys.key(channel))
