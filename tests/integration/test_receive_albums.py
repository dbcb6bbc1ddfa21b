"""Receive and albums in groups: one caption names the bot, and all photos of the album are asked about, once."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from common import words
from common.channels.channels import Channels
from common.messages import AcceptUpdate, DownloadPhoto, Message, SendReply, ShowTyping, Subject
from common.settings import Settings
from common.telegram.client import Me
from receive import ReceiveWorker
from tests.support import make
from tests.support.conversing import converse

GROUP = {"id": -100, "type": "supergroup", "title": "G", "is_forum": True}
NAME = "@whatsit_bot"


def worker(channels: Channels, settings: Settings) -> ReceiveWorker:
    receive = ReceiveWorker(settings, object())  # type: ignore[arg-type]
    converse(receive, channels, Me(42, "whatsit_bot"))
    return receive


def file(number: int, **fields: Any) -> dict[str, Any]:
    return {"file_id": f"F{number}", "file_unique_id": f"U{number}", "file_size": 9} | fields


def part(number: int, caption: str = "", **fields: Any) -> AcceptUpdate:
    """A photo of the album, as the Bot API brings it."""
    message: dict[str, Any] = {
        "message_id": 50 + number,
        "date": 1_700_000_000,
        "chat": GROUP,
        "from": {"id": 7, "is_bot": False, "first_name": "A"},
        "photo": [file(number, width=500, height=500)],
        "media_group_id": "9001",
    }
    if NAME in caption:
        entity = {"type": "mention", "offset": caption.index(NAME), "length": len(NAME)}
        message |= {"caption_entities": [entity]}
    if caption:
        message |= {"caption": caption}
    return make.update(f"1-{number}", {"update_id": number, "message": message | fields})


def of_kind(number: int, kind: str, **fields: Any) -> AcceptUpdate:
    """A part that is of another kind than a photo."""
    update = part(number, **fields)
    del update.update["message"]["photo"]
    update.update["message"][kind] = file(number, **KINDS[kind])
    return update


KINDS: dict[str, dict[str, Any]] = {
    "document": {"mime_type": "image/jpeg", "file_name": "a.jpg"},
    "video": {"width": 500, "height": 500, "duration": 3, "thumbnail": file(99, width=320, height=320)},
    "audio": {"duration": 3},
}


async def begun(receive: ReceiveWorker, updates: Iterable[AcceptUpdate]) -> list[Message]:
    found: list[Message] = []
    for update in updates:
        outputs = await receive.handle(update)
        assert isinstance(outputs, Sequence)
        found += [message for message in outputs if not isinstance(message, ShowTyping)]
    return found


def asked_about(messages: list[Message]) -> list[tuple[str, int | None, str]]:
    """Which files, below which messages, after which job."""
    return [(m.file_id, m.job.message_id, m.job.after) for m in messages if isinstance(m, DownloadPhoto)]


@pytest.mark.parametrize("naming", [11, 12, 13])
async def test_the_whole_album_is_asked_about_whichever_caption_names_the_bot(
    channels: Channels, settings: Settings, naming: int
) -> None:
    receive = worker(channels, settings)
    album = [part(number, f"{NAME} what are these?" if number == naming else "") for number in (11, 12, 13)]
    assert asked_about(await begun(receive, album)) == [
        ("F11", 61, ""),
        ("F12", 62, "1-11-0"),
        ("F13", 63, "1-12-0"),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations((11, 12, 13))))
async def test_all_at_once_and_in_any_order_each_photo_is_asked_about_once(
    channels: Channels, settings: Settings, order: tuple[int, ...]
) -> None:
    receive = worker(channels, settings)
    album = {number: part(number, NAME if number == 12 else "") for number in (11, 12, 13)}
    outputs = await asyncio.gather(*(begun(receive, [album[number]]) for number in order))
    found = asked_about([message for each in outputs for message in each])
    assert sorted(file_id for file_id, _, _ in found) == ["F11", "F12", "F13"]


@pytest.mark.parametrize("kind", ["document", "video"])
async def test_albums_of_files_and_of_videos_are_asked_about_too(
    channels: Channels, settings: Settings, kind: str
) -> None:
    receive = worker(channels, settings)
    named = {"caption": NAME, "caption_entities": [{"type": "mention", "offset": 0, "length": len(NAME)}]}
    found = await begun(receive, [of_kind(11, kind), of_kind(12, kind, **named)])
    assert [message.job.message_id for message in found] == [61, 62]
    assert {message.job.subject for message in found} == {Subject.STILL if kind == "video" else Subject.PICTURE}


async def test_a_caption_below_a_sound_asks_about_the_pictures(channels: Channels, settings: Settings) -> None:
    receive = worker(channels, settings)
    named = {"caption": NAME, "caption_entities": [{"type": "mention", "offset": 0, "length": len(NAME)}]}
    found = await begun(receive, [of_kind(11, "document"), of_kind(12, "audio", **named), of_kind(13, "document")])
    assert asked_about(found) == [("F11", 61, ""), ("F13", 63, "1-11-0")]


async def test_an_answer_to_each_photo_goes_to_its_topic_and_a_link_in_another_caption_is_not_followed(
    channels: Channels, settings: Settings
) -> None:
    receive = worker(channels, settings)
    topic = {"message_thread_id": 3, "is_topic_message": True}
    found = await begun(receive, [part(11, "https://e.org/a.jpg", **topic), part(12, NAME, **topic)])
    assert [(message.job.message_id, message.job.thread_id) for message in found] == [(61, 3), (62, 3)]


async def test_a_reply_to_one_photo_of_an_album_asks_about_that_one(channels: Channels, settings: Settings) -> None:
    receive = worker(channels, settings)
    album = [part(11), part(12)]
    question = part(13, text=f"{NAME} what is this?", reply_to_message=album[0].update["message"])
    message = question.update["message"]
    del message["photo"], message["media_group_id"]
    message["entities"] = [{"type": "mention", "offset": 0, "length": len(NAME)}]
    assert asked_about(await begun(receive, [*album, question])) == [("F11", 61, "")]


async def test_a_photo_knows_its_album_and_what_else_its_message_asks_for_does_not(
    channels: Channels, settings: Settings
) -> None:
    receive = worker(channels, settings)
    private = {"id": 7, "type": "private"}
    text = "https://e.org/a.jpg"
    link: dict[str, Any] = {"caption": text, "caption_entities": [{"type": "url", "offset": 0, "length": len(text)}]}
    found = await begun(receive, [part(11, chat=private, **link), of_kind(12, "document", chat=private)])
    assert [(type(message).__name__, message.job.album) for message in found] == [
        ("DownloadPhoto", "9001"),
        ("FetchUrl", ""),
        ("DownloadPhoto", "9001"),
    ]
    question = part(13, text="/what", chat=private, reply_to_message=part(11, chat=private).update["message"])
    del question.update["message"]["photo"], question.update["message"]["media_group_id"]
    question.update["message"]["entities"] = [{"type": "bot_command", "offset": 0, "length": 5}]
    (asked,) = await begun(receive, [question])
    assert (asked.job.message_id, asked.job.album) == (61, ""), "it asks about that photo alone"


async def test_two_chats_may_have_albums_of_the_same_name(channels: Channels, settings: Settings) -> None:
    receive = worker(channels, settings)
    other = GROUP | {"id": -200}
    assert asked_about(await begun(receive, [part(11, chat=other), part(12, NAME)])) == [("F12", 62, "")]


async def test_an_album_that_does_not_name_the_bot_begins_nothing(channels: Channels, settings: Settings) -> None:
    receive = worker(channels, settings)
    assert await begun(receive, [part(11), part(12, "look at @somebody"), part(13)]) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"is_automatic_forward": True},
        {"from": {"id": 8, "is_bot": True, "first_name": "B"}},
    ],
    ids=["forwarded by its channel", "sent by a bot"],
)
async def test_an_album_that_the_bot_ignores_is_not_noted(
    channels: Channels, settings: Settings, fields: dict[str, Any]
) -> None:
    receive = worker(channels, settings)
    assert await begun(receive, [part(11, **fields), part(12, NAME, **fields)]) == []
    assert not await channels.redis.exists(channels.keys.album(-100, "9001"))


async def test_in_a_chat_that_is_not_served_nothing_of_an_album_is_noted(
    channels: Channels, settings: Settings
) -> None:
    receive = worker(channels, dataclasses.replace(settings, allowed_chats=frozenset({1})))
    (said,) = await begun(receive, [part(11), part(12, NAME)])
    assert isinstance(said, SendReply)
    assert said.content == words.refusal(words.NOT_FOR_YOU)
    assert not await channels.redis.exists(channels.keys.album(-100, "9001"))


async def test_a_photo_by_itself_in_a_group_is_not_noted(channels: Channels, settings: Settings) -> None:
    receive = worker(channels, settings)
    alone = part(11)
    del alone.update["message"]["media_group_id"]
    assert await begun(receive, [alone]) == []
    assert [key async for key in channels.redis.scan_iter(f"{channels.keys.key()}*")] == []


async def test_an_album_to_the_bot_itself_is_answered_in_order(channels: Channels, settings: Settings) -> None:
    receive = worker(channels, settings)
    private = {"id": 7, "type": "private"}
    found = await begun(receive, [part(number, chat=private) for number in (11, 12, 13)])
    assert asked_about(found) == [("F11", 61, ""), ("F12", 62, "1-11-0"), ("F13", 63, "1-12-0")]
