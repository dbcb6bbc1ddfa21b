"""The chat page in a real browser, with the whole bot behind it: supervisord, Redis and all workers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from common import words
from common.conversation import profile
from common.languages import speech
from tests.support import photos, web_server
from tests.support.bot_api import DIRECT, TOKEN, User
from tests.support.browser import (
    NARROW,
    WIDE,
    accessibility_faults,
    needs_chromium,
    open_page,
    running_browser,
    transfer,
)
from tests.support.running_bot import Bot

pytestmark = [needs_chromium, pytest.mark.timeout(120)]

ANSWER_MS = 20_000
SMALLEST = (360, 640)
RICH = (
    '<b>bold</b> <i>italic</i> <u>under</u> <s>struck</s> <code>code</code> <a href="https://example.com">link</a>'
    " <tg-spoiler>secret</tg-spoiler>\n<pre>pre</pre>\n<blockquote>quoted</blockquote>"
)


@pytest.fixture(scope="module")
def bot_settings() -> dict[str, str]:
    return {"FETCH_ALLOW_NETWORKS": "127.0.0.0/8"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, bot: Bot, user: User) -> Iterator[Page]:
    with open_page(browser, address(bot, user)) as page:
        expect(page.locator("#state")).to_have_text("online", timeout=ANSWER_MS)
        yield page


def address(bot: Bot, user: User) -> str:
    return f"{bot.url}/?chat={user.chat_id}"


def picture(name: str) -> FilePayload:
    return {"name": f"{name}.jpg", "mimeType": "image/jpeg", "buffer": photos.jpeg(name)}


def mine(page: Page) -> Locator:
    return page.locator(".message.mine")


def answers(page: Page) -> Locator:
    return page.locator("article:not(.mine)")


def expect_answer(page: Page, text: str) -> None:
    expect(answers(page).last).to_contain_text(text, timeout=ANSWER_MS)


def write(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def say(bot: Bot, user: User, method: str = "sendMessage", **call: object) -> None:
    """Say something as the bot."""
    with httpx.Client(base_url=f"{bot.url}/bot{TOKEN}/", **DIRECT) as http:
        answer = http.post(method, json={"chat_id": user.chat_id, **call})
        assert answer.is_success, answer.text


def test_a_picked_photo_is_answered_below_a_quote_that_leads_back_to_it(page: Page) -> None:
    page.set_input_files("#files", picture("chelsea"))
    write(page, "What is it?")
    expect(mine(page).get_by_role("link", name="What is it?")).to_be_visible()
    expect_answer(page, "cat")
    quote = answers(page).get_by_title("Go to this message")
    expect(quote).to_contain_text("What is it?")
    quote.click()
    expect(mine(page)).to_be_focused()


def test_a_dropped_photo_is_answered(page: Page) -> None:
    dropped = transfer(page, photos.jpeg("coffee"))
    page.dispatch_event("#messages", "dragover", {"dataTransfer": dropped})
    expect(page.get_by_text("Drop files here")).to_be_visible()
    page.dispatch_event("#messages", "drop", {"dataTransfer": dropped})
    expect(page.get_by_text("Drop files here")).to_be_hidden()
    page.get_by_role("button", name="Send", exact=True).click()
    expect_answer(page, "espresso")


def test_a_pasted_photo_is_answered(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async () => {
            const picture = await createImageBitmap(await (await fetch("samples/coffee.jpg")).blob());
            const canvas = new OffscreenCanvas(picture.width, picture.height);
            canvas.getContext("2d").drawImage(picture, 0, 0);
            const png = await canvas.convertToBlob();
            await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
        }"""
    )
    page.keyboard.press("Control+V")
    expect(page.get_by_role("list", name="To be sent").locator("img")).to_be_visible()
    page.keyboard.press("Enter")
    expect_answer(page, "espresso")


def test_several_photos_at_once_share_a_bubble_and_get_one_answer_whose_lines_are_in_their_order(page: Page) -> None:
    page.set_input_files("#files", [picture(name) for name in ("chelsea", "coffee", "rocket")])
    page.get_by_role("button", name="Remove rocket.jpg").click()
    page.keyboard.press("Enter")
    expect(mine(page)).to_have_count(1)
    expect(mine(page).locator(".photo img")).to_have_count(2)
    both = answers(page).filter(has_text=re.compile("1  .*cat.*2  .*espresso", re.DOTALL))
    expect(both).to_have_count(1, timeout=ANSWER_MS)
    expect(answers(page)).to_have_count(1)
    both.get_by_title("Go to this message").click()
    expect(mine(page).locator(".album > div").nth(0)).to_be_focused()


def test_on_the_smallest_phones_the_answer_to_an_album_changes_in_place_and_is_not_cut_off(
    browser: Browser, bot: Bot, user: User
) -> None:
    with open_page(browser, address(bot, user), SMALLEST) as page:
        names = ("chelsea", "coffee", "rocket", "chelsea", "coffee")
        user.send_album([photos.jpeg(name) for name in names])
        whole = answers(page).filter(has_text=re.compile("cat.*espresso.*3  .*4  .*cat.*5  .*espresso", re.DOTALL))
        expect(whole).to_have_count(1, timeout=ANSWER_MS)
        expect(answers(page)).to_have_count(1)
        expect(whole.get_by_text("…")).to_have_count(0)
        assert page.evaluate("document.getElementById('messages').scrollWidth") <= SMALLEST[0]


def test_a_link_is_answered(page: Page) -> None:
    with web_server.serving({"/cat.jpg": web_server.content(photos.jpeg("chelsea"), "image/jpeg")}) as web:
        write(page, web.url("/cat.jpg"))
        expect_answer(page, "cat")


def test_the_bot_refuses_in_words_what_it_does_not_accept(page: Page, user: User) -> None:
    write(page, "Hello there")
    expect_answer(page, speech.say(words.I_LOOK))
    user.send_voice()
    expect_answer(page, speech.say(words.unwelcome("voice messages")))
    page.set_input_files("#files", {"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"})
    page.keyboard.press("Enter")
    expect_answer(page, speech.say(words.unwelcome("files of this kind")))


def test_a_file_that_no_app_would_send_as_a_photo_can_be_sent_as_a_file(page: Page) -> None:
    page.set_input_files("#files", {"name": "cat.jpg", "mimeType": "image/jpeg", "buffer": b"no picture at all"})
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(
        "This is not an image that can be sent as a photo. Send it as a file."
    )
    page.get_by_role("button", name="Send as file").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(mine(page)).to_contain_text("cat.jpg")
    expect(answers(page)).to_have_count(1, timeout=ANSWER_MS)


@pytest.mark.parametrize(("sample", "seen"), [("a cat’s face", "cat"), ("a cup of coffee", "espresso")])
def test_a_sample_picture_is_sent_by_one_click(page: Page, sample: str, seen: str) -> None:
    page.get_by_role("button", name=f"Send {sample}").click()
    expect_answer(page, seen)
    expect(page.get_by_role("region", name="New messages")).to_contain_text(seen)


def test_the_commands_are_chosen_by_keyboard_alone(page: Page) -> None:
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.keyboard.type("/")
    options = page.get_by_role("option")
    expect(options).to_have_count(len(profile.IN_PRIVATE))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_contain_text("/help")
    page.keyboard.press("Enter")
    expect_answer(page, "What you can send")
    page.keyboard.type("/ab")
    page.keyboard.press("Tab")
    expect_answer(page, "I know 1,000 kinds of things")
    page.keyboard.type("/")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)


def test_a_photo_is_sent_and_its_answer_is_replied_to_by_keyboard_alone(page: Page) -> None:
    for _ in range(2):  # the conversation is in between, since it can be scrolled
        page.keyboard.press("Shift+Tab")
    while page.evaluate("document.activeElement.title") != "Send a cat’s face":
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect_answer(page, "cat")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    while page.evaluate("document.activeElement.title") != "Reply":
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("Thank you")
    page.keyboard.press("Enter")
    expect(mine(page).last.get_by_title("Go to this message")).to_contain_text("cat")


def test_a_reload_keeps_the_history_and_the_chat(page: Page) -> None:
    write(page, "/about")
    expect_answer(page, "I know 1,000 kinds of things")
    before = page.locator("#messages").inner_text()
    page.reload()
    expect(answers(page)).to_have_count(1)
    assert page.locator("#messages").inner_text() == before


def test_several_chats_stand_side_by_side_and_show_unread_messages(page: Page, bot: Bot, user: User) -> None:
    write(page, "/about")
    expect_answer(page, "I know 1,000 kinds of things")
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_role("link", name="Nothing said yet").last).to_have_attribute("aria-current", "page")
    expect(page.locator("article")).to_have_count(0)
    say(bot, user, text="Are you still there?")
    first = page.locator(f'#chat-list a[href="?chat={user.chat_id}"]')
    expect(first).to_contain_text("1 unread")
    page.get_by_label("Message", exact=True).fill("a draft")
    first.click()
    expect_answer(page, "Are you still there?")
    expect(first).not_to_contain_text("unread")
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    page.go_back()
    expect(page.get_by_label("Message", exact=True)).to_have_value("a draft")


def test_in_a_group_a_mention_makes_the_bot_answer(page: Page) -> None:
    page.get_by_role("button", name="New group").click()
    page.get_by_role("checkbox", name="Privacy mode").uncheck()  # with it on, no mention is delivered
    expect(answers(page)).to_contain_text("Hello!")
    page.set_input_files("#files", picture("chelsea"))
    page.keyboard.type("What is it, @wh")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(mine(page)).to_contain_text("What is it, @whatsit_playground_bot")
    expect_answer(page, "cat")
    expect(answers(page).locator(".author").last).to_have_text("Whatsit")
    page.get_by_role("checkbox", name="Privacy mode").check()


def test_the_bot_s_own_formatting_buttons_and_pictures_are_shown(page: Page, bot: Bot, user: User) -> None:
    say(bot, user, text=RICH, parse_mode="HTML")
    shown = answers(page).last
    for tag in ("b", "i", "u", "s", "code", "a", "pre", "blockquote"):
        expect(shown.locator(f".text {tag}")).to_have_count(1)
    page.get_by_role("button", name="Hidden text").click()
    expect(page.get_by_role("button", name="Hidden text")).to_have_count(0)
    sent = user.send_photo(photos.jpeg("rocket"))["photo"][-1]["file_id"]
    buttons = {"inline_keyboard": [[{"text": "Yes", "callback_data": "yes"}, {"text": "No", "url": "https://x.org"}]]}
    say(bot, user, "sendPhoto", photo=sent, caption="Look", reply_markup=buttons)
    say(bot, user, "sendMediaGroup", media=[{"type": "photo", "media": sent}] * 2)
    expect(answers(page).locator(".album img")).to_have_count(2)
    expect(page.get_by_role("link", name="No", exact=True)).to_have_attribute("href", "https://x.org")
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("This button is too old. Send the picture again.")).to_be_visible()
    answers(page).get_by_role("link", name="Look").click()
    expect(page.get_by_role("dialog").locator("img")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_off(
    browser: Browser, bot: Bot, user: User, scheme: Literal["light", "dark"]
) -> None:
    user.send_photo(photos.jpeg("chelsea"), "one-very-long-word" * 10)
    user.wait_for_answers(1)
    with open_page(browser, address(bot, user), NARROW, scheme) as page:
        expect(answers(page)).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW[0]
        assert page.evaluate("document.getElementById('messages').scrollWidth") <= NARROW[0]
        for part in ("#composer", "#send", "#text", "header"):
            expect(page.locator(part).last).to_be_in_viewport(ratio=1)
        page.get_by_role("button", name="Chats").click()
        expect(page.get_by_role("navigation")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("navigation")).to_be_hidden()


def test_the_page_shows_a_stopped_bot_as_down_and_comes_back_by_itself(page: Page, bot: Bot) -> None:
    bot.ctl("stop", "receive")
    expect(page.locator("#state")).to_have_text("not running", timeout=ANSWER_MS)
    expect(page.get_by_text("Whatsit is not running. What you send waits until it is back.")).to_be_visible()
    write(page, "/about")
    bot.ctl("start", "receive")
    expect_answer(page, "I know 1,000 kinds of things")
    expect(page.locator("#state")).to_have_text("online")
    expect(page.locator("#notice")).to_be_hidden()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(
    browser: Browser, bot: Bot, user: User, scheme: Literal["light", "dark"], size: tuple[int, int]
) -> None:
    with open_page(browser, address(bot, user), size, scheme) as page:
        expect(page.locator("#empty")).to_be_visible()
        assert not accessibility_faults(page)
        user.send_album([photos.jpeg("chelsea"), photos.jpeg("coffee")], "two")
        user.send_document(b"%PDF-1.7", "letter.pdf")
        expect(answers(page)).to_have_count(2, timeout=ANSWER_MS)
        say(
            bot,
            user,
            text=RICH,
            parse_mode="HTML",
            reply_markup={"inline_keyboard": [[{"text": "Yes", "url": "x.org"}]]},
        )
        expect(answers(page)).to_have_count(3)
        page.set_input_files("#files", picture("rocket"))
        page.get_by_role("button", name="Sample pictures").click()
        assert not accessibility_faults(page)
        page.get_by_label("Message", exact=True).fill("/")
        expect(page.get_by_role("listbox")).to_be_visible()
        assert not accessibility_faults(page)
        if size == NARROW:
            page.get_by_role("button", name="Chats").click()
            assert not accessibility_faults(page)
