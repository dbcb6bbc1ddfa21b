"""Buttons, drafts, reactions and edits in the chat page. Each test speaks for the bot."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from playground.json_types import Json
from tests.support.bot_api import RunningPlayground, User
from tests.support.bot_by_hand import BotByHand
from tests.support.browser import WIDE, accessibility_faults, needs_chromium, open_page, running_browser

pytestmark = needs_chromium

SMALL_PHONE = (360, 740)
WORDS = ["Deutsch", "English", "Español", "Bahasa Indonesia"]
KEYBOARD: Json = {"inline_keyboard": [[{"text": words, "callback_data": words[:2]} for words in WORDS]]}
LONG: Json = {
    "inline_keyboard": [
        [{"text": f"{words} {row}", "callback_data": f"{words} {row}"} for words in WORDS] for row in range(5)
    ]
}

_chats = itertools.count(7001)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def bot(playground: RunningPlayground) -> Iterator[BotByHand]:
    with BotByHand(playground.url) as bot:
        yield bot


@pytest.fixture
def user(playground: RunningPlayground) -> Iterator[User]:
    with playground.user(next(_chats)) as user:
        user.send_text("What is it?")
        yield user


@pytest.fixture
def page(browser: Browser, playground: RunningPlayground, user: User, bot: BotByHand) -> Iterator[Page]:
    with open_page(browser, f"{playground.url}/?chat={user.chat_id}", SMALL_PHONE) as page:
        expect(page.locator(".mine")).to_be_visible()
        yield page


def with_clock(page: Page) -> None:
    """Hold the page's time; the history is shown."""
    page.clock.install()
    page.reload()
    expect(page.locator(".mine")).to_be_visible()


def button(page: Page, words: str = "Deutsch") -> Locator:
    return page.get_by_role("button", name=words, exact=True)


# ---- buttons ----


def test_a_pressed_button_waits_for_its_answer_and_is_not_sent_twice(page: Page, user: User, bot: BotByHand) -> None:
    bot.say(user.chat_id, "Which language?", reply_markup=KEYBOARD)
    button(page).click()
    expect(button(page)).to_have_attribute("aria-busy", "true")
    button(page).click(force=True)
    page.keyboard.press("Enter")
    button(page, "English").click()
    presses = [bot.wait_for("callback_query"), bot.wait_for("callback_query")]
    assert [press["data"] for press in presses] == ["De", "En"]
    bot.call("answerCallbackQuery", callback_query_id=presses[0]["id"], text="Ab jetzt auf Deutsch.")
    expect(page.get_by_text("Ab jetzt auf Deutsch.")).to_be_visible()
    expect(button(page)).not_to_have_attribute("aria-busy", "true")
    expect(button(page, "English")).to_have_attribute("aria-busy", "true")
    button(page).click()
    assert bot.wait_for("callback_query")["data"] == "De"


def test_an_answer_that_comes_before_the_page_knows_its_query_counts(page: Page, user: User, bot: BotByHand) -> None:
    bot.say(user.chat_id, "Which language?", reply_markup=KEYBOARD)

    def answer_first(route: Route) -> None:
        response = route.fetch()
        bot.call("answerCallbackQuery", callback_query_id=response.json()["query_id"], text="At once.")
        bot.say(user.chat_id, "And later.")
        expect(page.get_by_role("region", name="New messages")).to_contain_text("And later.")
        route.fulfill(response=response)

    page.route("**/press", answer_first)
    button(page).click()
    expect(page.get_by_text("At once.")).to_be_visible()
    expect(button(page)).not_to_have_attribute("aria-busy", "true")


def test_an_alert_has_to_be_closed_and_gives_the_focus_back(page: Page, user: User, bot: BotByHand) -> None:
    bot.say(user.chat_id, "Which language?", reply_markup=KEYBOARD)
    button(page).focus()
    page.keyboard.press("Space")
    press = bot.wait_for("callback_query")
    bot.call("answerCallbackQuery", callback_query_id=press["id"], text="Only admins can do this.", show_alert=True)
    alert = page.get_by_role("alertdialog")
    expect(alert).to_contain_text("Only admins can do this.")
    expect(alert.get_by_role("button", name="OK")).to_be_focused()
    assert not accessibility_faults(page)
    page.keyboard.press("Enter")
    expect(alert).to_be_hidden()
    expect(button(page)).to_be_focused()


def test_a_button_that_nobody_answers_can_be_pressed_again_after_a_while(
    page: Page, user: User, bot: BotByHand
) -> None:
    with_clock(page)
    bot.say(user.chat_id, "Which language?", reply_markup=KEYBOARD)
    button(page).click()
    bot.wait_for("callback_query")
    page.clock.run_for(15_000)
    expect(page.get_by_text("Whatsit has not answered this button.")).to_be_visible()
    button(page).click()
    bot.wait_for("callback_query")


def test_an_answer_to_somebody_else_is_not_shown(page: Page, user: User, bot: BotByHand) -> None:
    message = bot.say(user.chat_id, "Which language?", reply_markup=KEYBOARD)
    user.press(message["message_id"], "De")
    bot.call("answerCallbackQuery", callback_query_id=bot.wait_for("callback_query")["id"], text="For them")
    button(page, "English").click()
    bot.call("answerCallbackQuery", callback_query_id=bot.wait_for("callback_query")["id"], text="For you")
    expect(page.get_by_text("For you")).to_be_visible()
    expect(page.get_by_text("For them")).to_have_count(0)


def test_the_focus_stays_on_a_button_while_its_message_changes(page: Page, user: User, bot: BotByHand) -> None:
    message = bot.say(user.chat_id, "Which language?", reply_markup=KEYBOARD)
    where = {"chat_id": user.chat_id, "message_id": message["message_id"]}
    button(page, "English").focus()
    page.keyboard.press("Enter")
    press = bot.wait_for("callback_query")
    changed: Json = {"inline_keyboard": [[{"text": f"{words} now", "callback_data": words} for words in WORDS]]}
    bot.call("editMessageText", **where, text="English it is", reply_markup=changed)
    bot.call("answerCallbackQuery", callback_query_id=press["id"])
    expect(button(page, "English now")).to_be_focused()
    bot.call("editMessageText", **where, text="Done")
    expect(page.locator("article:not(.mine)")).to_be_focused()


# ---- drafts ----


def draft(bot: BotByHand, user: User, text: str, draft_id: int = 7) -> None:
    assert bot.call("sendMessageDraft", chat_id=user.chat_id, draft_id=draft_id, text=text)


def test_a_draft_grows_and_ends_with_the_answer(page: Page, user: User, bot: BotByHand) -> None:
    draft(bot, user, "You are 7th in line: about 9 seconds.")
    expect(page.locator("#draft .text")).to_have_text("You are 7th in line: about 9 seconds.")
    draft(bot, user, "You are 2nd in line: about 3 seconds.")
    expect(page.locator("#draft .text")).to_have_text("You are 2nd in line: about 3 seconds.")
    expect(page.get_by_role("region", name="New messages").get_by_text("in line")).to_have_count(1)
    user.send_text("And this?")
    expect(page.locator("#messages > :last-child")).to_have_id("draft")
    page.reload()
    expect(page.locator("#draft .text")).to_have_text("You are 2nd in line: about 3 seconds.")
    bot.say(user.chat_id, "a cat")
    expect(page.locator("#draft")).to_have_count(0)
    expect(page.locator("article:not(.mine)")).to_have_count(1)


def test_a_draft_lives_for_thirty_seconds(page: Page, user: User, bot: BotByHand) -> None:
    with_clock(page)
    draft(bot, user, "You are 7th in line")
    expect(page.locator("#draft")).to_be_visible()
    page.clock.run_for(29_000)
    expect(page.locator("#draft")).to_be_visible()
    draft(bot, user, "You are 6th in line")
    expect(page.locator("#draft .text")).to_have_text("You are 6th in line")
    page.clock.run_for(29_000)
    expect(page.locator("#draft")).to_be_visible()
    page.clock.run_for(1_000)
    expect(page.locator("#draft")).to_have_count(0)


def test_a_draft_belongs_to_its_chat(page: Page, playground: RunningPlayground, user: User, bot: BotByHand) -> None:
    with playground.user(next(_chats)) as other:
        other.send_text("And this?")
        draft(bot, other, "For the other")
        draft(bot, user, "For you")
        expect(page.locator("#draft .text")).to_have_text("For you")
        page.get_by_role("button", name="Chats").click()
        page.locator(f'#chat-list a[href="?chat={other.chat_id}"]').click()
        expect(page.locator("#draft .text")).to_have_text("For the other")
        bot.say(user.chat_id, "a cat")
        expect(page.get_by_role("complementary", name="Notification")).to_be_visible()
        expect(page.locator("#draft .text")).to_have_text("For the other")
        page.go_back()
        expect(page.locator("article:not(.mine)")).to_be_visible()
        expect(page.locator("#draft")).to_have_count(0)


def test_somebody_in_line_is_not_told_that_the_bot_does_not_answer(page: Page, user: User, bot: BotByHand) -> None:
    with_clock(page)
    user.send_text("And this?")
    expect(page.locator(".mine")).to_have_count(2)
    for turn in ("3rd", "2nd"):
        page.clock.run_for(15_000)
        bot.updates()  # a bot that polls is online
        draft(bot, user, f"You are {turn} in line")
        expect(page.locator("#draft")).to_contain_text(turn)
    expect(page.locator("#state")).to_have_text("online")
    expect(page.locator("#notice")).to_be_hidden()
    page.clock.run_for(21_000)
    bot.updates()
    expect(page.locator("#notice")).to_contain_text("Still no answer.")


# ---- reactions and edits ----


def test_a_reaction_stands_below_its_message_and_counts_as_an_answer(page: Page, user: User, bot: BotByHand) -> None:
    with_clock(page)
    thanks = user.send_text("Thanks!")
    expect(page.locator(".mine")).to_have_count(2)
    bot.call(
        "setMessageReaction",
        chat_id=user.chat_id,
        message_id=thanks["message_id"],
        reaction=[{"type": "emoji", "emoji": "❤"}],
    )
    expect(page.locator(".mine").last.locator(".reactions")).to_have_text("Reaction: ❤")
    expect(page.get_by_role("region", name="New messages")).to_contain_text("Whatsit reacted with ❤")
    page.clock.run_for(21_000)
    expect(page.locator("#notice")).to_be_hidden()


def test_an_edit_of_the_bot_is_silent(page: Page, playground: RunningPlayground, user: User, bot: BotByHand) -> None:
    with playground.user(next(_chats)) as other:
        other.send_text("And this?")
        first = bot.say(other.chat_id, "1 …")
        notification = page.get_by_role("complementary", name="Notification")
        notification.get_by_role("button", name="Close").click()
        bot.call("editMessageText", chat_id=other.chat_id, message_id=first["message_id"], text="1 a cat")
        line = page.locator(f'#chat-list a[href="?chat={other.chat_id}"]')
        expect(line).to_contain_text("1 a cat")
        expect(line).to_contain_text("1 unread")
        expect(notification).to_be_hidden()
        expect(page.get_by_role("region", name="New messages")).not_to_contain_text("1 a cat")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, SMALL_PHONE], ids=["wide", "narrow"])
def test_twenty_buttons_fit_with_their_words(
    browser: Browser,
    playground: RunningPlayground,
    user: User,
    bot: BotByHand,
    scheme: Literal["light", "dark"],
    size: tuple[int, int],
) -> None:
    bot.say(user.chat_id, "a cat", reply_markup=LONG)
    with open_page(browser, f"{playground.url}/?chat={user.chat_id}", size, scheme) as page:
        expect(page.locator(".keyboard button")).to_have_count(20)
        page.get_by_role("button", name="Deutsch 4").click()
        draft(bot, user, "You are 7th in line: about 9 seconds.")
        expect(page.locator("#draft")).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]
        cut_off = (
            "[...document.querySelectorAll('.keyboard button')].filter((one) => one.scrollWidth > one.offsetWidth)"
        )
        assert page.evaluate(f"{cut_off}.length") == 0
        assert not accessibility_faults(page)
