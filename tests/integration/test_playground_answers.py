"""How the chat page shows answers: quotations, the list of chats, notifications. Each test speaks for the bot."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.bot_api import DIRECT, TOKEN, RunningPlayground, User
from tests.support.browser import WIDE, accessibility_faults, needs_chromium, open_page, running_browser

pytestmark = needs_chromium

SMALL_PHONE = (360, 740)
SURE = "I’m sure: <b>an espresso</b> (97%)\n<blockquote expandable>2% cup or mug</blockquote>"
PERHAPS = (
    "<b>A dog</b> (93%), perhaps a bull mastiff (45%)\n"
    "<blockquote expandable>22% boxer\n8% Great Dane\n4% Rhodesian ridgeback\n"
    "2% American Staffordshire terrier, Staffordshire terrier, American pit bull terrier, pit bull terrier</blockquote>"
)
UNSURE = "I’m not sure. My best guesses:\n22% tiger cat\n19% Egyptian cat\n11% tabby\n5% lynx"
BARS = "<code>■■□□  20%</code> tabby\n<code>■□□□   9%</code> lynx"
QUOTED = "As they say:\n<blockquote>one\ntwo\nthree\n<b>four</b></blockquote>\nand so on"

RECORD_NOTIFICATIONS = """
    window.sent = [];
    window.asked = 0;
    window.Notification = class extends EventTarget {
        static permission = "default";
        static async requestPermission() { window.asked += 1; return Notification.permission = "granted"; }
        constructor(title, { body }) {
            super();
            window.sent.push(Object.assign(this, { title, body, closed: false }));
        }
        close() { this.closed = true; }
    };
"""
CUT_OFF = """(selector) => {
    const { scrollWidth, clientWidth } = document.querySelector(selector);
    return scrollWidth > clientWidth;
}"""
SET_VISIBILITY = """(state) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
    document.dispatchEvent(new Event("visibilitychange"));
}"""

_chats = itertools.count(6501)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def user(playground: RunningPlayground) -> Iterator[User]:
    with playground.user(next(_chats)) as user:
        user.send_text("What is it?")
        yield user


@pytest.fixture
def other(playground: RunningPlayground) -> Iterator[User]:
    with playground.user(next(_chats)) as other:
        other.send_text("And this?")
        yield other


@pytest.fixture
def page(browser: Browser, playground: RunningPlayground, user: User) -> Iterator[Page]:
    with open_page(browser, f"{playground.url}/?chat={user.chat_id}", WIDE) as page:
        expect(page.locator(".mine")).to_be_visible()
        yield page


def call(playground: RunningPlayground, user: User, method: str = "sendMessage", **call: object) -> dict[str, Any]:
    """Call the Bot API about a chat."""
    with httpx.Client(base_url=f"{playground.url}/bot{TOKEN}/", **DIRECT) as bot:
        answer = bot.post(method, json={"chat_id": user.chat_id, "parse_mode": "HTML", **call})
        assert answer.is_success, answer.text
        result: dict[str, Any] = answer.json()["result"]
        return result


def line_of(page: Page, user: User) -> Locator:
    """A chat in the list."""
    return page.locator(f'#chat-list a[href="?chat={user.chat_id}"]')


def lines_shown(quotation: Locator) -> int:
    shown: float = quotation.locator(".quoted").evaluate(
        "(quoted) => quoted.clientHeight / parseFloat(getComputedStyle(quoted).lineHeight)"
    )
    return round(shown)


# ---- quotations ----


@pytest.mark.parametrize("way", ["click", "Enter", "Space"])
def test_a_long_quotation_is_folded_to_three_lines_and_unfolds(
    page: Page, playground: RunningPlayground, user: User, way: str
) -> None:
    call(playground, user, text=PERHAPS)
    quotation = page.locator("blockquote")
    arrow = quotation.get_by_role("button", name="All lines of the quotation")
    expect(arrow).to_have_attribute("aria-expanded", "false")
    assert lines_shown(quotation) == 3
    if way == "click":
        quotation.get_by_text("22% boxer").click()
    else:
        arrow.focus()
        page.keyboard.press(way)
    expect(arrow).to_have_attribute("aria-expanded", "true")
    assert lines_shown(quotation) == 5
    arrow.click()
    expect(arrow).to_have_attribute("aria-expanded", "false")
    assert lines_shown(quotation) == 3


def test_a_short_quotation_is_shown_whole_without_an_arrow(
    page: Page, playground: RunningPlayground, user: User
) -> None:
    call(playground, user, text=SURE)
    expect(page.locator("blockquote")).to_have_text("2% cup or mug")
    assert lines_shown(page.locator("blockquote")) == 1
    expect(page.locator("blockquote").get_by_role("button")).to_have_count(0)


def test_a_plain_quotation_is_never_folded(page: Page, playground: RunningPlayground, user: User) -> None:
    call(playground, user, text=QUOTED)
    expect(page.locator("blockquote > b")).to_have_text("four")
    expect(page.locator("blockquote > b")).to_be_in_viewport(ratio=1)
    expect(page.locator("blockquote button")).to_have_count(0)


def test_at_the_end_of_the_conversation_the_view_follows_what_unfolds(
    page: Page, playground: RunningPlayground, user: User
) -> None:
    for _ in range(8):
        call(playground, user, text=PERHAPS)
    expect(page.locator("blockquote")).to_have_count(8)
    page.locator("blockquote").last.click()
    expect(page.locator("blockquote").last).to_be_in_viewport(ratio=1)
    expect(page.locator("article time").last).to_be_in_viewport(ratio=1)


def test_a_link_in_a_folded_line_unfolds_it_when_it_gets_the_focus(
    page: Page, playground: RunningPlayground, user: User
) -> None:
    call(playground, user, text='<blockquote expandable>1\n2\n3\n<a href="https://example.com">4</a></blockquote>')
    expect(page.locator("blockquote button")).to_have_attribute("aria-expanded", "false")
    page.get_by_role("link", name="4", exact=True).focus()
    expect(page.locator("blockquote button")).to_have_attribute("aria-expanded", "true")


# ---- the list of chats ----


def test_the_list_shows_the_characters_that_were_sent_in_one_line(
    page: Page, playground: RunningPlayground, user: User
) -> None:
    call(playground, user, text=BARS)
    said = line_of(page, user).locator(".said")
    expect(said).to_contain_text("lynx")
    assert said.text_content() == "■■□□  20% tabby ■□□□   9% lynx"
    expect(said.locator("*")).to_have_count(0)
    call(playground, user, text=PERHAPS)
    expect(said).to_contain_text("A dog (93%), perhaps a bull mastiff (45%) 22% boxer 8% Great Dane")
    expect(said).to_have_css("text-overflow", "ellipsis")
    # Each event draws the list again, so an element may be gone before it is measured.
    page.wait_for_function(CUT_OFF, arg=f'#chat-list a[href="?chat={user.chat_id}"] .said')


def test_the_list_follows_an_edit_of_the_last_message(page: Page, playground: RunningPlayground, user: User) -> None:
    sent = call(playground, user, text="a cat")
    expect(line_of(page, user).locator(".said")).to_have_text("a cat")
    call(playground, user, "editMessageText", message_id=sent["message_id"], text="a dog")
    expect(line_of(page, user).locator(".said")).to_have_text("a dog")


def test_in_a_group_the_list_says_who_spoke(page: Page, playground: RunningPlayground) -> None:
    with playground.user(-next(_chats)) as group:
        group.send_text("Hello")
        expect(line_of(page, group).locator(".said")).to_have_text("You: Hello")
        call(playground, group, text=SURE)
        expect(line_of(page, group).locator(".said")).to_contain_text("Whatsit: I’m sure: an espresso (97%)")


def test_the_chat_with_the_newest_message_is_first(page: Page, user: User, other: User) -> None:
    user.send_raw({"text": "later", "date": 2_000_000_000})
    expect(page.locator("#chat-list a").first).to_contain_text("later")
    other.send_raw({"text": "latest", "date": 2_000_000_001})
    expect(page.locator("#chat-list a").first).to_contain_text("latest")


# ---- notifications ----


def test_an_answer_in_another_chat_shows_a_banner_that_leads_there(
    page: Page, playground: RunningPlayground, user: User, other: User
) -> None:
    banner = page.get_by_role("complementary", name="Notification")
    call(playground, user, text=SURE)
    expect(page.locator("blockquote")).to_be_visible()
    expect(banner).to_be_hidden()
    call(playground, other, text=UNSURE)
    expect(banner.locator("b")).to_have_text(f"Whatsit → Guest {other.chat_id}")
    assert banner.locator("span").inner_text() == "I’m not sure. My best guesses:\n22% tiger cat"
    expect(line_of(page, other)).to_contain_text("1 unread")
    assert page.title().endswith(") Whatsit")
    banner.get_by_title("Go to this chat").click()
    expect(banner).to_be_hidden()
    expect(line_of(page, other)).to_have_attribute("aria-current", "page")
    expect(page.locator(".text").last).to_contain_text("22% tiger cat")


def test_a_banner_ends_after_seconds_or_by_its_button_or_by_the_escape_key(
    page: Page, playground: RunningPlayground, other: User
) -> None:
    page.clock.install()
    page.reload()
    expect(page.locator(".mine")).to_be_visible()
    banner = page.get_by_role("complementary", name="Notification")
    call(playground, other, text="one")
    expect(banner).to_be_visible()
    page.clock.run_for(6_000)
    expect(banner).to_be_hidden()
    call(playground, other, text="two")
    banner.get_by_role("button", name="Close the notification").click()
    expect(banner).to_be_hidden()
    call(playground, other, text="three")
    banner.get_by_title("Go to this chat").focus()
    page.clock.run_for(12_000)
    expect(banner).to_be_visible()
    page.keyboard.press("Escape")
    expect(banner).to_be_hidden()


def test_the_browser_notifies_of_answers_to_a_hidden_page_once_the_bell_allows_it(
    page: Page, playground: RunningPlayground, user: User
) -> None:
    page.add_init_script(RECORD_NOTIFICATIONS)
    page.reload()
    bell = page.get_by_role("button", name="Browser notifications")
    banner = page.get_by_role("complementary", name="Notification")
    expect(bell).to_have_attribute("aria-pressed", "false")
    page.evaluate(SET_VISIBILITY, "hidden")
    call(playground, user, text="unasked")
    expect(banner).to_contain_text("unasked")
    assert page.evaluate("[asked, sent.length]") == [0, 0]
    page.evaluate(SET_VISIBILITY, "visible")
    expect(banner).to_be_hidden()  # its chat is shown now
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    page.evaluate(SET_VISIBILITY, "hidden")
    call(playground, user, text=SURE)
    expect(line_of(page, user)).to_contain_text("1 unread")
    title, body = page.evaluate("[sent[0].title, sent[0].body]")
    assert (title, body) == (f"Whatsit → Guest {user.chat_id}", "I’m sure: an espresso (97%)\n2% cup or mug")
    page.evaluate(SET_VISIBILITY, "visible")
    page.wait_for_function("sent[0].closed")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "false")
    page.evaluate(SET_VISIBILITY, "hidden")
    call(playground, user, text="quiet again")
    expect(banner).to_contain_text("quiet again")
    assert page.evaluate("[asked, sent.length]") == [1, 1]


def test_who_blocks_notifications_reads_where_to_allow_them(page: Page) -> None:
    page.add_init_script(f"{RECORD_NOTIFICATIONS} Notification.requestPermission = async () => 'denied';")
    page.reload()
    page.get_by_role("button", name="Browser notifications").click()
    expect(page.get_by_text("You can allow them in the browser’s settings for this page.")).to_be_visible()
    expect(page.get_by_role("button", name="Browser notifications")).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, SMALL_PHONE], ids=["wide", "narrow"])
def test_answers_of_each_shape_fit_and_axe_finds_no_fault(
    browser: Browser,
    playground: RunningPlayground,
    user: User,
    other: User,
    scheme: Literal["light", "dark"],
    size: tuple[int, int],
) -> None:
    for text in (BARS, QUOTED, UNSURE, SURE, PERHAPS):
        call(playground, user, text=text)
    with open_page(browser, f"{playground.url}/?chat={user.chat_id}", size, scheme) as page:
        expect(page.locator(".fold:visible")).to_have_count(1)
        call(playground, other, text=PERHAPS)
        expect(page.get_by_role("complementary", name="Notification")).to_be_in_viewport(ratio=1)
        for unfolded in (False, True):
            if unfolded:
                page.locator(".fold:visible").click()
            for part in ("document.documentElement", "document.getElementById('messages')"):
                assert page.evaluate(f"{part}.scrollWidth - {part}.clientWidth") == 0
            assert not accessibility_faults(page)
        if size == SMALL_PHONE:
            page.get_by_role("button", name="Chats").click()
            expect(page.get_by_role("complementary", name="Notification")).to_be_hidden()
            assert page.evaluate("document.getElementById('chat-list').scrollWidth") <= size[0]
            assert not accessibility_faults(page)
