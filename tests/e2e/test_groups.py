"""The whole bot where several people are: in groups as Telegram delivers them, as a guest, and with its operators."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.support import photos
from tests.support.bot_api import User
from tests.support.running_bot import Bot
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(120)

NAME = "whatsit_playground_bot"
OPERATOR, PERSON, ASKER = 7007, 5005, 5006
WHAT = f"/what@{NAME}"
HINT = f"Reply to a photo with {WHAT}, and I’ll say what it shows."

_groups = itertools.count(-1_001_000_000_100, -1)


@pytest.fixture(scope="module")
def bot_settings() -> dict[str, str]:
    return {"ADMIN_CHATS": str(OPERATOR)}


@pytest.fixture
def group(bot: Bot) -> Iterator[User]:
    """A group that the bot was just added to, with privacy mode on, after its greeting."""
    with bot.user(next(_groups)) as group:
        group.set_privacy(on=True)
        group.history()
        group.set_chat(member=False)
        group.set_chat(member=True)
        group.wait_for_answers(1)
        yield group


def texts(user: User) -> list[str]:
    return [answer["text"] for answer in user.answers()]


def test_a_group_is_greeted_with_how_to_ask_and_what_is_used(group: User) -> None:
    (greeting,) = texts(group)
    assert HINT in greeting
    assert "Only messages that ask me reach me" in greeting
    assert f"/privacy@{NAME}" in greeting


def test_with_privacy_mode_on_a_photo_is_looked_at_when_somebody_asks_about_it(bot: Bot, group: User) -> None:
    cat = group.send_photo(photos.jpeg("chelsea"))
    group.send_text("What a nice cat!", reply_to=cat["message_id"])
    cup = group.send_photo(photos.jpeg("coffee"))
    group.send_text(WHAT, reply_to=cat["message_id"], user_id=PERSON)
    _, answer = group.wait_for_answers(2)
    assert "cat" in answer["text"].split("\n")[0]
    assert answer["reply_to_message"]["message_id"] == cat["message_id"], "it hangs on the photo, not on the question"
    captioned = group.send_photo(photos.jpeg("coffee"), caption=WHAT)
    *_, answer = group.wait_for_answers(3)
    assert "espresso" in answer["text"]
    assert answer["reply_to_message"]["message_id"] == captioned["message_id"] != cup["message_id"]
    bot.wait_until_idle()
    assert len(group.answers()) == 3, "nobody asked about the other cup"


def test_alone_the_command_says_how_to_ask_once_a_minute(bot: Bot, group: User) -> None:
    for _ in range(3):
        group.send_text(WHAT)
    group.wait_for_answers(2)
    bot.wait_until_idle()
    assert texts(group)[1:] == [HINT]


def test_thanks_below_an_answer_get_a_heart(bot: Bot, group: User) -> None:
    group.send_photo(photos.jpeg("coffee"), caption=WHAT)
    _, answer = group.wait_for_answers(2)
    thanks = group.send_text("Thanks!", reply_to=answer["message_id"])

    def reactions() -> list[str]:
        (message,) = [each for each in group.history() if each["message_id"] == thanks["message_id"]]
        return list(message.get("reactions", []))

    wait_until(lambda: reactions() == ["❤"], 20, "a heart")
    bot.wait_until_idle()
    assert len(group.answers()) == 2


def test_a_picture_behind_a_spoiler_is_answered_behind_one(group: User) -> None:
    group.send_photo(photos.jpeg("coffee"), caption=WHAT, spoiler=True)
    _, answer = group.wait_for_answers(2)
    (mark,) = [each for each in answer["entities"] if each["type"] == "spoiler"]
    assert (mark["offset"], mark["length"]) == (0, len(answer["text"]))


def test_a_guest_gets_one_answer_of_two_lines(bot: Bot) -> None:
    with bot.user(next(_groups)) as chat:
        chat.history()
        photo = chat.send_photo(photos.jpeg("chelsea"))
        chat.set_chat(member=False)
        asked = chat.send_text(f"@{NAME} what is it?", reply_to=photo["message_id"], user_id=ASKER)
        (answer,) = chat.wait_for_answers(1)
        assert "cat" in answer["text"]
        assert len(answer["text"].split("\n")) <= 2
        assert answer["reply_to_message"]["message_id"] == asked["message_id"]
        assert "reply_markup" not in answer
        bot.wait_until_idle()
        assert len(chat.answers()) == 1


def test_an_operator_blocks_a_person_at_once_and_nobody_else_can(bot: Bot) -> None:
    with bot.user(OPERATOR) as operator, bot.user(PERSON) as person:
        person.send_text(f"/block {OPERATOR}")
        (refused,) = person.wait_for_answers(1)
        assert refused["text"].startswith("I don’t know the command /block.")
        operator.send_text(f"/block {PERSON}")
        operator.wait_for_answers(1)
        person.send_photo(photos.jpeg("coffee"))
        bot.wait_until_idle()
        assert len(person.answers()) == 1, "blocked"
        operator.send_text("/blocked")
        *_, listed = operator.wait_for_answers(2)
        assert str(PERSON) in listed["text"]
        operator.send_text(f"/unblock {PERSON}")
        operator.wait_for_answers(3)
        person.send_photo(photos.jpeg("coffee"))
        *_, answer = person.wait_for_answers(2)
        assert "espresso" in answer["text"]
