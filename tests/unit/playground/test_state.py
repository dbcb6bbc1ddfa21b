"""What passes with time in the playground: buttons, guests' questions and drafts."""

from __future__ import annotations

import pytest

from playground.bot_api import BotApi
from playground.errors import ApiError
from playground.json_types import Json
from playground.page_input import text_fields
from playground.parameters import Parameters
from playground.queries import CALLBACK_VALID_S, GUEST_VALID_S
from playground.state import Playground

TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
ARTICLE: Json = {"type": "article", "id": "1", "title": "a cat", "input_message_content": {"message_text": "a cat"}}


class Room:
    """A playground whose time a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.playground = Playground(7, clock=lambda: self.now)
        self.bot = BotApi(self.playground)

    async def call(self, method: str, **parameters: object) -> Json:
        answer: Json = await self.bot.call(method, Parameters(parameters))
        return answer


@pytest.fixture
def room() -> Room:
    return Room()


async def test_a_pressed_button_can_be_answered_for_15_seconds(room: Room) -> None:
    chat = room.playground.chats.opened(1001)
    sent = await room.call("sendMessage", chat_id=1001, text="Was I right?")
    _, early = room.playground.user_presses(chat, sent["message_id"], "y")
    _, late = room.playground.user_presses(chat, sent["message_id"], "y")
    room.now += CALLBACK_VALID_S - 0.1
    assert await room.call("answerCallbackQuery", callback_query_id=early)
    room.now += 0.1
    with pytest.raises(ApiError, match=TOO_OLD):
        await room.call("answerCallbackQuery", callback_query_id=late)


async def test_a_question_to_a_guest_can_be_answered_for_60_seconds(room: Room) -> None:
    group = room.playground.chats.opened(-1001)
    group.has_bot = False
    for _ in range(2):
        room.playground.user_says(group, text_fields("@whatsit_playground_bot"))
    updates = await room.playground.updates.poll(0, 100, 0, None)
    early, late = [update["guest_message"]["guest_query_id"] for update in updates]
    room.now += GUEST_VALID_S - 0.1
    assert await room.call("answerGuestQuery", guest_query_id=early, result=ARTICLE)
    room.now += 0.1
    with pytest.raises(ApiError, match=TOO_OLD):
        await room.call("answerGuestQuery", guest_query_id=late, result=ARTICLE)
    assert [message["text"] for message in group.messages.values()][2:] == ["a cat"]


async def test_a_draft_is_shown_for_30_seconds_from_its_last_change(room: Room) -> None:
    chat = room.playground.chats.opened(1001)
    await room.call("sendMessageDraft", chat_id=1001, draft_id=5, text="7th in line")
    room.now += 20
    await room.call("sendMessageDraft", chat_id=1001, draft_id=5, text="6th in line")
    room.now += 29.9
    assert room.playground.draft(chat) == {"draft_id": 5, "text": "6th in line", "entities": []}
    room.now += 0.1
    assert room.playground.draft(chat) is None


def test_the_reaction_to_a_message_is_dropped_with_it(room: Room) -> None:
    chat = room.playground.chats.opened(1001)
    first = room.playground.user_says(chat, {"text": "thanks"})
    room.playground.bot_reacts(chat, first["message_id"], ["❤"])
    for _ in range(500):
        room.playground.user_says(chat, {"text": "x"})
    assert not chat.reactions
