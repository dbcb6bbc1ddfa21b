"""A real browser for tests: pages that may report no error, files that are dropped and pasted, and axe-core."""

from __future__ import annotations

import base64
import contextlib
import shutil
from collections.abc import Iterator
from importlib import resources
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, JSHandle, Page, Request, sync_playwright

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="no chromium on the PATH (Debian: apt-get install chromium)")

WIDE = (1280, 800)
NARROW = (390, 844)

_ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_AXE = resources.files("axe_playwright_python") / "axe.min.js"
_FILE = """([name, type, base64]) => {
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type }));
    return transfer;
}"""


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@contextlib.contextmanager
def open_page(
    browser: Browser,
    url: str,
    size: tuple[int, int] = WIDE,
    scheme: Literal["light", "dark"] = "light",
    *,
    may_fail: bool = False,
) -> Iterator[Page]:
    """A page that shares nothing with others, at that address. Fails if it reports an error, unless it may."""
    problems: list[str] = []
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
    page.on("requestfailed", lambda request: problems.extend(_failure(request)))
    page.on("response", lambda answer: problems.extend([f"{answer.status} {answer.url}"] if not answer.ok else []))
    page.goto(url)
    yield page
    context.close()
    assert may_fail or not problems, problems


def _failure(request: Request) -> list[str]:
    # The browser gives up the requests under way when a page is left or reloaded; an event stream always is under way.
    return [] if request.failure == "net::ERR_ABORTED" else [f"{request.failure} {request.url}"]


def transfer(page: Page, content: bytes, name: str = "photo.jpg", kind: str = "image/jpeg") -> JSHandle:
    """A file as the browser holds it while it is dragged or copied."""
    return page.evaluate_handle(_FILE, [name, kind, base64.b64encode(content).decode()])


def accessibility_faults(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is now, each with its impact and the first element."""
    page.evaluate(_AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate("axe.run().then((results) => results.violations)")
    return [f"{fault['impact']}: {fault['help']} at {fault['nodes'][0]['target']}" for fault in found]
