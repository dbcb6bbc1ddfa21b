"""Groups in the playground as python-telegram-bot sees them: membership, privacy mode, guests, people."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from telegram import (
    Bot,
    ChatMemberAdministrator,
    ChatMemberBanned,
    ChatMemberMember,
    ChatMemberOwner,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    Message,
    Update,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden
from telegram.request import HTTPXRequest

from tests.support import photos
from tests.support.bot_api import DIRECT, TOKEN, RunningPlayground, User

NAME = "@whatsit_playground_bot"
KINDS = ["message", "callback_query", "guest_message", "my_chat_member"]
BUTTON = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y")]])

_groups = itertools.count(-1001000000701, -1)


@pytest.fixture
def group(playground: RunningPlayground) -> Iterator[User]:
    """A group that the bot is in; the playground has forgotten everything else."""
    with playground.user(next(_groups)) as group:
        group.reset()
        group.history()  # opens the chat
        yield group


@pytest.fixture
async def bot(playground: RunningPlayground, group: User) -> AsyncIterator[Bot]:
    url, requests = playground.url, [HTTPXRequest(httpx_kwargs=DIRECT) for _ in range(2)]
    async with Bot(TOKEN, base_url=f"{url}/bot", request=requests[0], get_updates_request=requests[1]) as bot:
        await bot.get_updates(timeout=0, allowed_updates=KINDS)
        yield bot


@pytest.fixture
async def http(playground: RunningPlayground, group: User) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=playground.url, **DIRECT) as http:
        yield http


async def updates(bot: Bot) -> list[Update]:
    """The updates since the last call."""
    found = list(await bot.get_updates(timeout=0))
    if found:
        await bot.get_updates(offset=found[-1].update_id + 1, timeout=0)
    return found


async def seen(bot: Bot) -> list[str | None]:
    """The texts and captions of the messages since the last call."""
    messages = [update.message for update in await updates(bot)]
    return [message.text or message.caption for message in messages if message]


def article(text: str, **content: Any) -> InlineQueryResultArticle:
    return InlineQueryResultArticle("1", "a cat", InputTextMessageContent(text, **content))


# ---- membership ----


async def test_the_bot_is_told_of_its_removal_and_of_its_return_once(bot: Bot, group: User) -> None:
    for member in (False, False, True, True):
        group.set_chat(member=member)
    removed, added = [update.my_chat_member for update in await updates(bot)]
    assert removed is not None
    assert added is not None
    assert removed.chat.id == group.chat_id
    assert removed.from_user.first_name == "You"
    assert isinstance(removed.old_chat_member, ChatMemberMember)
    assert isinstance(removed.new_chat_member, ChatMemberBanned)
    assert removed.new_chat_member.user.id == bot.id
    assert isinstance(added.new_chat_member, ChatMemberMember)


async def test_a_new_group_adds_the_bot_and_a_new_person_does_not(bot: Bot, http: httpx.AsyncClient) -> None:
    await http.post("/api/chats", json={"group": False})
    chat = (await http.post("/api/chats", json={"group": True})).json()["chat"]
    assert chat["member"] is True
    (update,) = await updates(bot)
    assert update.my_chat_member is not None
    assert update.my_chat_member.chat.id == chat["id"]
    assert (update.my_chat_member.old_chat_member.status, update.my_chat_member.new_chat_member.status) == (
        "left",
        "member",
    )


async def test_a_person_who_blocks_the_bot_and_unblocks_it_is_told_in_the_same_way(
    bot: Bot, playground: RunningPlayground
) -> None:
    with playground.user(5005) as person:
        person.set_chat(blocked=True)
        person.set_chat(blocked=False)
    changes = [update.my_chat_member for update in await updates(bot)]
    assert [change.new_chat_member.status for change in changes if change] == ["kicked", "member"]
    assert all(change is not None and change.from_user.id == 5005 for change in changes)
    assert await bot.send_message(5005, "hello again")


async def test_where_the_bot_was_removed_it_can_do_nothing(bot: Bot, group: User) -> None:
    message = await bot.send_message(group.chat_id, "hello")
    group.set_chat(member=False)
    for call in (
        bot.send_message(group.chat_id, "hello"),
        bot.send_chat_action(group.chat_id, "typing"),
        bot.edit_message_text("bye", group.chat_id, message.message_id),
        bot.set_message_reaction(group.chat_id, message.message_id, "❤"),
        bot.get_chat_member(group.chat_id, 1001),
    ):
        with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
            await call
    group.set_chat(type="group")
    with pytest.raises(Forbidden, match="bot was kicked from the group chat"):
        await bot.send_message(group.chat_id, "hello")
    assert [answer["text"] for answer in group.answers()] == ["hello"]


@pytest.mark.parametrize(("chat_id", "change"), [(1001, {"member": False}), (-1, {"blocked": True})])
async def test_a_group_is_left_and_a_person_blocks(
    http: httpx.AsyncClient, chat_id: int, change: dict[str, bool]
) -> None:
    answer = await http.put(f"/api/chats/{chat_id}", json=change)
    assert "private chat" in answer.json()["refused"]


async def test_the_owner_administrators_and_members_of_a_group_differ(bot: Bot, group: User) -> None:
    group.set_chat(admin={"1003": True, "1004": True})
    group.set_chat(admin={"1004": False})
    members = [await bot.get_chat_member(group.chat_id, user_id) for user_id in (1001, 1002, 1003, 1004, bot.id)]
    kinds = [ChatMemberOwner, ChatMemberMember, ChatMemberAdministrator, ChatMemberMember, ChatMemberMember]
    assert [type(member) for member in members] == kinds
    assert [member.user.first_name for member in members] == ["You", "Guest 2", "Guest 3", "Guest 4", "Whatsit"]
    with pytest.raises(BadRequest, match=r"(?i)invalid user_id specified"):
        await bot.get_chat_member(group.chat_id, 0)
    with pytest.raises(BadRequest, match=r"(?i)member not found"):
        await bot.get_chat_member(1001, 1002)


# ---- privacy mode ----


async def test_in_privacy_mode_commands_and_replies_to_the_bot_arrive(bot: Bot, group: User) -> None:
    assert not (await bot.get_me()).can_read_all_group_messages
    hello = await bot.send_message(group.chat_id, "hello")
    photo = group.send_photo(photos.png())
    group.send_text("just talk")
    group.send_text(f"{NAME} what is it?", reply_to=photo["message_id"])
    group.send_text("/what@another_bot", reply_to=photo["message_id"])
    group.send_text(f"/what{NAME}", reply_to=photo["message_id"])
    group.send_text("thanks", reply_to=hello.message_id)
    assert await seen(bot) == [f"/what{NAME}", "thanks"]


async def test_with_privacy_mode_off_all_messages_arrive_in_all_groups(bot: Bot, group: User) -> None:
    group.set_privacy(on=False)
    assert (await bot.get_me()).can_read_all_group_messages
    assert group.bot()["privacy"] is False
    group.send_text("just talk")
    group.set_privacy(on=True)
    group.send_text("more talk")
    assert await seen(bot) == ["just talk"]


async def test_of_an_album_the_photo_with_the_command_arrives(bot: Bot, group: User) -> None:
    sent = group.send_album([photos.png()] * 3, caption=f"/what{NAME}")
    (update,) = await updates(bot)
    assert update.message is not None
    assert (update.message.message_id, update.message.media_group_id) == (
        sent[0]["message_id"],
        sent[0]["media_group_id"],
    )


async def test_an_edited_message_arrives_only_if_it_is_a_command_now(bot: Bot, group: User) -> None:
    await bot.get_updates(timeout=0, allowed_updates=[*KINDS, "edited_message"])
    message = group.send_text("just talk")
    group.edit(message["message_id"], {"text": "more talk"})
    group.edit(message["message_id"], {"text": "/help"})
    (update,) = await updates(bot)
    assert update.edited_message is not None
    assert update.edited_message.text == "/help"


async def test_what_a_test_sends_raw_arrives_whatever_it_is(bot: Bot, group: User) -> None:
    group.send_raw({"text": "just talk"})
    group.set_chat(member=False)
    group.send_raw({"text": "more talk"})
    assert [update.message and update.message.text for update in await updates(bot)] == [
        "just talk",
        None,
        "more talk",
    ]


# ---- people ----


async def test_several_people_write_and_press_in_a_group(bot: Bot, group: User) -> None:
    sent = await bot.send_message(group.chat_id, "Was I right?", reply_markup=BUTTON)
    group.send_text("/help", user_id=1002)
    group.send_photo(photos.png(), "/what", user_id=1003)
    assert group.press(sent.message_id, "y", user_id=1004)
    assert group.press(sent.message_id, "y")
    people = [update.effective_user for update in await updates(bot)]
    assert [(person.id, person.first_name) for person in people if person] == [
        (1002, "Guest 2"),
        (1003, "Guest 3"),
        (1004, "Guest 4"),
        (1001, "You"),
    ]


@pytest.mark.parametrize(("chat_id", "user"), [(1001, 1002), (-1, 0), (-1, -5), (-1, "you"), (-1, [1])])
async def test_who_writes_is_a_person_of_the_chat(http: httpx.AsyncClient, chat_id: int, user: object) -> None:
    answer = await http.post(f"/api/chats/{chat_id}/messages", json={"text": "hello", "user": user})
    assert answer.is_success
    assert answer.json()["refused"]


# ---- guests ----


async def asked(bot: Bot, group: User, text: str = NAME, **message: Any) -> Message:
    """What the bot receives when somebody asks it as a guest."""
    group.set_chat(member=False)
    await updates(bot)
    group.send_text(text, **message)
    (update,) = await updates(bot)
    assert update.guest_message is not None
    return update.guest_message


async def test_a_guest_is_asked_by_its_name_below_a_photo_or_in_reply_to_one(bot: Bot, group: User) -> None:
    assert (await bot.get_me()).supports_guest_queries
    photo = group.send_photo(photos.png())
    message = await asked(bot, group, f"{NAME}?", reply_to=photo["message_id"], user_id=1002)
    assert message.guest_query_id
    assert (message.chat.id, message.from_user and message.from_user.id) == (group.chat_id, 1002)
    assert message.reply_to_message is not None
    assert message.reply_to_message.photo
    group.send_text("just talk")
    group.send_text(f"/what{NAME}")
    group.send_photo(photos.png(), f"What is it, {NAME}?")
    (below,) = await updates(bot)
    assert below.guest_message is not None
    assert below.guest_message.photo
    assert below.guest_message.guest_query_id != message.guest_query_id


async def test_a_guest_answers_once_in_reply_to_the_question(bot: Bot, group: User) -> None:
    message = await asked(bot, group, user_id=1002)
    assert message.guest_query_id
    result = article("I’m sure: <b>a cat</b>", parse_mode=ParseMode.HTML)
    sent = await bot.answer_guest_query(message.guest_query_id, result)
    assert sent.inline_message_id
    with pytest.raises(BadRequest, match=r"(?i)query is too old and response timeout expired or query ID is invalid"):
        await bot.answer_guest_query(message.guest_query_id, result)
    (answer,) = group.answers()
    assert (answer["text"], answer["from"]["id"]) == ("I’m sure: a cat", bot.id)
    assert [entity["type"] for entity in answer["entities"]] == ["bold"]
    assert answer["reply_to_message"]["message_id"] == message.message_id
    assert answer["guest_bot_caller_user"]["id"] == 1002


async def test_a_button_below_a_guest_s_answer_names_it_by_its_inline_id(bot: Bot, group: User) -> None:
    message = await asked(bot, group)
    assert message.guest_query_id
    result = InlineQueryResultArticle("1", "a cat", InputTextMessageContent("a cat"), reply_markup=BUTTON)
    sent = await bot.answer_guest_query(message.guest_query_id, result)
    assert group.press(group.answers()[0]["message_id"], "y")
    (update,) = await updates(bot)
    assert update.callback_query is not None
    assert update.callback_query.inline_message_id == sent.inline_message_id
    assert update.callback_query.message is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "photo"}, 'type "photo" is unsupported'),
        ({"id": ""}, "RESULT_ID_INVALID"),
        ({"id": "x" * 65}, "RESULT_ID_INVALID"),
        ({"title": ""}, "ARTICLE_TITLE_EMPTY"),
        ({"input_message_content": None}, "input message content is not specified"),
        ({"input_message_content": {"message_text": " "}}, "message text is empty"),
        ({"input_message_content": {"message_text": "<p>", "parse_mode": "HTML"}}, "can't parse entities"),
        ({"reply_markup": {"inline_keyboard": [[{"text": "Yes"}]]}}, "Text buttons are unallowed"),
        ({"reply_markup": {"inline_keyboard": [[{"text": "Yes", "callback_data": "x" * 65}]]}}, "BUTTON_DATA_INVALID"),
    ],
)
async def test_a_result_that_is_refused_leaves_the_question_open(
    bot: Bot, group: User, http: httpx.AsyncClient, change: dict[str, Any], words: str
) -> None:
    message = await asked(bot, group)
    call = {"guest_query_id": message.guest_query_id, "result": article("a cat").to_dict() | change}
    answer = await http.post(f"/bot{TOKEN}/answerGuestQuery", json=call)
    assert answer.status_code == 400
    assert words in answer.json()["description"]
    assert message.guest_query_id
    assert await bot.answer_guest_query(message.guest_query_id, article("a cat"))


async def test_nobody_can_be_answered_whose_question_never_was(bot: Bot) -> None:
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await bot.answer_guest_query("7", article("a cat"))
