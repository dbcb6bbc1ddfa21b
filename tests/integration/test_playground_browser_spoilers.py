"""Spoilers in the chat page: pictures and text that stay hidden until somebody taps them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.support import photos
from tests.support.bot_api import RunningPlayground, User
from tests.support.bot_by_hand import BotByHand
from tests.support.browser import accessibility_faults, needs_chromium, open_page, running_browser

pytestmark = needs_chromium

SMALL_PHONE = (360, 740)
PHOTO: FilePayload = {"name": "cat.png", "mimeType": "image/png", "buffer": photos.png()}
SECRET = "It is <tg-spoiler>a <b>tabby</b> cat</tg-spoiler>, not <tg-spoiler>a lynx</tg-spoiler>"

_chats = itertools.count(7501)


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
        user.history()  # opens the chat
        yield user


@pytest.fixture
def page(browser: Browser, playground: RunningPlayground, user: User, bot: BotByHand) -> Iterator[Page]:
    with open_page(browser, f"{playground.url}/?chat={user.chat_id}", SMALL_PHONE) as page:
        expect(page.locator("#empty")).to_be_visible()
        yield page


def blur(page: Page) -> str:
    style: str = page.locator(".mine .photo img").evaluate("(image) => getComputedStyle(image).filter")
    return style


def send_hidden(page: Page) -> None:
    page.set_input_files("#files", PHOTO)
    page.get_by_role("checkbox", name="hide with a spoiler").check()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".mine .photo")).to_be_visible()


@pytest.mark.parametrize("way", ["click", "Enter", "Space"])
def test_a_photo_is_sent_hidden_and_shown_by_a_tap(page: Page, bot: BotByHand, way: str) -> None:
    send_hidden(page)
    assert bot.wait_for("message")["has_media_spoiler"] is True
    hidden = page.get_by_role("button", name="Hidden picture: show")
    assert "blur" in blur(page)
    assert not accessibility_faults(page)
    if way == "click":
        hidden.click()
    else:
        hidden.focus()
        page.keyboard.press(way)
    expect(hidden).to_have_count(0)
    assert blur(page) == "none"
    expect(page.get_by_role("dialog", name="Picture")).to_be_hidden()
    shown = page.get_by_role("link", name="Photo from")
    if way == "click":
        shown.click()
    else:
        expect(shown).to_be_focused()
        page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Picture")).to_be_visible()


def test_a_photo_that_was_shown_stays_so_when_its_message_changes(page: Page, user: User, bot: BotByHand) -> None:
    send_hidden(page)
    page.get_by_role("button", name="Hidden picture: show").click()
    bot.call(
        "setMessageReaction",
        chat_id=user.chat_id,
        message_id=bot.wait_for("message")["message_id"],
        reaction=[{"type": "emoji", "emoji": "❤"}],
    )
    expect(page.locator(".reactions")).to_be_visible()
    assert blur(page) == "none"


def test_only_photos_can_be_hidden_and_only_once(page: Page, bot: BotByHand) -> None:
    spoiler = page.get_by_role("checkbox", name="hide with a spoiler")
    page.set_input_files("#files", {"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"})
    expect(page.get_by_role("list", name="To be sent")).to_contain_text("a.pdf")
    expect(spoiler).to_be_hidden()
    page.get_by_role("button", name="Remove a.pdf").click()
    page.set_input_files("#files", PHOTO)
    spoiler.check()
    page.get_by_role("checkbox", name="as files").check()
    expect(spoiler).to_be_hidden()
    page.click("#send")
    assert "has_media_spoiler" not in bot.wait_for("message")
    page.set_input_files("#files", PHOTO)
    expect(spoiler).not_to_be_checked()


@pytest.mark.parametrize("way", ["click", "Enter", "Space"])
def test_hidden_text_is_shown_by_a_tap_and_stays_so(page: Page, user: User, bot: BotByHand, way: str) -> None:
    message = bot.say(user.chat_id, SECRET)
    hidden = page.get_by_role("button", name="Hidden text: show")
    expect(hidden).to_have_count(2)
    assert not accessibility_faults(page)
    if way == "click":
        hidden.first.click()
    else:
        hidden.first.focus()
        page.keyboard.press(way)
    expect(hidden).to_have_count(0)
    expect(page.get_by_text("tabby")).to_be_visible()
    where = {"chat_id": user.chat_id, "message_id": message["message_id"]}
    bot.call("editMessageText", **where, text=f"{SECRET}!", parse_mode="HTML")
    expect(page.locator("article:not(.mine) .text")).to_have_text("It is a tabby cat, not a lynx!")
    expect(hidden).to_have_count(0)


def test_what_is_hidden_is_told_by_no_list_quotation_or_voice(page: Page, user: User, bot: BotByHand) -> None:
    user.send_text("What is it?")
    expect(page.locator(".mine")).to_be_visible()
    message = bot.say(user.chat_id, SECRET)
    words = "It is [hidden], not [hidden]"
    expect(page.get_by_role("region", name="New messages")).to_have_text(f"Whatsit: {words}")
    expect(page.locator("[aria-current] .said")).to_have_text(words)
    user.send_text("Really?", reply_to=message["message_id"])
    expect(page.locator(".quote")).to_contain_text(words)
    expect(page.get_by_role("button", name=f"Reply to: {words}")).to_have_count(1)


def test_a_hidden_picture_is_blurred_in_a_quotation_too(page: Page, user: User, bot: BotByHand) -> None:
    send_hidden(page)
    bot.say(user.chat_id, "a cat", reply_parameters={"message_id": bot.wait_for("message")["message_id"]})
    quoted: str = page.locator(".quote img").evaluate("(image) => getComputedStyle(image).filter")
    assert "blur" in quoted
