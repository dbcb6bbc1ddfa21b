"""A guest, and somebody who waits in line, as our own client serves them at the playground."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from common.channels.channels import Channels
from common.conversation.delivery import Delivery
from common.errors import TelegramRefused
from common.messages import AcceptUpdate, DownloadPhoto, FindingKind, Message, SendReply, Words
from common.settings import Settings
from common.telegram.client import Telegram
from common.telegram.jobs import job_of
from common.telegram.transport import Take
from receive import ReceiveWorker
from tests.support import make, photos
from tests.support.bot_api import RunningPlayground, User
from tests.support.conversing import converse
from tests.unit.conversation.test_guest_answers import PUG, TABBY, found

NAME = "@whatsit_playground_bot"
ASKER = 1002

_groups = itertools.count(-1001000000901, -1)


@pytest.fixture
async def telegram(playground: RunningPlayground) -> AsyncIterator[Telegram]:
    telegram = Telegram(Settings(telegram_api_url=playground.url))
    await telegram.open()
    with playground.user() as user:
        user.reset()
    await telegram.get_updates(0, 0)
    yield telegram
    await telegram.close()


async def begun(telegram: Telegram, channels: Channels, settings: Settings) -> Message:
    """What begins with the one update that waits."""
    (raw,) = await telegram.get_updates(0, 5)
    await telegram.get_updates(raw["update_id"] + 1, 0)
    receive = ReceiveWorker(settings, telegram)
    converse(receive, channels, await telegram.get_me())
    outputs: Any = await receive.handle(AcceptUpdate(job=job_of(raw, "1", time.time()), update=raw))
    (first,) = outputs
    assert isinstance(first, Message)
    return first


async def test_a_guest_s_photo_is_downloaded_and_answered_once_in_reply_to_the_question(
    playground: RunningPlayground, telegram: Telegram, channels: Channels, settings: Settings
) -> None:
    with playground.user(next(_groups)) as group:
        group.history()
        photo = group.send_photo(photos.png())
        group.set_chat(member=False)
        await _drop_updates(telegram)
        asked = group.send_text(f"{NAME} what is it?", reply_to=photo["message_id"], user_id=ASKER)
        first = await begun(telegram, channels, settings)
        assert isinstance(first, DownloadPhoto)
        assert first.job.chat == f"g{ASKER}"
        assert await _size(telegram, first.file_id) > 0

        content = found(FindingKind.CLASS, (TABBY, 0.6), (PUG, 0.25))
        delivery = Delivery(telegram)
        for _ in range(2):  # a crash in between
            await delivery.deliver(SendReply(job=first.job, content=content))
        (answer,) = group.answers()
        assert answer["text"] == "Perhaps a tabby cat (60%)\n25% pug"
        assert answer["reply_to_message"]["message_id"] == asked["message_id"]
        assert "reply_markup" not in answer


async def test_with_nothing_to_look_at_a_guest_reads_how_to_ask(
    playground: RunningPlayground, telegram: Telegram, channels: Channels, settings: Settings
) -> None:
    with playground.user(next(_groups)) as group:
        group.history()
        group.set_chat(member=False)
        await _drop_updates(telegram)
        group.send_text(NAME)
        first = await begun(telegram, channels, settings)
        assert isinstance(first, SendReply)
        await Delivery(telegram).deliver(first)
        (answer,) = group.answers()
        assert answer["text"] == f"Reply to a photo with {NAME}, and I’ll say what it shows."


async def test_a_hidden_picture_s_answer_to_a_guest_is_hidden(
    playground: RunningPlayground, telegram: Telegram, channels: Channels, settings: Settings
) -> None:
    with playground.user(next(_groups)) as group:
        group.history()
        group.set_chat(member=False)
        await _drop_updates(telegram)
        group.send_text(f"{NAME} https://e.org/cat.png")
        first = await begun(telegram, channels, settings)
        job = make.job(chat_id=None, guest_query=first.job.guest_query, accepted_at=time.time(), spoiler=True)
        await Delivery(telegram).deliver(SendReply(job=job, content=found(FindingKind.CLASS, (TABBY, 0.97))))
        (answer,) = group.answers()
        assert "spoiler" in {entity["type"] for entity in answer["entities"]}


async def test_a_place_in_line_is_a_draft_in_a_private_chat_and_refused_elsewhere(
    playground: RunningPlayground, telegram: Telegram
) -> None:
    with playground.user(4001) as user:
        user.history()
        await telegram.draft(user.chat_id, 5, "You are 7th in line: about 9 seconds.")
        assert _draft(user) == "You are 7th in line: about 9 seconds."
        await telegram.draft(user.chat_id, 5, "You are next: about 4 seconds.")
        assert _draft(user) == "You are next: about 4 seconds."
        await Delivery(telegram).deliver(
            SendReply(job=make.job(chat_id=user.chat_id, message_id=None), content=Words(text="A cat"))
        )
        assert _draft(user) is None
    with playground.user(next(_groups)) as group:
        group.history()
        with pytest.raises(TelegramRefused):
            await telegram.draft(group.chat_id, 5, "You are next: about 4 seconds.")


def _draft(user: User) -> str | None:
    draft = user._http.get(f"{user._chat}/messages").raise_for_status().json()["draft"]
    return draft and str(draft["text"])


async def _drop_updates(telegram: Telegram) -> None:
    updates = await telegram.get_updates(0, 0)
    if updates:
        await telegram.get_updates(updates[-1]["update_id"] + 1, 0)


async def _size(telegram: Telegram, file_id: str) -> int:
    sizes: list[int] = []

    async def take(piece: bytes) -> None:
        sizes.append(len(piece))

    taken: Take = take
    await telegram.download(file_id, taken)
    return sum(sizes)
