"""The chat page in a real browser. There is no bot: each test speaks in its place."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.bot_api import (
    CHAT_ID,
    DIRECT,
    TOKEN,
    RunningPlayground,
    User,
    free_port,
    is_up,
    running_playground,
    start_playground,
)
from tests.support.browser import NARROW, WIDE, accessibility_faults, needs_chromium, open_page, running_browser
from tests.support.waiting import wait_until

pytestmark = needs_chromium

DAY_S = 24 * 3600

_chats = itertools.count(6001)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def user(playground: RunningPlayground) -> Iterator[User]:
    with playground.user(next(_chats)) as user:
        user.history()  # opens the chat
        yield user


@pytest.fixture
def page(browser: Browser, playground: RunningPlayground, user: User) -> Iterator[Page]:
    with open_page(browser, f"{playground.url}/?chat={user.chat_id}", NARROW) as page:
        yield page


def say(url: str, html: str, chat_id: int = CHAT_ID, **call: object) -> None:
    """Say something as the bot."""
    message = {"chat_id": chat_id, "text": html, "parse_mode": "HTML", **call}
    with httpx.Client(base_url=f"{url}/bot{TOKEN}/", **DIRECT) as bot:
        assert bot.post("sendMessage", json=message).is_success


def poll(url: str) -> None:
    """Be seen as a bot for three seconds."""
    with httpx.Client(base_url=f"{url}/bot{TOKEN}/", **DIRECT) as bot:
        assert bot.post("getUpdates", json={"timeout": 0}).is_success


def test_what_the_bot_says_is_text_and_never_code(page: Page, playground: RunningPlayground, user: User) -> None:
    say(playground.url, "&lt;img src=x onerror=alert(1)&gt; &lt;b&gt;", user.chat_id)
    expect(page.locator(".text")).to_have_text("<img src=x onerror=alert(1)> <b>")
    say(playground.url, '<a href="javascript:alert(1)">here</a>', user.chat_id)
    expect(page.locator(".text").last).to_have_text("here")
    expect(page.locator("article a, article img")).to_have_count(0)


def test_entities_are_counted_in_utf_16_units(page: Page, playground: RunningPlayground, user: User) -> None:
    say(playground.url, "🐈 <b>a <i>tabby</i> cat</b> 🐈 https://example.com", user.chat_id)
    expect(page.locator(".text > b")).to_have_text("a tabby cat")
    expect(page.locator(".text > b > i")).to_have_text("tabby")
    expect(page.locator(".text > a")).to_have_text("https://example.com")


def test_a_screen_reader_gets_the_characters_that_were_sent(
    page: Page, playground: RunningPlayground, user: User
) -> None:
    user.send_text("what is it?")
    expect(page.locator(".text")).to_have_text("what is it?")  # the page has its history: what comes now is new
    say(playground.url, "<code>■■□□  20%</code> tabby", user.chat_id)
    expect(page.get_by_role("region", name="New messages")).to_have_text("Whatsit: ■■□□ 20% tabby")
    expect(page.locator(".text [aria-hidden]")).to_have_count(0)


def test_days_are_set_apart(page: Page, user: User) -> None:
    now = int(time.time())
    for days_ago in (400, 1, 1, 0):
        user.send_raw({"text": "hello", "date": now - days_ago * DAY_S})
    expect(page.locator(".day")).to_have_count(3)
    expect(page.locator(".day").nth(1)).to_have_text("Yesterday")
    expect(page.locator(".day").nth(2)).to_have_text("Today")


def test_an_edited_message_changes_in_place(page: Page, user: User) -> None:
    first = user.send_text("one")
    user.send_text("two")
    user.edit(first["message_id"], {"text": "1"})
    expect(page.locator(".text")).to_have_text(["1", "two"])


def test_typing_ends_after_five_seconds_or_with_the_answer(
    page: Page, playground: RunningPlayground, user: User
) -> None:
    page.clock.install()
    page.reload()
    expect(page.locator("#empty")).to_be_visible()
    with httpx.Client(base_url=f"{playground.url}/bot{TOKEN}/", **DIRECT) as bot:
        for _ in range(2):
            bot.post("sendChatAction", json={"chat_id": user.chat_id, "action": "typing"})
            expect(page.get_by_text("typing…")).to_be_visible()
            page.clock.run_for(5000)
            expect(page.get_by_text("typing…")).to_be_hidden()
        bot.post("sendChatAction", json={"chat_id": user.chat_id, "action": "typing"})
    expect(page.get_by_text("typing…")).to_be_visible()
    say(playground.url, "a cat", user.chat_id)
    expect(page.get_by_text("typing…")).to_be_hidden()


def test_somebody_who_gets_no_answer_reads_where_to_look(page: Page, playground: RunningPlayground, user: User) -> None:
    page.clock.install()
    page.reload()
    poll(playground.url)
    expect(page.locator("#state")).to_have_text("online")
    user.send_text("Hello?")
    expect(page.locator(".mine")).to_be_visible()
    page.clock.run_for(21_000)
    expect(page.locator("#notice")).to_contain_text("Still no answer.")
    say(playground.url, "Hello", user.chat_id)
    expect(page.locator("#notice")).to_be_hidden()


def test_what_cannot_be_sent_stays_in_the_message_box(page: Page) -> None:
    page.route("**/messages", lambda route: route.fulfill(json={"refused": "Not now."}))
    page.get_by_label("Message", exact=True).fill("keep me")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Not now.")
    expect(page.get_by_label("Message", exact=True)).to_have_value("keep me")


def test_what_is_written_while_a_message_is_on_its_way_stays_in_the_message_box(page: Page) -> None:
    expect(page.locator("#empty")).to_be_visible()
    held = hold_history(page)  # it has the same address
    box = page.get_by_label("Message", exact=True)
    box.fill("first")
    page.keyboard.press("Enter")
    wait_on_page(page, lambda: bool(held), "the message that is sent")
    page.keyboard.type(" second")
    held[0].continue_()
    expect(page.locator(".mine .text")).to_have_text("first")
    expect(box).to_have_value(" second")


NARROW_PICTURE = io.BytesIO()
Image.new("RGB", (2100, 100), "green").save(NARROW_PICTURE, "JPEG")
NO_PHOTOS = {
    "heic": ("cat.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "This is not an image"),
    "large": ("large.jpg", b"\xff\xd8\xff" + b"x" * (10 << 20), "A photo may have at most 10 MB."),
    "narrow": ("narrow.jpg", NARROW_PICTURE.getvalue(), "A photo may be at most 20 times as long as wide."),
}


def broken_pictures(page: Page) -> int:
    """How many pictures show as a broken icon."""
    shown = "[...document.images].filter((one) => one.complete && !one.naturalWidth && one.checkVisibility())"
    count: int = page.evaluate(f"{shown}.length")
    return count


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("kind", NO_PHOTOS)
def test_what_is_refused_as_a_photo_goes_as_a_file_with_one_click(
    browser: Browser, playground: RunningPlayground, user: User, kind: str, size: tuple[int, int]
) -> None:
    name, content, words = NO_PHOTOS[kind]
    with open_page(browser, f"{playground.url}/?chat={user.chat_id}", size) as page:
        page.set_input_files("#files", {"name": name, "mimeType": "image/jpeg", "buffer": content})
        page.get_by_label("Message", exact=True).fill("What is it?")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text(words)
        cure = page.get_by_role("button", name="Send as file")
        expect(cure).to_be_in_viewport(ratio=1)
        assert not broken_pictures(page)
        assert not accessibility_faults(page)
        cure.click()
        expect(page.locator(".mine .file")).to_contain_text(name)
        expect(page.locator(".mine .text")).to_have_text("What is it?")
        expect(page.get_by_role("alert")).to_be_hidden()
        expect(page.get_by_label("Message", exact=True)).to_have_value("")
        wait_until(lambda: not broken_pictures(page), 5, "a broken picture to go")


@pytest.mark.parametrize(("name", "kind"), [("a.heic", "image/heic"), ("a.svg", "image/svg+xml")])
def test_what_apps_do_not_send_as_a_photo_goes_as_a_file_by_itself(page: Page, name: str, kind: str) -> None:
    page.set_input_files("#files", {"name": name, "mimeType": kind, "buffer": b"<svg"})
    expect(page.get_by_role("list", name="To be sent")).to_contain_text(name)
    page.keyboard.press("Enter")
    expect(page.locator(".mine .file")).to_contain_text(name)
    expect(page.locator(".mine img")).to_have_count(0)


def test_a_refusal_disappears_with_what_it_was_about(page: Page) -> None:
    page.set_input_files("#files", {"name": "cat.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Send as file")).to_be_visible()
    page.get_by_role("button", name="Remove cat.jpg").click()
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("in_the_snapshot", [True, False], ids=["within", "after"])
def test_what_is_said_while_the_history_is_on_its_way_is_shown_once(
    page: Page, playground: RunningPlayground, user: User, in_the_snapshot: bool
) -> None:
    say(playground.url, "before", user.chat_id)
    expect(page.locator(".text")).to_have_text("before")
    held = hold_history(page)
    page.reload()
    wait_on_page(page, lambda: bool(held), "the page's request for the history")
    if in_the_snapshot:
        say(playground.url, "meanwhile", user.chat_id)
    snapshot = held[0].fetch()
    if not in_the_snapshot:
        say(playground.url, "meanwhile", user.chat_id)
    expect(page.get_by_role("region", name="New messages")).to_contain_text("meanwhile")
    expect(page.locator(".text")).to_have_count(0)
    held[0].fulfill(response=snapshot)
    expect(page.locator(".text")).to_have_text(["before", "meanwhile"])
    expect(page.locator("[aria-current]")).not_to_contain_text("unread")
    say(playground.url, "after", user.chat_id)
    expect(page.locator(".text")).to_have_text(["before", "meanwhile", "after"])


def test_what_is_said_while_the_history_does_not_come_is_shown(
    page: Page, playground: RunningPlayground, user: User
) -> None:
    expect(page.locator("#empty")).to_be_visible()  # its first history is there
    held = hold_history(page)
    page.reload()
    wait_on_page(page, lambda: bool(held), "the page's request for the history")
    say(playground.url, "meanwhile", user.chat_id)
    expect(page.get_by_role("region", name="New messages")).to_contain_text("meanwhile")
    held[0].fulfill(json={"refused": "Not now."})
    expect(page.get_by_role("alert")).to_have_text("Not now.")
    expect(page.locator(".text")).to_have_text(["meanwhile"])


def test_after_a_lost_connection_what_is_said_while_the_history_is_on_its_way_is_shown_once(browser: Browser) -> None:
    port = free_port()
    with contextlib.ExitStack() as stack:
        page = page_without_its_server(stack, browser, port)
        held = hold_history(page)
        second = stack.enter_context(running_playground(port))
        say(second.url, "again")
        wait_on_page(page, lambda: bool(held), "the page's request for the history")
        snapshot = held[0].fetch()
        say(second.url, "meanwhile")
        expect(page.get_by_role("region", name="New messages")).to_contain_text("meanwhile")
        held[0].fulfill(response=snapshot)
        expect(page.locator(".text")).to_have_text(["again", "meanwhile"])


def page_without_its_server(stack: contextlib.ExitStack, browser: Browser, port: int) -> Page:
    """A page that showed a message before its server went."""
    with running_playground(port) as playground:
        say(playground.url, "before")
        page = stack.enter_context(open_page(browser, playground.url, may_fail=True))
        expect(page.locator(".text")).to_have_text("before")
    expect(page.locator("#state")).to_have_text("not reachable")
    return page


def hold_history(page: Page) -> list[Route]:
    """The page's requests for the history, which wait from now on."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/messages", hold)
    return held


def wait_on_page(page: Page, condition: Callable[[], bool], what: str) -> None:
    """As ``wait_until``, while the browser's events are heard."""

    def looked() -> bool:
        page.evaluate("0")
        return condition()

    wait_until(looked, 15, what)


def test_the_page_shows_how_far_the_model_is_and_when_the_bot_is_there(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    progress = {"pid": os.getpid(), "step": 2, "of": 4, "text": "downloading the weights", "fraction": 0.5}
    with start_playground(port, MODELS_DIR=str(tmp_path)) as process:
        wait_until(lambda: is_up(port), 10, "the playground's start")
        with open_page(browser, url) as page:
            expect(page.get_by_text("Whatsit is starting.")).to_be_visible()
            poll(url)
            expect(page.get_by_text("has no model yet, so pictures wait. To prepare one: make model")).to_be_visible()
            assert not accessibility_faults(page)
            (tmp_path / "progress.json").write_text(json.dumps(progress))
            poll(url)
            expect(page.get_by_text("Step 2 of 4: downloading the weights (50 %)")).to_be_visible()
            assert page.locator("progress").evaluate("(bar) => bar.position") == pytest.approx(1.5 / 4)
            assert not accessibility_faults(page)
            expect(page.locator("#state")).to_have_text("not running", timeout=10_000)
        process.terminate()
        process.communicate(timeout=10)


def test_the_page_comes_back_by_itself(browser: Browser) -> None:
    port = free_port()
    with contextlib.ExitStack() as stack:
        page = page_without_its_server(stack, browser, port)
        expect(page.get_by_text("The connection is lost. This page comes back by itself.")).to_be_visible()
        second = stack.enter_context(running_playground(port))
        say(second.url, "back again")
        expect(page.locator(".text")).to_have_text("back again", timeout=10_000)
