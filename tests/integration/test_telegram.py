"""The seam to Telegram against the playground and its faults: each trouble comes out as the error that we handle."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from common.errors import LeaseLost, Outage, RateLimited, TelegramRefused
from common.settings import Settings
from common.telegram import Telegram
from tests.bot_api import TOKEN, RunningPlayground, User

JPEG = b"\xff\xd8\xff" + b"x" * 3000


@pytest.fixture
def user(playground: RunningPlayground) -> Iterator[User]:
    with playground.user() as user:
        user.reset()
        yield user


@pytest.fixture
async def telegram(playground: RunningPlayground) -> AsyncIterator[Telegram]:
    client = Telegram(Settings(telegram_token=TOKEN, telegram_api_url=playground.url))
    await client.open()
    yield client
    await client.close()


async def file_id_of(telegram: Telegram, content: bytes, user: User, **options: Any) -> str:
    user.send_photo_bytes_raw(content, **options)
    (update,) = await telegram.get_updates(0, 0)
    file_id: str = update["message"]["photo"][-1]["file_id"]
    return file_id


async def test_updates_come_raw_and_are_confirmed_by_the_next_offset(telegram: Telegram, user: User) -> None:
    user.send_text("hello")
    (update,) = await telegram.get_updates(0, 0)
    assert update["message"]["text"] == "hello"
    assert await telegram.get_updates(0, 0) == [update], "not confirmed yet"
    assert await telegram.get_updates(update["update_id"] + 1, 0) == []
    assert await telegram.get_updates(0, 0) == []


async def test_the_bot_knows_itself_and_offers_its_commands(telegram: Telegram, user: User) -> None:
    me = await telegram.get_me()
    assert (me.id, me.username) == (1, "whatsit_playground_bot")
    await telegram.set_commands({"help": "What you can send"})
    assert user.bot()["commands"] == [{"command": "help", "description": "What you can send"}]


async def test_an_answer_replies_to_its_message_or_stands_alone_when_that_is_gone(
    telegram: Telegram, user: User
) -> None:
    sent = user.send_text("hello")
    await telegram.send(user.chat_id, "<b>a</b> &lt;", sent["message_id"])
    await telegram.send(user.chat_id, "b", 999)
    first, second = user.answers()
    assert (first["text"], first["reply_to_message"]["message_id"]) == ("a <", sent["message_id"])
    assert "reply_to_message" not in second


async def test_an_answer_that_is_no_longer_ours_is_not_sent(telegram: Telegram, user: User) -> None:
    async def lost() -> None:
        raise LeaseLost("taken over")

    with pytest.raises(LeaseLost):
        await telegram.send(user.chat_id, "x", None, confirm=lost)
    await telegram.send(user.chat_id, "y", None)
    assert [answer["text"] for answer in user.answers()] == ["y"]


async def downloaded(telegram: Telegram, file_id: str) -> bytes:
    pieces: list[bytes] = []

    async def take(piece: bytes) -> None:
        pieces.append(piece)

    await telegram.download(file_id, take)
    return b"".join(pieces)


async def test_a_file_comes_whole(telegram: Telegram, user: User) -> None:
    assert await downloaded(telegram, await file_id_of(telegram, JPEG, user)) == JPEG


@pytest.mark.parametrize("fault", [{"do": "cut_body"}, {"do": "drop_before"}, {"do": "error", "status": 502}])
async def test_a_download_that_breaks_off_is_an_outage(telegram: Telegram, user: User, fault: dict[str, Any]) -> None:
    file_id = await file_id_of(telegram, JPEG, user)
    user.faults({"method": "file", "times": 1} | fault)
    with pytest.raises(Outage):
        await downloaded(telegram, file_id)
    assert await downloaded(telegram, file_id) == JPEG


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_a_file_that_is_not_there_any_more_is_refused(telegram: Telegram, user: User, status: int) -> None:
    file_id = await file_id_of(telegram, JPEG, user)
    user.faults({"method": "file", "times": 1, "do": "error", "status": status})
    with pytest.raises(TelegramRefused, match="no file under the path"):
        await downloaded(telegram, file_id)


async def test_a_file_that_is_larger_than_was_said_is_refused_before_it_has_come(
    telegram: Telegram, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.telegram.MAX_FILE_BYTES", len(JPEG) - 1)
    with pytest.raises(TelegramRefused, match="more than"):
        await downloaded(telegram, await file_id_of(telegram, JPEG, user))


async def test_no_more_messages_are_sent_in_a_second_than_are_set(playground: RunningPlayground, user: User) -> None:
    slow = Telegram(Settings(telegram_token=TOKEN, telegram_api_url=playground.url, send_rate=2))
    await slow.open()
    began = time.monotonic()
    for text in "abcd":
        await slow.send(user.chat_id, text, None)
    took_s = time.monotonic() - began
    await slow.close()
    assert took_s > 0.9, "two at once, and then one each half second"
    assert len(user.answers()) == 4


async def test_an_unknown_file_is_refused(telegram: Telegram) -> None:
    with pytest.raises(TelegramRefused):
        await downloaded(telegram, "nonsense")


async def test_a_group_that_had_its_share_is_put_off_and_holds_up_nobody(
    playground: RunningPlayground, telegram: Telegram
) -> None:
    with playground.user(-1001) as group, playground.user(1001) as person:
        group.send_text("hello")
        for _ in range(20):
            await telegram.send(group.chat_id, "x", None)
        with pytest.raises(RateLimited) as error:
            await telegram.send(group.chat_id, "x", None)
        assert error.value.retry_after_s == 3
        await telegram.show_typing(group.chat_id)
        await telegram.send(person.chat_id, "x", None)


async def test_flood_control_says_how_long_to_wait(telegram: Telegram, user: User) -> None:
    user.faults({"method": "sendMessage", "do": "error", "status": 429, "retry_after_s": 7, "times": 1})
    with pytest.raises(RateLimited) as error:
        await telegram.send(user.chat_id, "x", None)
    assert error.value.retry_after_s == 7


@pytest.mark.parametrize("fault", [{"do": "error", "status": 500}, {"do": "drop_before"}, {"do": "drop_after"}])
async def test_a_send_that_may_have_failed_is_an_outage(telegram: Telegram, user: User, fault: dict[str, Any]) -> None:
    user.faults({"method": "sendMessage", "times": 1} | fault)
    with pytest.raises(Outage):
        await telegram.send(user.chat_id, "x", None)


async def test_a_user_who_blocked_the_bot_is_told_apart_from_a_bad_request(telegram: Telegram, user: User) -> None:
    with pytest.raises(TelegramRefused) as bad:
        await telegram.send(user.chat_id, "<b>", None)
    assert not bad.value.blocked
    user.set_chat(blocked=True)
    with pytest.raises(TelegramRefused) as blocked:
        await telegram.send(user.chat_id, "x", None)
    assert blocked.value.blocked


async def test_two_pollers_and_a_wrong_token_each_get_one_clear_line(
    playground: RunningPlayground, telegram: Telegram
) -> None:
    first = asyncio.create_task(telegram.get_updates(0, 20))
    other = Telegram(Settings(telegram_token=TOKEN, telegram_api_url=playground.url))
    await other.open()
    await asyncio.wait([first], timeout=0.3)  # it is waiting by now
    second = asyncio.create_task(other.get_updates(0, 1))
    with pytest.raises(Outage, match="another program polls with the same TELEGRAM_TOKEN"):
        await first
    await second
    await other.close()

    stranger = Telegram(Settings(telegram_token="2:wrong", telegram_api_url=playground.url))
    await stranger.open()
    with pytest.raises(Outage, match="does not know this TELEGRAM_TOKEN"):
        await stranger.get_me()
    await stranger.close()


async def test_a_server_that_is_not_there_is_an_outage_and_no_log_line_holds_the_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    nowhere = Telegram(Settings(telegram_token="123:SECRET", telegram_api_url="http://127.0.0.1:9"))
    await nowhere.open()
    with pytest.raises(Outage) as outage:
        await nowhere.get_me()
    await nowhere.close()
    assert "SECRET" not in str(outage.value) + caplog.text
