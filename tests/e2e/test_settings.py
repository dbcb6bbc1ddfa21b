"""/settings, /privacy, the menus and the profile with the whole bot, in the page of a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from common import words
from common.conversation import profile
from common.languages import speech
from tests.support import photos
from tests.support.bot_api import User
from tests.support.browser import accessibility_faults, needs_chromium, open_page, running_browser
from tests.support.running_bot import Bot
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(120)]

ANSWER_MS = 20_000
PHONE = (360, 740)
MEMBER = 5005
SHORT, LONG = "1:set:short:1", "1:set:short:0"
IN_PRIVATE = ("Buttons below answers: yes", "Language: like your app")
IN_GROUPS = ("Buttons below answers: no", "Photos: when I’m asked", "Language: English")


@pytest.fixture(scope="module")
def bot_settings() -> dict[str, str]:
    return {"CONTACT": "https://example.org/bot"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, bot: Bot, user: User) -> Iterator[Page]:
    with open_page(browser, f"{bot.url}/?chat={user.chat_id}", PHONE) as page:
        expect(page.locator("#state")).to_have_text("online", timeout=ANSWER_MS)
        yield page


def write(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def answers(page: Page) -> Locator:
    return page.locator("article:not(.mine)")


def labels(message: dict[str, Any]) -> list[str]:
    """The words of a message's buttons."""
    keyboard = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in keyboard for button in row]


def shows(user: User, message_id: int, *words: str) -> None:
    """Wait until the message of the settings has these buttons."""

    def is_shown() -> bool:
        return any(labels(each) == list(words) for each in user.answers() if each["message_id"] == message_id)

    wait_until(is_shown, 20, f"buttons {words}")


@needs_chromium
def test_settings_change_in_their_message_and_a_short_answer_is_one_sentence(page: Page, user: User) -> None:
    write(page, "/settings")
    page.get_by_role("button", name="Answers: with other guesses").click(timeout=ANSWER_MS)
    expect(page.get_by_role("button", name="Answers: one sentence")).to_be_visible(timeout=ANSWER_MS)
    expect(answers(page)).to_have_count(1)
    user.send_photo(photos.jpeg("chelsea"))
    (_, answer) = user.wait_for_answers(2)
    assert "cat" in answer["text"]
    assert "\n" not in answer["text"]
    assert not accessibility_faults(page)


@needs_chromium
def test_a_chat_is_forgotten_after_one_question(page: Page, user: User) -> None:
    write(page, "/settings")
    page.get_by_role("button", name="Answers: with other guesses").click(timeout=ANSWER_MS)
    expect(page.get_by_role("button", name="Answers: one sentence")).to_be_visible(timeout=ANSWER_MS)
    page.get_by_role("button", name="Forget this chat").click()
    expect(answers(page)).to_contain_text("Forget this chat? I delete")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("button", name="Answers: one sentence")).to_be_visible(timeout=ANSWER_MS)
    page.get_by_role("button", name="Forget this chat").click()
    page.get_by_role("button", name="Forget it").click(timeout=ANSWER_MS)
    expect(page.get_by_role("button", name="Answers: with other guesses")).to_be_visible(timeout=ANSWER_MS)
    expect(page.get_by_text("I’ve forgotten this chat.")).to_be_visible()


@needs_chromium
def test_privacy_is_read_on_a_phone_without_scrolling_sideways(page: Page) -> None:
    write(page, "/privacy")
    expect(answers(page)).to_contain_text("My operator can be reached at https://example.org/bot", timeout=ANSWER_MS)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_in_a_group_only_admins_change_what_everybody_reads(bot: Bot) -> None:
    with bot.user(-6001) as group:
        group.history()
        group.send_text("/settings@whatsit_playground_bot")
        (message,) = group.wait_for_answers(1)
        id_, rest = message["message_id"], [*IN_GROUPS, "Forget this chat"]
        assert labels(message) == ["Answers: with other guesses", *rest]
        group.press(id_, SHORT, MEMBER)
        bot.wait_until_idle()
        shows(group, id_, "Answers: with other guesses", *rest)
        group.set_chat(admin={str(MEMBER): True})
        group.press(id_, SHORT, MEMBER)
        shows(group, id_, "Answers: one sentence", *rest)
        group.press(id_, LONG)  # its creator
        shows(group, id_, "Answers: with other guesses", *rest)


def test_in_a_storm_of_presses_the_last_one_stays(bot: Bot) -> None:
    with bot.user(6002) as user:
        user.history()
        user.send_text("/settings")
        (message,) = user.wait_for_answers(1)
        for _ in range(10):
            user.press(message["message_id"], LONG)
            user.press(message["message_id"], SHORT)
        bot.wait_until_idle()
        shows(user, message["message_id"], "Answers: one sentence", *IN_PRIVATE, "Forget this chat")
        assert len(user.answers()) == 1


def test_the_menus_and_the_profile_come_again_with_a_playground_that_was_started_again(bot: Bot) -> None:
    with bot.user(6003) as user:

        def is_set() -> bool:
            about = user.bot()
            offered = [command["command"] for command in about["commands"]]
            return offered == list(profile.IN_PRIVATE) and about["description"] == speech.say(words.DESCRIPTION)

        wait_until(is_set, 20, "the profile")
        bot.ctl("restart", "playground")
        user.wait_for_bot()
        wait_until(is_set, 30, "the profile of the new playground")


def test_every_press_of_the_settings_is_told_to_the_one_who_pressed(bot: Bot, user: User) -> None:
    user.send_text("/settings")
    (message,) = user.wait_for_answers(1)
    before = user.calls().get("answerCallbackQuery", 0)
    for button in (SHORT, "1:forget", "1:forget:0", "1:nothing"):
        user.press(message["message_id"], button)
    wait_until(lambda: user.calls().get("answerCallbackQuery", 0) == before + 4, 20, "four toasts")
