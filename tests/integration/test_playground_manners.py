"""What people see of the bot besides its messages: menus, descriptions, drafts, reactions, words for a press."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
)
from telegram.constants import ParseMode, ReactionEmoji
from telegram.error import BadRequest
from telegram.request import HTTPXRequest

from playground.json_types import Json
from tests.support import photos
from tests.support.bot_api import DIRECT, TOKEN, RunningPlayground, User
from tests.support.events import events

GROUP_ID = -1001000000001
BUTTON = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y")]])


@pytest.fixture
async def bot(playground: RunningPlayground, user: User) -> AsyncIterator[Bot]:
    url, requests = playground.url, [HTTPXRequest(httpx_kwargs=DIRECT) for _ in range(2)]
    async with Bot(TOKEN, base_url=f"{url}/bot", request=requests[0], get_updates_request=requests[1]) as bot:
        yield bot


@pytest.fixture
async def http(playground: RunningPlayground, user: User) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=playground.url, **DIRECT) as http:
        yield http


def command(name: str) -> list[BotCommand]:
    return [BotCommand(name, "What it does")]


# ---- menus and descriptions ----


async def menus(http: httpx.AsyncClient) -> dict[int, str | None]:
    """The first command of each chat's menu, by the chat's id."""
    async with http.stream("GET", "/api/events") as stream:
        hello = await anext(events(stream))
    everywhere = hello["bot"]["commands"]
    lists = {chat["id"]: chat.get("commands", everywhere) for chat in hello["chats"]}
    return {chat_id: commands[0]["command"] if commands else None for chat_id, commands in lists.items()}


async def test_each_chat_s_menu_has_the_commands_of_its_narrowest_scope(
    bot: Bot, http: httpx.AsyncClient, user: User
) -> None:
    await bot.set_my_commands(command("hilfe"), language_code="de")
    assert await menus(http) == {1001: None, GROUP_ID: None, user.chat_id: None}
    await bot.set_my_commands(command("help"))
    assert await menus(http) == {1001: "help", GROUP_ID: "help", user.chat_id: "help"}
    await bot.set_my_commands(command("groups"), scope=BotCommandScopeAllGroupChats())
    await bot.set_my_commands(command("people"), scope=BotCommandScopeAllPrivateChats())
    await bot.set_my_commands(command("you"), scope=BotCommandScopeChat(1001))
    assert await menus(http) == {1001: "you", GROUP_ID: "groups", user.chat_id: "people"}
    await bot.set_my_commands(command("admins"), scope=BotCommandScopeAllChatAdministrators())
    await bot.set_my_commands(command("english"), scope=BotCommandScopeChat(1001), language_code="en")
    assert await menus(http) == {1001: "english", GROUP_ID: "admins", user.chat_id: "people"}
    await bot.delete_my_commands(scope=BotCommandScopeAllPrivateChats())
    assert (await menus(http))[user.chat_id] == "help"


async def test_the_bot_reads_back_just_the_list_that_it_asks_for(bot: Bot) -> None:
    await bot.set_my_commands(command("help"))
    await bot.set_my_commands(command("hilfe"), language_code="de")
    assert [one.command for one in await bot.get_my_commands()] == ["help"]
    assert [one.command for one in await bot.get_my_commands(language_code="de")] == ["hilfe"]
    assert await bot.get_my_commands(language_code="fr") == ()
    assert await bot.get_my_commands(scope=BotCommandScopeChat(1001)) == ()


async def test_a_scope_is_known_and_its_chat_exists(bot: Bot, http: httpx.AsyncClient) -> None:
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.set_my_commands(command("help"), scope=BotCommandScopeChat(31337))
    for wrong in ({"scope": {"type": "everybody"}}, {"scope": ["default"]}, {"language_code": "english"}):
        answer = await http.post(f"/bot{TOKEN}/setMyCommands", json={"commands": [], **wrong})
        assert answer.status_code == 400


async def test_the_page_shows_the_descriptions_in_its_language(bot: Bot, user: User) -> None:
    await bot.set_my_description("I name what a photo shows.")
    await bot.set_my_description("Ich sage, was ein Foto zeigt.", language_code="de")
    await bot.set_my_short_description("Names photos", language_code="en")
    assert (await bot.get_my_description()).description == "I name what a photo shows."
    assert (await bot.get_my_description(language_code="de")).description == "Ich sage, was ein Foto zeigt."
    assert (await bot.get_my_short_description()).short_description == ""
    shown = user.bot()
    assert shown["description"] == "I name what a photo shows."
    assert shown["short_description"] == "Names photos"
    await bot.set_my_description("")
    assert user.bot()["description"] == ""


async def test_descriptions_have_limits(bot: Bot) -> None:
    await bot.set_my_description("x" * 512)
    await bot.set_my_short_description("x" * 120)
    with pytest.raises(BadRequest):
        await bot.set_my_description("x" * 513)
    with pytest.raises(BadRequest):
        await bot.set_my_short_description("x" * 121)


# ---- drafts ----


async def test_a_draft_is_shown_until_the_next_message_and_is_not_in_the_history(
    bot: Bot, http: httpx.AsyncClient, user: User
) -> None:
    async with http.stream("GET", "/api/events") as stream:
        heard = events(stream)
        await anext(heard)
        await bot.send_message_draft(user.chat_id, 5, "<b>7th</b> in line", parse_mode=ParseMode.HTML)
        draft = {
            "draft_id": 5,
            "text": "7th in line",
            "entities": [{"type": "bold", "offset": 0, "length": 3}],
        }
        assert await anext(heard) == {"event": "draft", "chat_id": user.chat_id, **draft}
    assert user.draft() == draft
    assert not user.history()
    await bot.send_message_draft(user.chat_id, 5, "")
    assert user.draft() == {"draft_id": 5, "text": "", "entities": []}
    await bot.send_message(user.chat_id, "a cat")
    assert user.draft() is None


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"draft_id": 0}, 400, "Bad Request: RANDOM_ID_INVALID"),
        ({"text": "x" * 4097}, 400, "Bad Request: message is too long"),
        ({"text": "<p>", "parse_mode": "HTML"}, 400, "Bad Request: can't parse entities"),
        ({"chat_id": GROUP_ID}, 400, "Bad Request: TEXTDRAFT_PEER_INVALID"),
        ({"chat_id": 31337}, 400, "Bad Request: chat not found"),
    ],
)
async def test_a_draft_is_for_a_private_chat_and_has_a_number(
    http: httpx.AsyncClient, user: User, change: dict[str, Any], status: int, words: str
) -> None:
    call = {"chat_id": user.chat_id, "draft_id": 5, "text": "7th in line"} | change
    answer = await http.post(f"/bot{TOKEN}/sendMessageDraft", json=call)
    assert answer.status_code == status
    assert answer.json()["description"].startswith(words)
    assert user.draft() is None


# ---- reactions ----


async def test_a_reaction_is_shown_at_the_message_and_is_not_a_part_of_it(bot: Bot, user: User) -> None:
    thanks = user.send_text("thanks")
    assert await bot.set_message_reaction(user.chat_id, thanks["message_id"], "❤")
    (shown,) = user.history()
    assert shown == thanks | {"reactions": ["❤"]}
    user.send_text("again", reply_to=thanks["message_id"])
    reply = (await bot.get_updates(timeout=0))[-1].to_dict()
    assert "reactions" not in reply["message"]["reply_to_message"]
    await bot.set_message_reaction(user.chat_id, thanks["message_id"], None)
    assert user.history()[0] == thanks


async def test_each_emoji_that_the_bot_api_lists_is_a_reaction(bot: Bot, user: User) -> None:
    message = user.send_text("thanks")
    for emoji in ReactionEmoji:
        assert await bot.set_message_reaction(user.chat_id, message["message_id"], emoji)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reaction": [{"type": "emoji", "emoji": "🥬"}]}, "REACTION_INVALID"),
        ({"reaction": [{"type": "emoji", "emoji": "thanks"}]}, "REACTION_INVALID"),
        ({"reaction": [{"type": "paid"}]}, "REACTION_INVALID"),
        ({"reaction": [{"type": "emoji", "emoji": one} for one in "👍🔥"]}, "REACTIONS_TOO_MANY"),
        ({"reaction": {"type": "emoji"}}, "expected an Array of ReactionType"),
        ({"message_id": 999}, "message to react not found"),
    ],
)
async def test_a_reaction_is_one_allowed_emoji_at_a_message(
    http: httpx.AsyncClient, user: User, change: dict[str, Any], words: str
) -> None:
    message = user.send_text("thanks")
    call = {
        "chat_id": user.chat_id,
        "message_id": message["message_id"],
        "reaction": [{"type": "emoji", "emoji": "👍"}],
    }
    answer = await http.post(f"/bot{TOKEN}/setMessageReaction", json=call | change)
    assert (answer.status_code, answer.json()["description"]) == (400, f"Bad Request: {words}")
    assert user.history() == [message]


# ---- presses, spoilers, edits ----


async def test_the_page_hears_the_words_for_the_press_that_they_answer(
    bot: Bot, http: httpx.AsyncClient, user: User
) -> None:
    sent = await bot.send_message(user.chat_id, "Was I right?", reply_markup=BUTTON)
    async with http.stream("GET", "/api/events") as stream:
        heard = events(stream)
        await anext(heard)
        path = f"/api/chats/{user.chat_id}/messages/{sent.message_id}/press"
        pressed = (await http.post(path, json={"data": "y"})).json()
        assert pressed["heard"]
        with pytest.raises(BadRequest, match=r"(?i)message_too_long"):
            await bot.answer_callback_query(pressed["query_id"], "x" * 201)
        await bot.answer_callback_query(pressed["query_id"], "Thank you", show_alert=True)
        callback = {"event": "callback", "chat_id": user.chat_id, "query_id": pressed["query_id"]}
        assert await anext(heard) == callback | {"text": "Thank you", "show_alert": True}


async def test_spoilers_are_marked_in_photos_and_in_texts(bot: Bot, user: User) -> None:
    plain = user.send_photo(photos.png())
    hidden = user.send_album([photos.png()] * 2, spoiler=True)
    assert "has_media_spoiler" not in plain
    assert all(message["has_media_spoiler"] is True for message in hidden)
    updates = await bot.get_updates(timeout=0)
    assert [bool(update.message and update.message.has_media_spoiler) for update in updates] == [False, True, True]
    text = 'It is <tg-spoiler>a cat</tg-spoiler>, <span class="tg-spoiler">a tabby</span>'
    sent = await bot.send_message(user.chat_id, text, parse_mode=ParseMode.HTML)
    assert [(one.type, sent.parse_entity(one)) for one in sent.entities] == [
        ("spoiler", "a cat"),
        ("spoiler", "a tabby"),
    ]


async def test_a_reaction_and_an_edit_do_not_make_a_message_unread_again(
    bot: Bot, http: httpx.AsyncClient, user: User
) -> None:
    sent = await bot.send_message(user.chat_id, "1  a cat")
    await http.put(f"/api/chats/{user.chat_id}", json={"read": sent.message_id})
    heard: list[Json] = []
    async with http.stream("GET", "/api/events") as stream:
        stream_of = events(stream)
        await anext(stream_of)
        await bot.edit_message_text("1  a cat, 2  a dog", user.chat_id, sent.message_id)
        await bot.set_message_reaction(user.chat_id, sent.message_id, "🎉")
        heard = [await anext(stream_of) for _ in range(2)]
    assert [(event["message"]["message_id"], event["unread"]) for event in heard] == [(sent.message_id, 0)] * 2
    assert heard[1]["message"]["reactions"] == ["🎉"]
    assert heard[1]["message"]["edit_date"] == heard[0]["message"]["edit_date"]
