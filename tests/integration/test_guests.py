"""A guest's question on its way to the one answer, on a real Redis."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Sequence
from typing import Any

import pytest

from common import words
from common.channels.channels import Channels, Once
from common.conversation.operators import is_operator
from common.errors import Outage
from common.languages.speech import say
from common.messages import (
    GUEST_WAITS_S,
    AcceptUpdate,
    DeleteFiles,
    DownloadPhoto,
    FetchUrl,
    Message,
    SendReply,
    Words,
    decode,
)
from common.runtime.loop import Runtime
from common.runtime.worker import Outputs, Worker
from common.settings import Settings
from common.telegram.flood import Confirm
from common.telegram.jobs import job_of
from receive import ReceiveWorker
from reply import ReplyWorker
from tests.support.conversing import converse
from tests.support.raw_messages import ME, mention, message, photo, texts
from tests.support.redis_servers import entries
from tests.support.runtimes import SOON

CALLER = 7


class FakeTelegram:
    """Answers each query once; fails first, if it has errors."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.answers: dict[str, str] = {}

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def answer_guest(self, query: str, html: str, confirm: Confirm) -> bool:
        await confirm()
        if self.errors:
            raise self.errors.pop(0)
        return self.answers.setdefault(query, html) is html


class Quiet(ReceiveWorker):
    """Does not poll."""

    async def background(self, channels: Channels) -> None: ...


def receiver(channels: Channels, settings: Settings) -> ReceiveWorker:
    receive = Quiet(settings, FakeTelegram())  # type: ignore[arg-type]
    converse(receive, channels, ME)
    return receive


def asked(number: int = 1, accepted_at: float | None = None, **fields: Any) -> AcceptUpdate:
    """A guest's update, in a chat whose id is also that of a chat that the bot is in."""
    raw = {"update_id": number, "guest_message": message("supergroup", guest_query_id=f"Q{number}", **fields)}
    return AcceptUpdate(job=job_of(raw, "42", time.time() if accepted_at is None else accepted_at), update=raw)


async def begins(receive: ReceiveWorker, update: AcceptUpdate) -> Sequence[Message]:
    outputs = await receive.handle(update)
    return outputs if isinstance(outputs, Sequence) else [outputs] if outputs else []


async def settle(channels: Channels, worker: Worker[Any], **options: Any) -> None:
    await Runtime(worker, channels, "a", burst=True, **options).run()


async def ask(channels: Channels, receive: ReceiveWorker, update: AcceptUpdate) -> None:
    await channels.publish([(update, Once("test", update.job.id, 60_000))])
    await settle(channels, receive)


async def counts(channels: Channels) -> dict[str, int]:
    found: Any = await channels.redis.hgetall(channels.keys.counts)
    return {name.decode(): int(number) for name, number in found.items()}


def text_of(messages: Sequence[Message]) -> str:
    ((reply),) = messages
    assert isinstance(reply, SendReply)
    assert isinstance(reply.content, Words)
    return reply.content.text


async def test_a_picture_begins_one_job_keyed_by_its_caller_and_no_typing(
    channels: Channels, settings: Settings
) -> None:
    receive = receiver(channels, settings)
    replied = message("supergroup", message_id=4, photo=photo(), media_group_id="A")
    for update in (asked(photo=photo(), media_group_id="A"), asked(**mention(), reply_to_message=replied)):
        (begun,) = await begins(receive, update)
        assert isinstance(begun, DownloadPhoto)
        job = begun.job
        assert (job.chat, job.chat_id, job.user_id, job.guest_query) == ("g7", None, CALLER, "Q1")
        assert (job.album, job.after, job.thread_id, job.quote) == ("", "", None, "")


async def test_of_several_links_the_first_is_fetched_and_its_job_knows_how_many_are_left(
    channels: Channels, settings: Settings
) -> None:
    update = asked(**texts("@whatsit_bot https://e.org/a https://e.org/b"))
    (begun,) = await begins(receiver(channels, settings), update)
    assert isinstance(begun, FetchUrl)
    assert (begun.url, begun.job.others, begun.job.quote) == ("https://e.org/a", 1, "")


async def test_with_nothing_to_look_at_the_answer_says_how_to_ask(channels: Channels, settings: Settings) -> None:
    said = text_of(await begins(receiver(channels, settings), asked(**mention("@whatsit_bot"))))
    assert said == "Reply to a photo with @whatsit_bot, and I’ll say what it shows."


async def test_allowed_chats_means_the_caller(channels: Channels, settings: Settings) -> None:
    for allowed, serves in (({CALLER}, True), ({-7}, False)):
        receive = receiver(channels, dataclasses.replace(settings, allowed_chats=frozenset(allowed)))
        (begun,) = await begins(receive, asked(photo=photo()))
        assert isinstance(begun, DownloadPhoto) == serves
        assert serves or text_of([begun]) == say(words.NOT_FOR_YOU)


async def test_a_chat_with_the_id_of_an_operator_s_gives_a_guest_no_power(
    channels: Channels, settings: Settings
) -> None:
    admin = dataclasses.replace(settings, admin_chats=frozenset({-7}))
    assert is_operator(admin, -7)
    receive = receiver(channels, admin)
    assert "Reply to a photo" in text_of(await begins(receive, asked(**texts("/block 5 @whatsit_bot"))))
    await channels.chats.block(str(CALLER), blocks=True)
    assert not await begins(receive, asked(photo=photo()))


@pytest.mark.parametrize(
    ("name", "said"), [("user_rate", "I take at most one message"), ("chat_backlog", "too much at once")]
)
async def test_too_fast_and_busy_are_the_answer(settings: Settings, name: str, said: str) -> None:
    fields: dict[str, Any] = {name: 1}
    tight = dataclasses.replace(settings, **fields)
    channels = Channels(tight)
    link = texts("@whatsit_bot https://e.org/a")
    for number in (1, 2):
        await ask(channels, receiver(channels, tight), asked(number, **link))
    telegram = FakeTelegram()
    await settle(channels, ReplyWorker(tight, telegram))  # type: ignore[arg-type]
    await channels.close()
    assert list(telegram.answers) == ["Q2"]
    assert said in telegram.answers["Q2"]
    assert "\n" not in telegram.answers["Q2"]


class Broken(Quiet):
    """Cannot read a guest's update."""

    async def handle(self, message: AcceptUpdate | DownloadPhoto) -> Outputs:
        raise ValueError("odd")


async def test_an_update_that_cannot_be_read_gets_the_apology_as_its_answer(
    channels: Channels, settings: Settings
) -> None:
    await channels.publish([(asked(), Once("test", "1", 60_000))])
    await settle(channels, Broken(settings, FakeTelegram()), retries=SOON)  # type: ignore[arg-type]
    telegram = FakeTelegram()
    await settle(channels, ReplyWorker(settings, telegram))  # type: ignore[arg-type]
    assert telegram.answers == {"Q1": say(words.APOLOGY)}
    assert await channels.ledger.live(["42-1"]) == set()


def answer_of(update: AcceptUpdate) -> SendReply:
    return SendReply(job=update.job, content=Words(text="A cat"), files=update.job.files)


async def test_an_outage_delays_the_answer_for_a_minute_and_then_it_ends_counted_and_without_its_files(
    channels: Channels, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fresh, late = answer_of(asked(1)), answer_of(asked(2, accepted_at=time.time() - GUEST_WAITS_S - 1))
    await channels.publish([(each, Once("test", each.job.id, 60_000)) for each in (fresh, late)])
    telegram = FakeTelegram(Outage("down"))
    await settle(channels, ReplyWorker(settings, telegram), retries=SOON)  # type: ignore[arg-type]

    assert telegram.answers == {"Q1": "A cat"}
    assert await counts(channels) == {"reply postponed": 1, "reply handled": 1, "reply expired": 1}
    deletions = [decode(row[b"body"]) for row in await entries(channels.redis, channels.keys.stream("garbage_collect"))]
    assert {each.job.id for each in deletions} == {"42-1", "42-2"}
    assert {each.keys for each in deletions if isinstance(each, DeleteFiles)} == {fresh.files, late.files}
    assert await channels.ledger.live(["42-1", "42-2"]) == set()
    assert "job=42-2 ends without an answer, for which nobody waits any longer" in caplog.text
    assert "job=42-2 answered" not in caplog.text


class Away(Quiet):
    """Telegram is away while it downloads."""

    async def handle(self, message: AcceptUpdate | DownloadPhoto) -> Outputs:
        raise Outage("down")


async def test_a_job_of_a_guest_ends_after_a_minute_wherever_an_outage_holds_it(
    channels: Channels, settings: Settings
) -> None:
    late = asked(accepted_at=time.time() - GUEST_WAITS_S - 1)
    await channels.publish([(late, Once("test", "1", 60_000))])
    await settle(channels, Away(settings, FakeTelegram()), retries=SOON)  # type: ignore[arg-type]
    assert await counts(channels) == {"receive expired": 1}
    assert await channels.ledger.live(["42-1"]) == set()


async def test_a_repeat_after_a_crash_is_done_when_telegram_has_the_answer(
    channels: Channels, settings: Settings
) -> None:
    telegram = FakeTelegram()
    telegram.answers["Q1"] = "sent before the crash"
    await channels.publish([(answer_of(asked()), Once("test", "1", 60_000))])
    await settle(channels, ReplyWorker(settings, telegram))  # type: ignore[arg-type]
    assert telegram.answers == {"Q1": "sent before the crash"}
    assert await counts(channels) == {"reply handled": 1}
