"""Who waits in private chats, and where in line, on a real Redis; and the drafts that say so."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from common import words
from common.channels.channels import Channels, Once
from common.channels.places import Place, PlaceLimits, Places
from common.conversation.drafts import DraftLimits, Drafts, draft_id
from common.errors import MethodUnknown, Outage, RateLimited, TelegramRefused
from common.languages.speech import say
from common.messages import ClassifyImage, DownloadPhoto, FetchUrl, Job, Message, SendReply, ShowTyping, Words
from common.runtime import apologies
from common.settings import Settings
from reply import ReplyWorker
from tests.support import make
from tests.support.waiting import until

AT_ONCE = PlaceLimits(age_ms=0)
GAP_S = 2.0

_updates = itertools.count(1)


def busy(job: Job) -> SendReply:
    return apologies.busy(job, 90)


def link(job: Job) -> Message:
    return FetchUrl(job=job, url="http://a/")


def photo(job: Job) -> Message:
    return DownloadPhoto(job=job, file_id="F")


def picture(job: Job) -> Message:
    return ClassifyImage(job=job, key=job.key("input"))


async def send(
    channels: Channels, chat: int | None, count: int = 1, kind: Callable[[Job], Message] = link, **fields: Any
) -> list[str]:
    """Have a chat's update read, and its jobs begun. Gives their ids."""
    receive = channels.consumer("receive", "r")
    update = f"1-{next(_updates)}"
    await channels.publish([(make.update(update), Once("1:0", update, 60_000))])
    taken = receive.taken(await channels.scripts.run(receive.take(100))).deliveries
    (delivery,) = [each for each in taken if each.job == update]
    jobs = [make.job(f"{update}-{index}", chat_id=chat, **fields) for index in range(count)]
    assert await channels.scripts.run(receive.hand_off(delivery, [kind(job) for job in jobs], busy))
    return [job.id for job in jobs]


async def paced(channels: Channels, gap_s: float = GAP_S) -> None:
    """A job has ended now, and one ends after each gap."""
    fields: dict[Any, Any] = {"last": round(time.time() * 1000), "gap": round(gap_s * 1000)}
    await channels.redis.hset(channels.keys.key("pace"), mapping=fields)


def places(channels: Channels, limits: PlaceLimits = AT_ONCE) -> Places:
    return Places(channels.scripts, channels.keys, limits)


async def end_of(channels: Channels, name: str = "fetch_url") -> str:
    """Take the oldest message of a channel, and end its job."""
    worker = channels.consumer(name, "w")
    (delivery,) = worker.taken(await channels.scripts.run(worker.take(1))).deliveries
    assert await channels.scripts.run(worker.hand_off(delivery, [], busy))
    return delivery.job


async def test_chats_stand_in_line_in_their_order_with_an_estimate_of_their_wait(channels: Channels) -> None:
    first, second, third = [job for chat in (7, 8, 9) for job in await send(channels, chat)]
    await paced(channels)
    line = await places(channels).look()
    assert line.is_busy
    assert [(place.job, place.nth) for place in line.places] == [(second, 2), (third, 3)], "2 s are not told"
    waits = [place.wait_s for place in line.places]
    assert waits == pytest.approx([2 * GAP_S, 3 * GAP_S], abs=0.5)
    assert first in await channels.ledger.live([first])


async def test_a_chat_s_place_is_that_of_its_next_picture_and_all_its_pictures_take_time(channels: Channels) -> None:
    (many, *_) = await send(channels, 7, count=6)
    (one,) = await send(channels, 8)
    await paced(channels, 4.0)
    found = (await places(channels).look()).places
    assert [(place.job, place.nth, round(place.wait_s)) for place in found] == [(many, 1, 4), (one, 2, 20)]


async def test_those_nearer_to_the_end_of_the_pipeline_come_first(channels: Channels) -> None:
    kinds = {"fetch_url": link, "classify": picture, "receive": photo}
    jobs = {name: (await send(channels, chat, kind=kind))[0] for chat, (name, kind) in enumerate(kinds.items(), 7)}
    await paced(channels, 3.5)
    found = (await places(channels).look()).places
    assert [place.job for place in found] == [jobs[name] for name in ("classify", "fetch_url", "receive")]


async def test_groups_and_guests_count_and_are_not_told(channels: Channels) -> None:
    await send(channels, -5)
    await send(channels, None, user_id=7, guest_query="Q")
    (mine,) = await send(channels, 7)
    await paced(channels)
    (place,) = (await places(channels).look()).places
    assert (place.job, place.nth) == (mine, 3)


async def test_a_link_that_is_fetched_has_its_turn_and_one_that_waits_has_not(channels: Channels) -> None:
    await send(channels, 7)
    fetch = channels.consumer("fetch_url", "f")
    await channels.scripts.run(fetch.take(1))
    (second,) = await send(channels, 8)
    await paced(channels, 10.0)
    found = (await places(channels).look()).places
    assert [(place.job, place.nth) for place in found] == [(second, 2)]


async def test_a_picture_that_classify_has_taken_waits_there_still(channels: Channels) -> None:
    (job,) = await send(channels, 7, kind=picture)
    await channels.scripts.run(channels.consumer("classify", "c").take(16))
    await paced(channels, 10.0)
    assert [place.job for place in (await places(channels).look()).places] == [job]


async def test_an_update_that_is_not_read_yet_and_an_answer_on_its_way_are_in_no_line(channels: Channels) -> None:
    await channels.publish([(make.update("1-9999"), Once("1:0", "1-9999", 60_000))])
    await send(channels, 7, kind=lambda job: SendReply(job=job, content=Words(text="a command")))
    await paced(channels, 10.0)
    assert (await places(channels).look()).places == []


async def test_what_may_be_on_its_way_through_is_not_told_at_once(channels: Channels) -> None:
    await send(channels, 7)
    await paced(channels, 10.0)
    assert (await places(channels, PlaceLimits(age_ms=60_000)).look()).places == []


async def test_the_pace_is_known_while_others_are_in_the_pipeline_and_forgotten_when_it_is_empty(
    channels: Channels,
) -> None:
    for chat in (7, 8, 9):
        await send(channels, chat)
    pace = channels.keys.key("pace")
    await end_of(channels)
    assert await channels.redis.hkeys(pace) == [b"last"]
    await channels.redis.hset(pace, "last", round(time.time() * 1000) - 5000)
    await end_of(channels)
    (place,) = (await places(channels).look()).places
    assert place.wait_s == pytest.approx(5.0, abs=0.5)
    await end_of(channels)
    assert not await channels.redis.exists(pace)
    line = await places(channels).look()
    assert (line.is_busy, line.places) == (False, [])


async def test_the_pace_of_jobs_that_end_in_batches_is_that_of_the_batches(channels: Channels) -> None:
    """Four end at once, every 4 s: 1 s each, whether the last one of a batch has just ended or the first one."""
    pace, batches = channels.keys.key("pace"), 10
    for chat in range(1, 4 * batches + 3):
        await send(channels, chat)
    told = []
    for end in range(1, 4 * batches + 1):
        if end % 4 == 1:
            await channels.redis.hset(pace, "last", round(time.time() * 1000) - 4000)
        await end_of(channels)
        told.append(float(await channels.redis.hget(pace, "gap") or 0))
    assert told[-4:] == pytest.approx([1000] * 4, rel=0.15)
    assert told[15] == pytest.approx(1000, rel=0.15), "after four batches already"


async def test_one_process_is_told_and_another_one_when_the_first_has_been_silent(channels: Channels) -> None:
    await send(channels, 7)
    await paced(channels, 10.0)
    one, other = places(channels), places(channels)
    assert len((await one.look()).places) == 1
    line = await other.look()
    assert (line.is_busy, line.places) == (True, [])
    assert len((await one.look()).places) == 1
    assert 0 < await channels.redis.pttl(channels.keys.places) <= AT_ONCE.lease_ms
    await channels.redis.delete(channels.keys.places)
    assert len((await other.look()).places) == 1


async def test_an_idle_look_writes_nothing_and_a_look_costs_no_more_for_a_long_line(channels: Channels) -> None:
    await places(channels).look()
    assert await channels.redis.keys(f"{channels.keys.key()}*") == []
    for chat in range(100, 140):
        await send(channels, chat)
    await paced(channels)
    few = places(channels, dataclasses.replace(AT_ONCE, looked_at=10, most=5))
    found = (await few.look()).places
    assert [place.nth for place in found] == [2, 3, 4, 5, 6]


async def test_what_a_job_began_with_is_known_until_it_ends(channels: Channels) -> None:
    (job,) = await send(channels, 7, thread_id=3)
    seen = [Place(job, 1, 9.0), Place("1-gone-0", 2, 9.0)]
    found, gone = await places(channels).jobs(seen)
    assert found is not None
    assert (found.chat_id, found.thread_id, gone) == (7, 3, None)
    await channels.redis.hset(channels.keys.jobs, job, b"odd")
    assert await places(channels).jobs(seen) == [None, None]
    assert await places(channels).jobs([]) == []


@pytest.mark.parametrize(
    ("nth", "wait_s", "said"),
    [
        (1, 4.2, "You are next: about 4 seconds."),
        (1, 0.2, "You are next: about 1 second."),
        (2, 59.4, "You are 2nd in line: about 59 seconds."),
        (3, 60.0, "You are 3rd in line: about a minute."),
        (7, 9.0, "You are 7th in line: about 9 seconds."),
        (11, 9.0, "You are 11th in line: about 9 seconds."),
        (12, 130.0, "You are 12th in line: about 2 minutes."),
        (13, 9.0, "You are 13th in line: about 9 seconds."),
        (21, 9.0, "You are 21st in line: about 9 seconds."),
        (22, 9.0, "You are 22nd in line: about 9 seconds."),
        (103, 9.0, "You are 103rd in line: about 9 seconds."),
        (111, 9.0, "You are 111th in line: about 9 seconds."),
    ],
)
def test_a_place_is_told_in_words(nth: int, wait_s: float, said: str) -> None:
    assert say(words.place(nth, wait_s)) == said


def test_a_draft_s_id_is_the_same_for_a_job_and_within_what_the_bot_api_takes() -> None:
    ids = [draft_id(f"1-{number}-0") for number in range(1000)]
    assert all(0 < id_ < 2**31 for id_ in ids)
    assert len(set(ids)) == len(ids)
    assert draft_id("1-7-0") == ids[7]


class FakeTelegram:
    """Notes the drafts, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.drafts: list[tuple[int, str, int | None]] = []
        self.ids: set[int] = set()
        self.typing: list[int] = []

    async def draft(self, chat_id: int, draft_id: int, text: str, thread_id: int | None) -> None:
        self.drafts.append((chat_id, text, thread_id))
        self.ids.add(draft_id)
        if self.error:
            raise self.error

    async def show_typing(self, chat_id: int, _thread_id: int | None = None) -> None:
        self.typing.append(chat_id)


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def drafts(channels: Channels, telegram: FakeTelegram, limits: DraftLimits | None = None) -> tuple[Drafts, Clock]:
    channels.places = places(channels)
    clock = Clock()
    return Drafts(telegram, limits or DraftLimits(), clock), clock  # type: ignore[arg-type]


async def test_a_waiting_chat_gets_its_place_at_once_and_again_every_five_seconds(channels: Channels) -> None:
    (job,) = await send(channels, 7, thread_id=3)
    await paced(channels, 9.0)
    telegram = FakeTelegram()
    shown, clock = drafts(channels, telegram)
    for moment in (0.0, 1.0, 4.9, 5.0, 6.0, 10.1):
        clock.now = 100.0 + moment
        assert await shown.round(channels)
    assert telegram.drafts == [(7, "You are next: about 9 seconds.", 3)] * 3
    assert telegram.ids == {draft_id(job)}, "changes of one draft"


async def test_those_next_in_line_come_first_and_no_more_at_once_than_telegram_allows(channels: Channels) -> None:
    for chat in range(100, 150):
        await send(channels, chat)
    await paced(channels, 10.0)
    telegram = FakeTelegram()
    shown, clock = drafts(channels, telegram)
    for moment, chats in ((0.0, range(100, 120)), (1.0, range(120, 140)), (2.0, range(140, 150)), (3.0, [])):
        clock.now = 100.0 + moment
        telegram.drafts.clear()
        await shown.round(channels)
        assert [chat for chat, _, _ in telegram.drafts] == list(chats)


async def test_a_job_that_ended_meanwhile_gets_no_draft(channels: Channels) -> None:
    (job,) = await send(channels, 7)
    await paced(channels, 9.0)
    telegram = FakeTelegram()
    shown, _ = drafts(channels, telegram)
    await channels.redis.hdel(channels.keys.jobs, job)
    await shown.round(channels)
    assert telegram.drafts == []


@pytest.mark.parametrize(
    ("error", "pause_s"),
    [(MethodUnknown("no method sendMessageDraft"), 600.0), (RateLimited(30), 30.0), (Outage("down"), 5.0)],
)
async def test_a_server_that_takes_no_drafts_is_left_alone_for_a_while(
    channels: Channels, error: Exception, pause_s: float
) -> None:
    await send(channels, 7)
    await paced(channels, 9.0)
    telegram = FakeTelegram(error)
    shown, clock = drafts(channels, telegram, DraftLimits(renew_s=1.0))
    for later_s, sent in ((0.0, 1), (pause_s - 0.1, 1), (pause_s + 0.1, 2)):
        clock.now = 100.0 + later_s
        await shown.round(channels)
        assert len(telegram.drafts) == sent


async def test_a_chat_that_takes_no_draft_is_not_asked_again_for_this_picture(channels: Channels) -> None:
    await send(channels, 7)
    await send(channels, 8)
    await paced(channels, 9.0)
    telegram = FakeTelegram(TelegramRefused("Bad Request: TEXTDRAFT_PEER_INVALID"))
    shown, clock = drafts(channels, telegram)
    for later_s in (0.0, 6.0):
        clock.now = 100.0 + later_s
        await shown.round(channels)
    assert [chat for chat, _, _ in telegram.drafts] == [7, 8]


async def test_a_call_that_hangs_is_cut(channels: Channels) -> None:
    class Hanging(FakeTelegram):
        async def draft(self, *_: Any) -> None:
            await asyncio.Event().wait()

    await send(channels, 7)
    await paced(channels, 9.0)
    shown, _ = drafts(channels, Hanging(), DraftLimits(call_s=0.01))
    assert await shown.round(channels)
    assert not await shown.round(channels), "it pauses"


async def test_a_picture_that_is_asked_for_wakes_the_loop_and_whatever_fails_it_goes_on(
    channels: Channels, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    looks: list[int] = []

    class Looking(Places):
        async def look(self) -> Any:
            looks.append(1)
            raise ([ValueError("a bug"), Outage("down")][len(looks) % 2])

    channels.places = Looking(channels.scripts, channels.keys)
    telegram = FakeTelegram()
    replies = ReplyWorker(settings, telegram)  # type: ignore[arg-type]
    replies.drafts = Drafts(telegram, DraftLimits(look_s=0.0, idle_s=60.0))  # type: ignore[arg-type]
    background = asyncio.create_task(replies.background(channels))
    for number in range(1, 4):
        await until(functools.partial(_at_least, looks, number))
        await replies.handle(ShowTyping(job=make.job(), at=time.time()))
    assert telegram.typing == [7, 7, 7], "the sign is shown as ever"
    background.cancel()
    await asyncio.gather(background, return_exceptions=True)
    assert "no places in line are shown" in caplog.text


def _at_least(looks: Sequence[int], number: int) -> bool:
    return len(looks) >= number


async def test_redis_that_is_away_is_an_outage(settings: Settings) -> None:
    away = Channels(dataclasses.replace(settings, redis_url="unix:///does/not/exist"))
    for call in (away.places.look(), away.places.jobs([Place("1-1-0", 1, 9.0)])):
        with pytest.raises(Outage, match="cannot ask Redis who waits"):
            await call
    await away.close()
