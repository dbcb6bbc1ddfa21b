"""Two people side by side, one with a German app and one with a Russian one, in the page of a phone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from common import words
from common.answers.vocabulary import names
from common.conversation import preferences
from common.languages.speech import say
from common.pictures import refusals
from tests.support import photos
from tests.support.bot_api import User
from tests.support.browser import accessibility_faults, needs_chromium, open_page, running_browser
from tests.support.running_bot import Bot
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(120), needs_chromium]

ANSWER_MS = 20_000
PHONE = (360, 740)
ESPRESSO = 967
CHATS = itertools.count(8101)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(params=["de", "ru"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def user(bot: Bot, language: str) -> Iterator[User]:
    """A person who has chosen the language: the playground's apps are English."""
    with bot.user(next(CHATS)) as user:
        user.send_text("/settings")
        message = user.wait_for_answers(1)[-1]
        user.press(message["message_id"], f"1:set:language:{language}")
        user.send_text("/help")
        user.wait_for_answers(2)
        yield user


def last(user: User, count: int, after: int) -> list[dict[str, Any]]:
    return user.wait_for_answers(count, after=after)


def test_answers_refusals_and_albums_are_in_the_language_of_the_chat(user: User, language: str) -> None:
    espresso = names(language).phrase(ESPRESSO)
    sent = user.send_photo(photos.jpeg("coffee"))
    (answer,) = last(user, 1, sent["message_id"])
    assert espresso in answer["text"]
    assert re.search(r"\(\d\d\N{NO-BREAK SPACE}%\)", answer["text"])
    refused = user.send_document(b"hello", "a.jpg", "image/jpeg")
    (answer,) = last(user, 1, refused["message_id"])
    assert answer["text"] == say(refusals.NO_IMAGE, language)
    first, *_ = user.send_album([photos.jpeg("coffee"), photos.jpeg("chelsea")])

    def lines() -> list[str]:
        (album,) = last(user, 1, first["message_id"])
        return str(album["text"]).split("\n")

    wait_until(lambda: len(lines()) == 2 and "…" not in "".join(lines()), 20, "both lines")
    assert espresso.casefold() in lines()[0].casefold()


def test_a_wrong_answer_is_told_in_the_page_of_a_phone(browser: Browser, bot: Bot, user: User, language: str) -> None:
    with open_page(browser, f"{bot.url}/?chat={user.chat_id}", PHONE) as page:
        user.send_photo(photos.jpeg("chelsea"))
        _press(page, say(words.WRONG, language))
        expect(_button(page, say(words.SOMETHING_ELSE, language))).to_be_visible(timeout=ANSWER_MS)
        assert accessibility_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        _press(page, say(words.SOMETHING_ELSE, language))
        expect(page.get_by_text(say(words.THANKS, language), exact=True)).to_be_visible()
        expect(_button(page, say(words.SOMETHING_ELSE, language))).to_have_count(0)
        link = page.get_by_role("link", name=say(words.LEARN_MORE, language)).last
        expect(link).to_have_attribute("href", re.compile(f"https://{language}.wikipedia.org/"))


def test_the_settings_and_the_menu_are_in_the_language_too(user: User, language: str) -> None:
    sent = user.send_text("/settings")
    (message,) = last(user, 1, sent["message_id"])
    assert message["text"] == say(preferences.TITLE, language)
    shown = [button["text"] for row in message["reply_markup"]["inline_keyboard"] for button in row]
    assert say(preferences.FORGET_THIS, language) in shown


def _button(page: Page, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True).last


def _press(page: Page, name: str) -> None:
    _button(page, name).click(timeout=ANSWER_MS)
