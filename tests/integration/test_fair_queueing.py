"""Fair queueing: a few jobs of each chat at a time, the rest wait, and what is too much is declined."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable

import pytest

from common import words
from common.channels.channels import Channels, Once
from common.channels.consumer import JobLimits
from common.languages.speech import say
from common.messages import CHANNELS, DownloadPhoto, FetchUrl, Job, Kind, SendReply, Words, decode
from common.runtime import apologies, restarts
from common.settings import Settings
from common.store import Store
from garbage_collect import GarbageCollectWorker
from tests.support import make
from tests.support.redis_servers import entries

AT_ONCE = 4  # SLOTS_OF_A_CHAT in common/channels/lua/fair_queueing.lua

_updates = itertools.count(1)


def busy(job: Job) -> SendReply:
    return apologies.busy(job, 90)


def too_fast(job: Job) -> SendReply:
    return apologies.too_fast(job, 20)


async def send(
    channels: Channels, chat: int, links: int = 1, user: int | None = None, clock: Callable[[], float] = time.time
) -> list[str]:
    """Have a chat's update accepted and read; gives the ids of its jobs."""
    receive = channels.consumer("receive", "r", clock)
    update = f"1-{next(_updates)}"
    await channels.publish([(make.update(update), Once("1:0", update, 60_000))])
    (delivery,) = receive.taken(await channels.scripts.run(receive.take(10))).deliveries
    ids = [f"{update}-{index}" for index in range(links)]
    outputs = [FetchUrl(job=make.job(id_, chat_id=chat, user_id=user), url="http://a/") for id_ in ids]
    call = receive.hand_off(delivery, outputs, busy, too_fast)
    assert await channels.scripts.execute([call, call]) == [1, 0]
    return [output.job.id for output in outputs]


async def in_pipeline(channels: Channels) -> list[str]:
    return [row[b"job"].decode() for row in await entries(channels.redis, channels.keys.key("fetch_url"))]


async def finish_one(channels: Channels) -> str:
    """Take the oldest link and end its job. Gives its id."""
    fetch = channels.consumer("fetch_url", "f")
    (delivery,) = fetch.taken(await channels.scripts.run(fetch.take(1))).deliveries
    call = fetch.hand_off(delivery, [], busy)
    assert await channels.scripts.execute([call, call]) == [1, 0]
    return delivery.job


async def sweep(channels: Channels, settings: Settings) -> None:
    await GarbageCollectWorker(settings, Store(settings.files_dir)).sweep(channels, now=0)


async def left(channels: Channels) -> set[str]:
    """The keys of the namespace, without empty streams and markers."""
    keys = {key.decode() async for key in channels.redis.scan_iter(f"{channels.keys.key()}*")}
    streams = {channels.keys.key(name) for name in CHANNELS}
    assert sum([await channels.redis.xlen(stream) for stream in streams]) == 0
    return {key for key in keys - streams - {channels.keys.key("counts")} if ":seen:" not in key}


async def test_a_chat_has_a_few_jobs_in_the_pipeline_and_its_others_come_in_turn(channels: Channels) -> None:
    sent = [job for _ in range(7) for job in await send(channels, chat=7)]
    assert await in_pipeline(channels) == sent[:AT_ONCE]
    assert await channels.ledger.lost(sent) == [], "one that waits is not lost"
    assert await channels.ledger.live(sent) == set(sent)

    finished = []
    for number in range(1, 8):
        finished.append(await finish_one(channels))
        assert await in_pipeline(channels) == sent[number : number + AT_ONCE]
    assert finished == sent
    assert await left(channels) == set()


async def test_a_flooding_chat_does_not_hold_up_another(channels: Channels) -> None:
    for _ in range(20):
        await send(channels, chat=7, links=5)
    (other,) = await send(channels, chat=8)
    assert (await in_pipeline(channels)).index(other) == AT_ONCE
    (third,) = await send(channels, chat=-100)
    assert await finish_one(channels) not in {other, third}
    assert (await in_pipeline(channels))[AT_ONCE - 1 : AT_ONCE + 1] == [other, third]


async def test_chats_whose_ids_begin_alike_have_turns_of_their_own(channels: Channels) -> None:
    for chat in (7, 77, -7, -77):
        for _ in range(AT_ONCE):
            await send(channels, chat)
    assert len(await in_pipeline(channels)) == 4 * AT_ONCE


@pytest.fixture
def limited(channels: Channels) -> Channels:
    channels.limits = JobLimits(of_a_chat=6, in_all=12, of_a_user=20)
    return channels


async def notices(channels: Channels) -> list[SendReply]:
    found = [decode(row[b"body"]) for row in await entries(channels.redis, channels.keys.key("reply"))]
    return [message for message in found if isinstance(message, SendReply)]


async def test_what_is_too_much_for_one_chat_is_declined_and_it_is_told_once_a_minute(limited: Channels) -> None:
    sent = [job for _ in range(10) for job in await send(limited, chat=7)]
    assert await limited.ledger.live(sent) == set(sent[:7]), "six, and the one whose message is the notice"
    (notice,) = await notices(limited)
    assert notice.job.id == sent[6]
    assert isinstance(notice.content, Words)
    assert "about 2 minutes" in notice.content.text
    assert (await limited.redis.hget(limited.keys.key("counts"), "receive declined")) == b"4"

    (other,) = await send(limited, chat=8)
    assert other in await in_pipeline(limited)

    await limited.redis.zadd(limited.keys.key("told"), {"7": 0})  # a minute and more ago
    await send(limited, chat=7)
    assert len(await notices(limited)) == 2


async def test_what_is_too_much_in_all_is_declined_for_every_sender(limited: Channels) -> None:
    for chat in range(1, 7):
        await send(limited, chat, links=2)
    declined = await send(limited, chat=99)
    assert [notice.job.id for notice in await notices(limited)] == declined
    assert len(await in_pipeline(limited)) == 12


async def test_a_notice_is_sent_though_the_chats_turns_are_taken(limited: Channels) -> None:
    for _ in range(7):
        await send(limited, chat=7)
    reply = limited.consumer("reply", "r")
    (notice,) = reply.taken(await limited.scripts.run(reply.take(1))).deliveries
    assert await limited.scripts.run(reply.hand_off(notice, [], busy)) == 1
    for _ in range(6):
        await finish_one(limited)
    assert await left(limited) == {limited.keys.key("told")}


async def test_a_user_who_is_too_fast_is_told_once_a_minute_and_nobody_else_is_held_up(channels: Channels) -> None:
    channels.limits = dataclasses.replace(channels.limits, of_a_user=3)
    sent = [job for _ in range(5) for job in await send(channels, chat=-100, user=1)]
    assert await channels.ledger.live(sent) == set(sent[:4]), "three, and the one whose message is the notice"
    (notice,) = await notices(channels)
    assert notice.content == Words.of(words.too_fast(20), Kind.TOO_FAST)

    for chat, user in ((-100, 2), (9, None)):
        (job,) = await send(channels, chat, user=user)
        assert job in await channels.ledger.live([job])
    assert len(await notices(channels)) == 1


async def test_what_was_sent_in_the_last_minute_counts_for_as_much_as_is_left_of_it(
    channels: Channels,
) -> None:
    channels.limits = dataclasses.replace(channels.limits, of_a_user=10)
    now = 60_000.0 + 59
    ten = [job for _ in range(2) for job in await send(channels, 7, links=5, user=1, clock=lambda: now)]
    assert len(await channels.ledger.live(ten)) == 10
    now = 60_060.0 + 30
    later = [job for _ in range(8) for job in await send(channels, 7, user=1, clock=lambda: now)]
    assert await channels.ledger.live(later) == set(later[:6]), "half of ten still counts; the sixth is the notice"
    assert 0 < await channels.redis.pttl(channels.keys.key("users", "1001")) <= 120_000


async def test_how_long_the_backlog_takes_is_measured_while_jobs_wait(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = channels.consumer("receive", "r")

    async def backlog_ms() -> int:
        return receive.taken(await channels.scripts.run(receive.take(1))).backlog_ms

    await send(channels, chat=7, links=5)
    await send(channels, chat=7, links=5)
    await finish_one(channels)
    await channels.redis.hset(channels.keys.key("pace"), mapping={"gap": 2000})
    assert await backlog_ms() >= 9 * 2000
    await channels.redis.hset(channels.keys.key("pace"), mapping={"last": "odd", "gap": "odd"})
    assert await backlog_ms() == 0
    while await in_pipeline(channels):
        await finish_one(channels)
    assert await backlog_ms() == 0


def test_a_rough_time_is_told_in_words() -> None:
    told = {0: "less than a minute", 45: "about a minute", 200: "about 3 minutes", 7300: "about 2 hours"}
    for seconds, said in told.items():
        assert said in say(words.busy(seconds))


Harm = Callable[[Channels], object]


@pytest.mark.parametrize("lost", ["turns", "waiting", "jobs", "jobs:at", "jobs:chat", "pace", "fetch_url"])
async def test_whatever_is_deleted_by_hand_every_job_is_answered_or_ends_with_an_apology(
    channels: Channels, settings: Settings, lost: str
) -> None:
    sent = [job for _ in range(10) for job in await send(channels, chat=7)]
    await channels.redis.delete(channels.keys.key(*lost.split(":")))

    served: list[str] = []
    for _ in range(3):
        await sweep(channels, settings)
        for name in ("fetch_url", "reply"):
            worker = channels.consumer(name, "w")
            while taken := worker.taken(await channels.scripts.run(worker.take(3))).deliveries:
                done = await channels.scripts.execute([worker.hand_off(delivery, [], busy) for delivery in taken])
                served += [delivery.job for delivery, result in zip(taken, done, strict=True) if result]

    await sweep(channels, settings)
    assert sorted(served) == sorted(sent)
    assert await left(channels) == set()


async def test_a_slot_of_a_job_that_has_ended_is_freed_by_the_sweeper(channels: Channels, settings: Settings) -> None:
    await channels.redis.zadd(channels.keys.key("turns"), {f"7:1-ghost-{i}": 0 for i in range(AT_ONCE)})
    (job,) = await send(channels, chat=7)
    assert await in_pipeline(channels) == []
    await sweep(channels, settings)
    assert await in_pipeline(channels) == [job]


async def test_a_job_that_starts_again_keeps_its_turn_and_no_more(channels: Channels) -> None:
    sent = [job for _ in range(5) for job in await send(channels, chat=7)]
    fetch = channels.consumer("fetch_url", "f")
    (delivery,) = fetch.taken(await channels.scripts.run(fetch.take(1))).deliveries
    call = await restarts.restart(channels, delivery.job, held=(fetch, delivery))
    assert await channels.scripts.execute([call, call]) == [1, 0]
    assert sorted(await in_pipeline(channels)) == sorted(sent[:AT_ONCE])
    for _ in range(5):
        await finish_one(channels)
    assert await left(channels) == set()


async def test_updates_that_were_seen_are_kept_as_small_integers(channels: Channels) -> None:
    for number in range(500):
        await channels.publish([(make.update(f"1-{number}"), Once("1:0", str(number), 60_000))])
    key = channels.keys.key("seen", "1:0")
    assert await channels.redis.object("ENCODING", key) == b"intset"
    assert 0 < (await channels.redis.memory_usage(key) or 0) < 16 * 500


async def test_jobs_that_begin_together_wait_in_their_order_whatever_their_names_and_channels(
    channels: Channels,
) -> None:
    await send(channels, chat=7, links=AT_ONCE)
    receive = channels.consumer("receive", "r")
    await channels.publish([(make.update("1-99"), Once("1:0", "1-99", 60_000))])
    (delivery,) = receive.taken(await channels.scripts.run(receive.take(10))).deliveries
    names = ["1-99-0", "1-100-0", "1-101-0", "1-98-0"]
    photo = DownloadPhoto(job=make.job("1-97-0"), file_id="F")
    links = [FetchUrl(job=make.job(name), url="http://a/") for name in names]
    await channels.scripts.run(receive.hand_off(delivery, [links[0], photo, *links[1:]], busy))

    for _ in range(AT_ONCE):
        await finish_one(channels)
    assert [row[b"job"] for row in await entries(channels.redis, channels.keys.key("receive"))] == [b"1-97-0"]
    assert [await finish_one(channels) for _ in range(3)] == ["1-99-0", "1-100-0", "1-101-0"]
