"""From a file to a picture: the file itself, or the one that a web page names, or what a page leads to by itself.

A page's author may name a host inside, or one that does not exist, and see at their own host when the next picture is
asked for. So an attempt that gives no answer, and has others behind it, always takes the same time: see ``Ask``.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import msgspec

from common.languages.texts import Text
from common.messages import Kind, Subject, Words
from common.web.download import UNREACHABLE, Fetched
from common.web.previews import Page, is_markup, read_page, refresh_header
from common.words import refusal

MOST_PICTURES: Final = 5  # of all pages of one link
MAX_REFRESHES: Final = 3

NO_PREVIEW: Final = Text(
    "This link leads to a web page, and I could not get a preview picture of it. Please send me the link of the image "
    "itself."
)

Ask: TypeAlias = Callable[[str, bool], Awaitable[Fetched | Words | None]]
"""Fetches a link of a page. The second argument says whether it is the last one. If it is not, an attempt without an
answer takes a fixed time. None: the link is refused as it is written."""

Refuse: TypeAlias = Callable[[bytes], Awaitable[Words | None]]
"""Why a file is not a picture that can be read; None if it is one."""


class Visit:
    """The pages of one link.

    Args:
        ask: Fetches what they name.
        refuse: Judges whether a file is a picture.
    """

    def __init__(self, ask: Ask, refuse: Refuse) -> None:
        self._ask = ask
        self._refuse = refuse
        self._pictures_left = MOST_PICTURES
        self._seen: set[str] = set()
        self._is_unreachable = False

    async def picture(self, fetched: Fetched) -> Fetched | Words:
        """The picture, with what it is to the user; or why there is no such picture.

        If a host gave no answer on the way, that refusal is of the kind ``UNREACHABLE``.

        Args:
            fetched: What the link led to.

        Raises:
            HostBusy: A host has no free slot.
        """
        for refreshes_left in reversed(range(MAX_REFRESHES + 1)):
            page = await asyncio.to_thread(read_page, fetched.body, fetched.url, fetched.encoding)
            target = self._target(fetched, page) if refreshes_left else ""
            found = await self._found(fetched, page, is_last=not target)
            if isinstance(found, Fetched) or not target:
                break
            led = await self._follow(target, fetched)
            if isinstance(led, Words):
                found = found if page and page.pictures else led
                break
            fetched = led
        if isinstance(found, Words) and self._is_unreachable:
            return msgspec.structs.replace(found, kind=Kind.UNREACHABLE)
        return found

    def _target(self, fetched: Fetched, page: Page | None) -> str:
        self._seen.add(fetched.url)
        target = refresh_header(fetched.refresh, fetched.url) or (page.refresh if page else "")
        return "" if target in self._seen else target

    async def _found(self, fetched: Fetched, page: Page | None, *, is_last: bool) -> Fetched | Words:
        if not page:
            return await self._refuse(fetched.body) or fetched
        links = page.pictures[: self._pictures_left]
        self._pictures_left -= len(links)
        for link in links:
            asked = await self._ask(link, is_last and link == links[-1])
            if isinstance(asked, Words):
                self._is_unreachable |= is_unreachable(asked)
            elif asked and not is_markup(asked.body) and not await self._refuse(asked.body):
                return dataclasses.replace(asked, subject=Subject.PAGE)
        return refusal(NO_PREVIEW)

    async def _follow(self, target: str, page: Fetched) -> Fetched | Words:
        led = await self._ask(target, True)
        if not led:
            host = urlsplit(page.url).hostname or ""
            led = Words.of(UNREACHABLE.of(host=host), Kind.UNREACHABLE)
        self._is_unreachable |= is_unreachable(led)
        return led


def is_unreachable(answer: Fetched | Words | None) -> bool:
    """Whether a link gave no answer."""
    return isinstance(answer, Words) and answer.kind is Kind.UNREACHABLE


async def any_file(_body: bytes) -> None:
    """Takes every file for a picture."""
