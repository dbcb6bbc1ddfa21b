"""Answers to several links go out in order; but none waits for ever, and none is lost."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import signal
import time
from typing import Any

import msgspec
import pytest

from common import words
from common.channels.channels import Channels
from common.channels.order import Order, OrderLimits
from common.errors import Outage, OutOfTurn
from common.languages.speech import say
from common.messages import AcceptUpdate, ClassifyImage, FetchUrl, Job, SendReply, Words
from common.runtime import apologies
from common.runtime.loop import Runtime
from common.settings import Settings
from common.telegram.sending import Target
from reply import ReplyWorker
from tests.support import make, observer
from tests.support.bot_api import RunningPlayground, User
from tests.support.runtimes import SOON
from tests.support.victims import Tiny, lived
from tests.support.waiting import until

KILLED = -signal.SIGKILL
LIMITS = OrderLimits(first_s=0.001, at_most_s=0.01)
QUICK = OrderLimits(longest_s=0.3, longest_in_reply_s=1.0, first_s=0.001, at_most_s=0.01)


class FakeTelegram:
    """Notes what is sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def open(self) -> None: ...

    async def send(self, _target: Target, html: str, *_: Any) -> int:
        self.sent.append(html)
        return len(self.sent)


def answer_of(job: Job) -> SendReply:
    return SendReply(job=job, content=Words(text=job.id))


def answers(*jobs: Job) -> list[SendReply]:
    return [answer_of(job) for job in jobs]


def chained(count: int, **fields: Any) -> list[Job]:
    ids = [f"1-10-{index}" for index in range(count)]
    return [make.job(id_, after=before, **fields) for id_, before in zip(ids, ["", *ids], strict=False)]


async def replying(channels: Channels, settings: Settings, limits: OrderLimits = LIMITS) -> list[str]:
    """What goes out until nothing waits."""
    telegram = FakeTelegram()
    worker = ReplyWorker(settings, telegram, limits)  # type: ignore[arg-type]
    await worker.open(channels)
    await Runtime(worker, channels, "r", retries=SOON, burst=True).run()
    return telegram.sent


async def postponed(channels: Channels) -> int:
    return (await observer.counts(channels)).get("reply postponed", 0)


async def test_three_answers_of_which_the_first_is_slow_go_out_in_order(
    channels: Channels, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first, second, third = chained(3)
    settings.data_dir.mkdir()
    await observer.publish(channels, ClassifyImage(job=first, key="is answered"), *answers(third, second))
    going_out = asyncio.create_task(replying(channels, settings))

    async def both_wait() -> bool:
        return await postponed(channels) >= 8

    await until(both_wait)
    assert not going_out.done()
    await Runtime(Tiny(settings), channels, "c", burst=True).run()
    assert await going_out == ["done", "1-10-1", "1-10-2"]
    assert await observer.left(channels) == set()
    assert "postponed" not in caplog.text, "a slow link does not fill the log"


@pytest.mark.parametrize("on", ["its way", "its update"])
async def test_an_answer_waits_for_one_that_never_comes_no_longer_than_the_limit(
    channels: Channels, settings: Settings, on: str
) -> None:
    first, second, third = chained(3)
    stuck: ClassifyImage | AcceptUpdate = ClassifyImage(job=first, key="k") if on == "its way" else make.update()
    await observer.publish(channels, stuck, *answers(second, third))
    began = time.monotonic()
    assert await replying(channels, settings, QUICK) == ["1-10-1", "1-10-2"]
    assert 0.25 < time.monotonic() - began < 5
    assert await observer.jobs(channels) == {stuck.job.id}


async def test_an_answer_whose_predecessor_is_ready_and_cannot_go_out_waits_no_longer_than_the_limit(
    channels: Channels, settings: Settings
) -> None:
    first, second = chained(2)
    await observer.publish(channels, *answers(first, second))
    reply = channels.consumer("reply", "another")
    await channels.scripts.run(reply.take(1))  # it holds the first answer, and does nothing
    assert await replying(channels, settings, QUICK) == ["1-10-1"]


async def test_an_answer_without_another_before_it_asks_redis_nothing(channels: Channels, settings: Settings) -> None:
    await observer.publish(channels, *answers(make.job()))
    channels.ledger.where = None  # type: ignore[assignment,method-assign]
    assert await replying(channels, settings) == ["1-10-0"]


@pytest.mark.parametrize("before", ["1-10-0", "not a job", ""])
async def test_an_answer_whose_predecessor_has_ended_or_never_began_goes_out_at_once(
    channels: Channels, settings: Settings, before: str
) -> None:
    await observer.publish(channels, *answers(make.job("1-10-1", after=before)))
    assert await replying(channels, settings) == ["1-10-1"]
    assert await postponed(channels) == 0


async def test_refusals_and_apologies_are_in_order_too(channels: Channels, settings: Settings) -> None:
    first, second, third = chained(3)
    apology = apologies.apology(second)
    refusal = SendReply(job=first, content=Words(text="not an image"))
    await observer.publish(channels, *answers(third), apology, refusal)
    assert await replying(channels, settings) == ["not an image", say(words.APOLOGY), "1-10-2"]


async def test_a_predecessor_that_starts_again_is_still_the_predecessor(channels: Channels, settings: Settings) -> None:
    first, second = chained(2)
    settings.data_dir.mkdir()
    await observer.publish(channels, ClassifyImage(job=first, key="misses its input"), *answers(second))
    going_out = asyncio.create_task(replying(channels, settings))
    await Runtime(Tiny(settings), channels, "c", burst=True).run()
    assert await going_out == ["done", "1-10-1"]


async def test_the_wait_counts_from_when_the_answer_was_ready_and_becomes_rarer(channels: Channels) -> None:
    now = 1000.0
    await observer.publish(channels, make.update("1-10"))
    order = Order(channels.ledger, clock=lambda: now)
    message = answer_of(make.job("1-10-1", after="1-10-0"))
    assert not await order.is_turn_of(message)
    message = msgspec.structs.replace(message, ready_at=now)
    delays = []
    for at in (1000.0, 1001.0, 1001.6, 1010.0, 1019.9):
        now = at
        with pytest.raises(OutOfTurn) as early:
            await order.is_turn_of(message)
        delays.append(early.value.retry_after_s)
    assert delays == [0.05, 0.25, pytest.approx(0.4), 0.5, 0.5]
    for at in (1020.0, 100.0):
        now = at
        assert await order.is_turn_of(message), "also if the clock was put back"


async def test_when_redis_refuses_an_answer_waits(channels: Channels) -> None:
    await channels.redis.set(channels.keys.jobs_at, "of another type")
    with pytest.raises(Outage, match="cannot ask Redis whether a job has ended"):
        await Order(channels.ledger).is_turn_of(answer_of(chained(2)[1]))


@pytest.mark.parametrize(
    "end", ["after take", "before hand_off", "after hand_off", "before postpone", "after postpone"]
)
async def test_an_answer_that_waits_is_not_lost_and_not_doubled_when_reply_is_killed(
    channels: Channels, settings: Settings, playground: RunningPlayground, user: User, end: str
) -> None:
    settings = dataclasses.replace(settings, telegram_api_url=playground.url)
    first, second = chained(2, chat_id=user.chat_id)
    await observer.publish(channels, FetchUrl(job=first, url="http://a/"), *answers(second))
    assert await lived(ReplyWorker, settings, end) == KILLED
    assert user.answers() == []
    fetch = channels.consumer("fetch_url", "f")
    (delivery,) = fetch.taken(await channels.scripts.run(fetch.take(1))).deliveries
    await channels.scripts.run(fetch.hand_off(delivery, answers(first), lambda job: make.reply(job.id)))
    assert await lived(ReplyWorker, settings) == 0
    assert [answer["text"] for answer in user.answers()] == ["1-10-0", "1-10-1"]
    assert await observer.left(channels) == set()
