"""What people get who ask for nothing, or ask how to ask; and what groups get. On a real Redis."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from common import words
from common.channels.channels import Channels
from common.languages.speech import say
from common.messages import AcceptUpdate, DownloadPhoto, FetchUrl, Kind, Message, SendReply, Words
from common.runtime.loop import Runtime
from common.settings import Settings
from common.telegram.client import Me
from receive import ReceiveWorker
from tests.support import make, observer
from tests.support.conversing import converse
from tests.support.raw_messages import BOT, mention, message, photo

GROUP, PERSON = -100, 7
IN_GROUP = {"id": GROUP, "type": "supergroup"}
HINT = "Reply to a photo with /what@whatsit_bot, and I’ll say what it shows."
SORRY = "I’m sorry, I only work in the chats that my operator has chosen, and this is not one of them."
BY_BOT: dict[str, Any] = {"from": BOT}
REPLY_TO_BOT: dict[str, Any] = {"reply_to_message": message(message_id=4, text="A cat (93%)", **BY_BOT)}


class FakeTelegram:
    async def answer_press(self, query: str, toast: str = "") -> None:
        pass


class Talking(ReceiveWorker):
    """It reads what it is given, and does not poll."""

    async def background(self, channels: Channels) -> None:
        await asyncio.Event().wait()


class Chat:
    """A bot that is talked to."""

    def __init__(self, channels: Channels, settings: Settings, **me: bool) -> None:
        self._channels = channels
        self.receive = Talking(settings, FakeTelegram())  # type: ignore[arg-type]
        self._number = 0
        converse(self.receive, channels, Me(42, "whatsit_bot", **me))

    async def begins(self, kind: str, content: dict[str, Any], *, again: bool = False) -> Sequence[Message]:
        self._number += not again
        update = {"update_id": self._number, kind: content}
        outputs = await self.receive.handle(make.update(f"1-{self._number}", update))
        return outputs if isinstance(outputs, Sequence) else [outputs] if outputs else []

    async def says(self, text: str = "", chat: int = PERSON, *, again: bool = False, **fields: Any) -> list[Message]:
        spoken = {"text": text} if text else {}
        kind = "private" if chat > 0 else "supergroup"
        raw = message(kind, **({"chat": {"id": chat, "type": kind}} | spoken | fields))
        return list(await self.begins("message", raw, again=again))

    async def is_told(self, text: str = "", chat: int = PERSON, **fields: Any) -> str:
        return "".join(map(_text, await self.says(text, chat, **fields)))

    async def becomes(
        self, old: str, new: str, kind: str = "supergroup", *, again: bool = False, **fields: Any
    ) -> Sequence[Message]:
        chat = {"id": PERSON if kind == "private" else GROUP, "type": kind}
        change = {"chat": chat, "from": {"id": PERSON, "is_bot": False}, "date": 1}
        members = {"old_chat_member": {"user": BOT, "status": old}, "new_chat_member": {"user": BOT, "status": new}}
        return await self.begins("my_chat_member", change | members | fields, again=again)

    async def is_greeted(self, old: str = "left", new: str = "member", kind: str = "supergroup", **fields: Any) -> str:
        return "".join(map(_text, await self.becomes(old, new, kind, **fields)))


def _text(message: Message) -> str:
    assert isinstance(message, SendReply)
    assert isinstance(message.content, Words)
    return message.content.text


@pytest.fixture
def chat(channels: Channels, settings: Settings) -> Chat:
    return Chat(channels, settings)


async def hints(channels: Channels) -> list[bytes]:
    """What the bot said lately, by its keys."""
    return [key async for key in channels.redis.scan_iter(f"{channels.keys.key()}hint*")]


async def minute_passes(channels: Channels) -> None:
    await channels.redis.delete(*await hints(channels))


async def longest_ms(channels: Channels) -> int:
    return max([await channels.redis.pttl(key) for key in await hints(channels)])


# How to ask


@pytest.mark.parametrize("asked", [{"text": "/what"}, {"text": "/whatsit@whatsit_bot"}, mention()])
async def test_how_to_ask_is_said_once_a_minute_and_chat(chat: Chat, channels: Channels, asked: dict[str, Any]) -> None:
    assert await chat.is_told(chat=GROUP, **asked) == HINT
    assert await chat.is_told(chat=GROUP, **asked, again=True) == HINT, "an update that is read again says it again"
    assert await chat.says("/what", GROUP) == await chat.says(chat=GROUP, **mention()) == []
    assert await chat.is_told(chat=-200, **asked) == HINT
    assert 0 < await longest_ms(channels) <= 60_000
    await minute_passes(channels)
    assert await chat.is_told("/what", GROUP) == HINT


async def test_what_there_is_to_look_at_is_looked_at_within_the_minute(chat: Chat) -> None:
    assert await chat.is_told("/what", GROUP) == HINT
    original = message(message_id=4, chat=IN_GROUP, photo=photo(), media_group_id="9")
    download, _ = await chat.says("/what@whatsit_bot", GROUP, reply_to_message=original)
    assert isinstance(download, DownloadPhoto)
    assert download.job.message_id == 4, "the answer hangs on the photo"
    link, _ = await chat.says("/what https://e.org/a", GROUP)
    assert isinstance(link, FetchUrl)


async def test_in_private_the_command_alone_always_gets_an_answer_of_its_own(chat: Chat) -> None:
    for _ in range(2):
        assert await chat.is_told("/what") == (
            "Reply to a photo with /what, and I’ll say what it shows. Here you can just send me the photo: I look at "
            "each one."
        )


async def test_a_question_that_is_hidden_is_answered_hidden(chat: Chat) -> None:
    original = message("supergroup", message_id=4, photo=photo(), has_media_spoiler=True)
    asked, _ = await chat.says("/what@whatsit_bot", GROUP, reply_to_message=original)
    own, _ = await chat.says("", GROUP, photo=photo(), has_media_spoiler=True, caption="/what")
    other, _ = await chat.says("", GROUP, photo=photo(), caption="/what")
    assert [started.job.spoiler for started in (asked, own, other)] == [True, True, False]


async def test_the_help_in_a_group_names_the_command_as_it_arrives(chat: Chat) -> None:
    assert "in a group: /what@whatsit_bot" in await chat.is_told("/help", GROUP)


# Small talk


async def test_words_get_one_friendly_line_and_a_shorter_one_within_the_hour(chat: Chat, channels: Channels) -> None:
    assert await chat.is_told("Hello!") == "I look at pictures: send me a photo, or the link of an image."
    assert await chat.is_told("How are you?") == "Send me a photo, or a link."
    assert await chat.is_told("Hello!", 8) == "I look at pictures: send me a photo, or the link of an image."
    assert await chat.is_told("👍") == "Send me a photo, or a link."
    assert 3_500_000 < await longest_ms(channels) <= 3_600_000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Danke!", "You’re welcome!"),
        ("example . com/cat.jpg", "That looks like a link"),
        ("hxxp://e.org", "That looks"),
    ],
)
async def test_thanks_and_broken_links_get_lines_of_their_own(chat: Chat, text: str, line: str) -> None:
    assert (await chat.is_told(text)).startswith(line)
    assert await chat.says(text, GROUP) == []


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"voice": {"file_id": "f", "file_unique_id": "u", "duration": 1}}, "voice messages"),
        ({"location": {"latitude": 1.0, "longitude": 1.0}}, "locations"),
        ({"poll": {"id": "1", "question": "?"}}, "polls"),
        ({"contact": {"phone_number": "1", "first_name": "A"}}, "contacts"),
        ({"dice": {"emoji": "🎲", "value": 1}}, "dice"),
    ],
)
async def test_other_kinds_of_messages_are_refused_by_their_names(
    chat: Chat, fields: dict[str, Any], what: str
) -> None:
    for _ in range(2):
        assert await chat.is_told("", **fields) == (
            f"I don’t accept {what}. Please send a photo, or paste the link of an image."
        )
    assert await chat.says("", GROUP, **fields) == []


@pytest.mark.parametrize("where", [PERSON, GROUP])
@pytest.mark.parametrize("text", ["Thank you!", "merci", "❤️"])
async def test_applause_for_an_answer_gets_a_heart(chat: Chat, where: int, text: str) -> None:
    (heart,) = await chat.says(text, where, message_id=9, **REPLY_TO_BOT)
    assert isinstance(heart, SendReply)
    assert (heart.reaction, heart.job.chat_id, heart.job.message_id) == ("❤", where, 9)


@pytest.mark.parametrize("payload", ["", " abc_123", " https://e.org/a.jpg"])
async def test_a_start_with_a_payload_is_a_start(chat: Chat, payload: str) -> None:
    assert (await chat.is_told(f"/start{payload}")).startswith("Hello! Send me a photo")


async def test_a_chat_that_is_not_served_gets_its_sentence_and_a_group_no_small_talk(
    channels: Channels, settings: Settings
) -> None:
    chat = Chat(channels, dataclasses.replace(settings, allowed_chats=frozenset({1})))
    assert await chat.is_told("Hello!") == SORRY
    assert await chat.is_told("/what", GROUP) == SORRY
    assert await chat.says("thanks", GROUP, **REPLY_TO_BOT) == []
    assert await chat.is_greeted() == SORRY


# What comes too fast


@pytest.mark.parametrize("asked", ["/what@whatsit_bot", "Hello!"])
async def test_who_is_too_fast_is_told_once_a_minute_whatever_they_do(
    channels: Channels, settings: Settings, asked: str
) -> None:
    settings = dataclasses.replace(settings, user_rate=2)
    channels.limits = dataclasses.replace(channels.limits, of_a_user=2)
    chat = Chat(channels, settings)
    for number in range(1, 7):
        await observer.publish(channels, _asks(number, asked))
    await Runtime(chat.receive, channels, "a", burst=True).run()
    answers = [sent for sent in await observer.on(channels, "reply") if isinstance(sent, SendReply)]
    kinds = [sent.content.kind for sent in answers if isinstance(sent.content, Words)]
    assert sorted(kinds, key=lambda kind: kind is Kind.TOO_FAST)[2:] == [Kind.TOO_FAST], "two, and one notice"


def _asks(number: int, asked: str) -> AcceptUpdate:
    return make.update(f"1-{number}", {"update_id": number, "message": message(message_id=number, text=asked)})


# Groups


async def test_a_group_is_greeted_when_the_bot_is_added(chat: Chat, channels: Channels) -> None:
    (greeting,) = await chat.becomes("left", "member")
    text = _text(greeting)
    assert text.startswith(f"Hello! {HINT}")
    assert "Only messages that ask me reach me" in text
    assert (greeting.job.chat_id, greeting.job.message_id) == (GROUP, None)
    assert await chat.becomes("left", "member", again=True) == [greeting], "as every answer, at most once more"
    assert await chat.becomes("left", "member") == (), "Telegram says it twice"
    await minute_passes(channels)
    assert await chat.is_greeted("kicked", "member", "group") == text


async def test_a_bot_that_gets_every_message_says_that_it_drops_them_unread(
    channels: Channels, settings: Settings
) -> None:
    without_privacy = Chat(channels, settings, reads_groups=True)
    for greeting in (
        await without_privacy.is_greeted(),
        await Chat(channels, settings).is_greeted("left", "administrator"),
    ):
        assert "All messages of this group reach me. I drop them unread, unless they ask me" in greeting
        assert HINT in greeting


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("member", "administrator", "supergroup"),
        ("administrator", "member", "supergroup"),
        ("member", "restricted", "supergroup"),
        ("member", "left", "supergroup"),
        ("member", "kicked", "group"),
        ("left", "kicked", "group"),
        ("left", "administrator", "channel"),
        ("kicked", "member", "private"),
        ("member", "kicked", "private"),
    ],
)
async def test_nothing_else_that_becomes_of_the_bot_is_a_reason_to_greet(
    chat: Chat, old: str, new: str, kind: str
) -> None:
    assert not await chat.becomes(old, new, kind, new_chat_member={"user": BOT, "status": new, "is_member": True})


@pytest.mark.parametrize("blocked", [GROUP, PERSON])
async def test_nothing_is_said_to_who_is_blocked(chat: Chat, channels: Channels, blocked: int) -> None:
    await channels.chats.block(str(blocked), blocks=True)
    assert not await chat.becomes("left", "member")


async def test_a_group_that_becomes_a_supergroup_is_not_greeted_again(chat: Chat, channels: Channels) -> None:
    assert await chat.says("", -5, migrate_to_chat_id=GROUP) == []
    assert not await chat.becomes("left", "member")
    await minute_passes(channels)
    assert HINT in await chat.is_greeted(), "it was removed, and added again later"


@pytest.mark.parametrize(("new", "is_member"), [("left", False), ("kicked", False), ("restricted", False)])
async def test_a_group_that_the_bot_is_removed_from_is_forgotten(
    chat: Chat, channels: Channels, new: str, *, is_member: bool
) -> None:
    await channels.chats.prefer(str(GROUP), "short", "1", "q1")
    gone = {"user": BOT, "status": new, "is_member": is_member}
    assert not await chat.becomes("administrator", "member")
    assert (await channels.chats.recall(str(GROUP), PERSON)).preferences.short, "only less of an admin"
    assert not await chat.becomes("member", new, new_chat_member=gone)
    assert not (await channels.chats.recall(str(GROUP), PERSON)).preferences.short


def test_texts_with_the_bot_s_name_fit_in_a_message() -> None:
    name = "a" * 32  # core.telegram.org/bots/features#creating-a-new-bot: 5 to 32 characters
    for everything in (True, False):
        assert len(say(words.greeting(name, gets_everything=everything))) < 500
