"""Groups in the chat page: membership, privacy mode, guests, several people. Each test speaks for the bot."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.support import photos
from tests.support.bot_api import RunningPlayground, User
from tests.support.bot_by_hand import BotByHand
from tests.support.browser import WIDE, accessibility_faults, needs_chromium, open_page, running_browser

pytestmark = needs_chromium

SMALL_PHONE = (360, 740)
NAME = "@whatsit_playground_bot"
PHOTO: FilePayload = {"name": "cat.png", "mimeType": "image/png", "buffer": photos.png()}

_chats = itertools.count(-1001000000501, -1)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def bot(playground: RunningPlayground) -> Iterator[BotByHand]:
    with BotByHand(playground.url) as bot:
        yield bot


@pytest.fixture
def group(playground: RunningPlayground) -> Iterator[User]:
    """A group; the playground has forgotten everything else."""
    with playground.user(next(_chats)) as group:
        group.reset()
        group.history()  # opens the chat
        yield group


@pytest.fixture
def page(browser: Browser, playground: RunningPlayground, group: User, bot: BotByHand) -> Iterator[Page]:
    with open_page(browser, f"{playground.url}/?chat={group.chat_id}", SMALL_PHONE) as page:
        expect(page.locator("#empty")).to_be_visible()
        yield page


def status_of(update: dict[str, dict[str, str]]) -> tuple[str, str]:
    return update["old_chat_member"]["status"], update["new_chat_member"]["status"]


def write(page: Page, text: str) -> None:
    message = page.get_by_label("Message", exact=True)
    message.fill(text)
    page.keyboard.press("Enter")
    expect(message).to_have_value("")  # it is sent


def test_the_bot_is_removed_from_a_group_and_added_again(page: Page, bot: BotByHand) -> None:
    expect(page.locator("#membership")).to_have_text("Whatsit is a member.")
    page.get_by_role("button", name="Remove Whatsit").click()
    expect(page.locator("#membership")).to_have_text("Whatsit is not a member.")
    expect(page.locator(".hint")).to_have_text(
        f"Whatsit is not in this group. Mention it below a photo ({NAME}): as a guest it answers once."
    )
    expect(page.get_by_role("checkbox", name="Privacy mode")).to_be_hidden()
    assert status_of(bot.wait_for("my_chat_member")) == ("member", "kicked")
    page.get_by_role("button", name="Add Whatsit").click()
    expect(page.locator("#membership")).to_have_text("Whatsit is a member.")
    expect(page.get_by_role("button", name="Remove Whatsit")).to_be_focused()
    assert status_of(bot.wait_for("my_chat_member"))[1] == "member"


def test_a_new_group_has_the_bot_as_a_member(page: Page, playground: RunningPlayground, bot: BotByHand) -> None:
    page.get_by_role("button", name="Chats").click()
    page.get_by_role("button", name="New group").click()
    added = bot.wait_for("my_chat_member")
    assert status_of(added) == ("left", "member")
    expect(page).to_have_url(f"{playground.url}/?chat={added['chat']['id']}")
    expect(page.locator("#membership")).to_have_text("Whatsit is a member.")


def test_privacy_mode_is_switched_off_and_on_and_says_what_it_means(page: Page, group: User, bot: BotByHand) -> None:
    privacy = page.get_by_role("checkbox", name="Privacy mode")
    expect(privacy).to_be_checked()
    expect(privacy).to_have_accessible_description("On: only commands and replies to Whatsit arrive.")
    expect(page.locator(".hint")).to_have_text(
        f"In a group, Whatsit sees commands and replies to it: reply to a photo with /what{NAME}."
    )
    assert not bot.call("getMe")["can_read_all_group_messages"]
    privacy.uncheck()
    expect(privacy).to_have_accessible_description("Off: every message arrives, in all its groups.")
    expect(page.locator(".hint")).to_contain_text("Whatsit gets every message.")
    assert bot.call("getMe")["can_read_all_group_messages"]
    write(page, "Just talk")
    assert bot.wait_for("message")["text"] == "Just talk"
    privacy.check()
    expect(privacy).to_have_accessible_description("On: only commands and replies to Whatsit arrive.")
    write(page, "More talk")
    write(page, f"/help{NAME}")
    assert bot.wait_for("message")["text"] == f"/help{NAME}"


def test_a_setting_that_cannot_be_changed_stays_as_it_was(page: Page) -> None:
    page.route("**/api/bot", lambda route: route.fulfill(json={"refused": "Not now."}))
    page.get_by_role("checkbox", name="Privacy mode").click()
    expect(page.get_by_role("alert")).to_have_text("Not now.")
    expect(page.get_by_role("checkbox", name="Privacy mode")).to_be_checked()


def test_a_reply_with_what_from_the_menu_is_about_that_photo(page: Page, group: User, bot: BotByHand) -> None:
    commands = [{"command": "what", "description": "look at a photo"}]
    bot.call("setMyCommands", commands=commands, scope={"type": "all_group_chats"})
    photo = group.send_photo(photos.png())
    page.get_by_role("button", name="Reply to: Photo").click()
    page.keyboard.type("/wh")
    expect(page.get_by_role("option")).to_have_text(["/whatlook at a photo"])
    page.keyboard.press("Enter")
    asked = bot.wait_for("message")
    assert asked["text"] == f"/what{NAME}"
    assert asked["reply_to_message"]["message_id"] == photo["message_id"]
    expect(page.locator("#replying")).to_be_hidden()


def test_a_command_from_the_menu_is_the_caption_of_an_attached_photo(page: Page, bot: BotByHand) -> None:
    bot.call("setMyCommands", commands=[{"command": "what", "description": "look at a photo"}])
    page.set_input_files("#files", PHOTO)
    page.keyboard.type("/w")
    page.get_by_role("option", name="/what").click()
    asked = bot.wait_for("message")
    assert asked["caption"] == f"/what{NAME}"
    assert asked["photo"]


def test_the_menu_offers_the_commands_of_the_chat(
    page: Page, playground: RunningPlayground, group: User, bot: BotByHand
) -> None:
    def offer(name: str, shown_chat: int, **scope: object) -> None:
        commands = [{"command": name, "description": name}]
        bot.call("setMyCommands", commands=commands, **({"scope": scope} if scope else {}))
        bot.say(shown_chat, f"Now: {name}")  # comes after the commands
        expect(page.locator(".text").last).to_have_text(f"Now: {name}")

    def expect_offered(name: str) -> None:
        page.get_by_label("Message", exact=True).fill("/")
        expect(page.get_by_role("option")).to_have_text(f"/{name}{name}")

    offer("everywhere", group.chat_id)
    expect_offered("everywhere")
    offer("alone", group.chat_id, type="all_private_chats")
    expect_offered("everywhere")
    offer("groups", group.chat_id, type="all_group_chats")
    expect_offered("groups")
    page.goto(f"{playground.url}/?chat=1001")
    expect(page.locator("#empty")).to_be_visible()
    expect_offered("alone")
    offer("you", 1001, type="chat", chat_id=1001)
    expect_offered("you")


@pytest.mark.parametrize("privacy", [True, False], ids=["privacy", "no privacy"])
def test_a_sample_picture_reaches_the_bot_in_a_group(page: Page, bot: BotByHand, privacy: bool) -> None:
    page.get_by_role("checkbox", name="Privacy mode").set_checked(privacy)
    page.get_by_role("button", name="Send a cat’s face").click()
    caption = f"/what{NAME}" if privacy else f"{NAME} What is this?"
    assert bot.wait_for("message")["caption"] == caption


def test_a_guest_is_asked_by_a_mention_and_answers_once(page: Page, group: User, bot: BotByHand) -> None:
    page.get_by_role("button", name="Remove Whatsit").click()
    page.get_by_role("button", name="Send a cat’s face").click()
    query = bot.wait_for("guest_message")["guest_query_id"]
    content = {"message_text": "I’m sure: <b>a cat</b> (97%)", "parse_mode": "HTML"}
    result = {"type": "article", "id": "1", "title": "a cat", "input_message_content": content}
    bot.call("answerGuestQuery", guest_query_id=query, result=result)
    answer = page.locator("article:not(.mine)")
    expect(answer.locator(".text")).to_have_text("I’m sure: a cat (97%)")
    expect(answer.locator(".author")).to_have_text("Whatsit")
    expect(answer.get_by_title("Go to this message")).to_be_visible()


def test_another_person_of_the_group_writes_and_presses(page: Page, group: User, bot: BotByHand) -> None:
    page.get_by_role("radio", name="Guest 2").check()
    write(page, f"/settings{NAME}")
    author = bot.wait_for("message")["from"]
    assert author["id"] == 1002
    expect(page.locator(".mine .author")).to_have_text("Guest 2")
    assert bot.call("getChatMember", chat_id=group.chat_id, user_id=1002)["status"] == "member"
    assert bot.call("getChatMember", chat_id=group.chat_id, user_id=1001)["status"] == "creator"
    bot.say(group.chat_id, "Settings", reply_markup={"inline_keyboard": [[{"text": "Deutsch", "callback_data": "d"}]]})
    page.get_by_role("button", name="Deutsch").click()
    pressed = bot.wait_for("callback_query")
    assert pressed["from"]["id"] == 1002
    bot.call("answerCallbackQuery", callback_query_id=pressed["id"], text="Only admins can do this.", show_alert=True)
    expect(page.get_by_role("alertdialog")).to_contain_text("Only admins can do this.")
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="You (owner)").check()
    page.get_by_role("button", name="Deutsch").click()
    assert bot.wait_for("callback_query")["from"]["id"] == 1001


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, SMALL_PHONE], ids=["wide", "narrow"])
def test_the_line_of_a_group_fits_and_axe_finds_no_fault(
    browser: Browser,
    playground: RunningPlayground,
    group: User,
    bot: BotByHand,
    scheme: Literal["light", "dark"],
    size: tuple[int, int],
) -> None:
    with open_page(browser, f"{playground.url}/?chat={group.chat_id}", size, scheme) as page:
        for control in ("Remove Whatsit", "Add Whatsit"):
            expect(page.get_by_role("button", name=control)).to_be_in_viewport(ratio=1)
            expect(page.locator("#empty")).to_be_in_viewport(ratio=1)
            assert page.evaluate("document.documentElement.scrollWidth") == size[0]
            assert not accessibility_faults(page)
            page.get_by_role("button", name=control).click()
        expect(page.locator("#membership")).to_have_text("Whatsit is a member.")
        page.get_by_role("radio", name="Guest 2").check()
        write(page, f"/what{NAME}")
        expect(page.locator(".mine .author")).to_have_text("Guest 2")
        bot.say(group.chat_id, "Hello")
        expect(page.locator("article")).to_have_count(2)
        assert not accessibility_faults(page)
        page.locator('#chat-list a[href="?chat=1001"]').dispatch_event("click")
        expect(page.get_by_role("region", name="This group")).to_be_hidden()
