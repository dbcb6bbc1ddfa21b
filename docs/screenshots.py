"""Takes the pictures of README.md again, from a real chat with the real bot: ``make screenshots``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from common.settings import Settings
from tests.support import photos
from tests.support.bot_api import CHAT_ID, User
from tests.support.running_bot import running_bot

FOLDER: Final = Path(__file__).parent / "images"
CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ANSWER_LIMIT_S: Final = 60


def main() -> None:
    """Chat a little, and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with running_bot(Settings().models_dir) as bot, bot.user(CHAT_ID) as user:
        _chat(user)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            _take(browser, bot.url, "chat.png", "light")
            _take(browser, bot.url, "chat-dark.png", "dark")
            browser.close()


def _chat(user: User) -> None:
    for number, name in enumerate(("coffee", "chelsea")):
        user.send_photo(photos.jpeg(name))
        user.wait_for_answers(number + 1, timeout_s=ANSWER_LIMIT_S)


def _take(browser: Browser, url: str, name: str, scheme: str) -> None:
    page = browser.new_page(viewport={"width": 900, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(url)
    page.locator(".text").filter(has_text="cat").first.wait_for()
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    page.screenshot(path=FOLDER / name)
    page.close()


if __name__ == "__main__":
    main()
