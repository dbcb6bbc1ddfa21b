"""The chat page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.bot_api import CHAT_ID, DIRECT, TOKEN, RunningPlayground, free_port, running_playground

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser.new_page(viewport={"width": 390, "height": 800})
        browser.close()


def say(playground: RunningPlayground, html: str) -> None:
    message = {"chat_id": CHAT_ID, "text": html, "parse_mode": "HTML"}
    with httpx.Client(base_url=f"{playground.url}/bot{TOKEN}/", **DIRECT) as bot:
        assert bot.post("sendMessage", json=message).is_success


def test_a_chat_as_a_person_sees_it(page: Page) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    with running_playground() as playground, playground.user() as user:
        page.goto(f"{playground.url}/")
        expect(page.get_by_text("Send a photo, or paste the link of an image.")).to_be_visible()

        page.set_input_files("#files", {"name": "cat.png", "mimeType": "image/png", "buffer": PIXEL})
        page.fill("#text", "What is\nit?")
        page.press("#text", "Enter")
        expect(page.locator(".mine .photo img")).to_be_visible()
        assert user.history()[0]["caption"] == "What is\nit?"

        say(playground, '<b>a <i>pixel</i></b> &lt;img src=x onerror=alert(1)&gt; <a href="https://example.com/">x</a>')
        answer = page.locator(".message:not(.mine)")
        expect(answer.locator("b")).to_have_text("a pixel")
        expect(answer.locator(".text")).to_have_text("a pixel <img src=x onerror=alert(1)> x")
        expect(answer.get_by_role("link")).to_have_attribute("href", "https://example.com/")

        page.reload()
        expect(page.locator(".message")).to_have_count(2)
    assert not problems


def test_a_link_runs_no_script(page: Page) -> None:
    with running_playground() as playground:
        page.goto(f"{playground.url}/")
        say(playground, '<a href="javascript:alert(1)">here</a>')
        expect(page.locator(".text")).to_have_text("here")
        expect(page.locator(".message a")).to_have_count(0)


def test_the_page_comes_back_by_itself(page: Page) -> None:
    port = free_port()
    with running_playground(port) as playground:
        page.goto(f"{playground.url}/")
        expect(page.locator("#state")).to_have_text("starting…")
    expect(page.locator("#state")).to_contain_text("not reachable")
    with running_playground(port) as playground:
        say(playground, "back again")
        expect(page.locator(".text")).to_have_text("back again", timeout=10_000)
