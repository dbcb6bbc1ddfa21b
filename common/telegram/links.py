"""The links in a text, from Telegram's marks.

A mark of Telegram is not literal truth: it runs over punctuation of other scripts and the words behind it, takes
Markdown along, and code has no marks. So each link ends where a reader would say that it ends.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from common.telegram.said import Text

MAX_FOUND: Final = 100
"""So many links of a text are looked for. With ``MAX_LENGTH``, a hostile text costs less than half a second."""
MAX_LENGTH: Final = 4096
"""Characters of a link, and of a text message: core.telegram.org/bots/api#sendmessage"""
MAX_LOOK_BACK: Final = 256
"""So many characters before a link may hold the Markdown that ends it."""

_WITH_SCHEME = re.compile(r"https?://(?:(?!,https?://)[^\s<>\"])+", re.IGNORECASE)
# For texts in which the server marked no links: a link has a scheme, or a host with a path behind it.
_WITHOUT_MARKS = re.compile(
    _WITH_SCHEME.pattern
    + r"|(?<![\w@./-])(?:(?:[a-z0-9-]+\.)+[a-z]{2,}|\d+(?:\.\d+){3})(?::\d+)?/(?:(?!,https?://)[^\s<>\"])+",
    re.IGNORECASE,
)
_NEXT_LINK = re.compile(r",https?://", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?[^/?#]*", re.IGNORECASE)
# Behind the name of an image file, another script begins the next words.
_IMAGE_NAME = re.compile(r"\.(?:jpe?g|jpe|jfif|a?png|webp|gif|bmp|avif|hei[cf]|tiff?)(?=[^\x00-\x7f])", re.IGNORECASE)
_MARKDOWN = re.compile(r"[*_~`|]+$")
_TO_PEOPLE = re.compile(r"(?:tg|ton|tonsite|mailto|tel|sms|sip|xmpp|callto):", re.IGNORECASE)
_TO_TELEGRAM = re.compile(r"(?:https?://)?(?:[\w-]+\.)?(?:t\.me|telegram\.(?:me|dog))(?:[/?#:]|$)", re.IGNORECASE)

_CLOSERS: Final = dict(zip(")]}）］｝」』》〉】〕〗〙’”»›", "([{（［｛「『《〈【〔〖〘‘“«‹", strict=True))
_OPENERS: Final = frozenset(_CLOSERS.values())
_ASCII_END: Final = frozenset(".,;:!?'\"")
_IN_NAMES: Final = frozenset("·・･’‧§†‡°")
"""Punctuation that stands within names: "L’Équipe", "ジャン・レノ"."""


def links(text: Text) -> list[str]:
    """The links in a text in their order, each once; without those to people, such as ``tg://user?id=1``."""
    found = [link for link in itertools.islice(_found(text), MAX_FOUND) if link and not _TO_PEOPLE.match(link)]
    return list(dict.fromkeys(found))


def is_to_telegram(link: str) -> bool:
    """Whether a link leads to a chat, a person or a post at Telegram."""
    return _TO_TELEGRAM.match(link) is not None


def _found(text: Text) -> Iterator[str]:
    marks = [mark for mark in text.marks if mark.kind in {"url", "text_link"}]
    # Where Telegram marks links, words such as "node.js/react" are not links, but a scheme in code is.
    pattern = _WITH_SCHEME if marks else _WITHOUT_MARKS
    at = 0
    for mark in marks:
        yield from _unmarked(text.text, pattern, at, mark.start)
        if mark.kind == "text_link":
            at = max(at, mark.end)
            yield mark.url.strip()
        elif mark.start >= at:
            link = _ended(text.text, mark.start, mark.end)
            at = mark.start + len(link)
            yield link
    yield from _unmarked(text.text, pattern, at, len(text.text))


def _unmarked(text: str, pattern: re.Pattern[str], at: int, end: int) -> Iterator[str]:
    while match := pattern.search(text, at, end):
        link = _ended(text, *match.span())
        at = match.start() + max(len(link), 1)
        yield link


def _ended(text: str, start: int, end: int) -> str:
    """The link that begins at ``start``, without what is not part of it; '' if nothing is left of it."""
    link = text[start : min(end, start + MAX_LENGTH)]
    before = text[max(0, start - MAX_LOOK_BACK) : start].rpartition("\n")[2]
    partners = _partners(link)
    link = link[: min(_next_words(link, partners), _closed(link, before, partners))]
    while (shorter := _trimmed(link, before, partners)) != link:
        link = shorter
    return "" if link.endswith("://") else link


def _closed(link: str, before: str, partners: dict[int, int]) -> int:
    """Where the bracket or the Markdown is closed that was opened directly before the link: (link), **link**."""
    ends = [len(link)]
    if before and before[-1] in _OPENERS:
        ends += [at for at, closer in enumerate(link) if _CLOSERS.get(closer) == before[-1] and at not in partners]
    if run := _MARKDOWN.search(before):
        closing = run.group()[::-1]
        # One of these may stand within a name, so it closes only at the end: see _trimmed.
        ends += [link.find(closing)] if closing in link and closing not in {"_", "~"} else []
    return min(ends)


def _next_words(link: str, partners: dict[int, int]) -> int:
    """Where other words begin: at the next link, or at punctuation of another script behind ASCII.

    A path may itself be in another script: 北京（城市） stays whole, and so does 你好，李焕英.
    """
    host = _AUTHORITY.match(link)
    host_end = host.end() if host else 0
    limits = (_NEXT_LINK.search(link), _IMAGE_NAME.search(link, host_end))
    limit = min(
        (found.end() if found.re is _IMAGE_NAME else found.start() for found in limits if found), default=len(link)
    )
    at = 0
    while at < limit:
        if at < host_end:
            if _ends_host(link, at, host_end):
                return at
        elif at in partners and not link[host_end:at].isascii():
            at = max(at, partners[at])  # brackets within a name
        elif _ends_path(link, at, partners):
            return at
        at += 1
    return limit


def _ends_host(link: str, at: int, host_end: int) -> bool:
    if not _is_stop(link[at]):
        return False
    if link[at] in "。．｡":  # browsers take it for a dot: example。com/
        return not at + 1 < host_end < len(link)
    return link[at - 1].isascii() or unicodedata.category(link[at]) != "Cf"


def _ends_path(link: str, at: int, partners: dict[int, int]) -> bool:
    if not _is_stop(link[at]):
        return False
    return link[at - 1].isascii() or (link[at] in _CLOSERS and at not in partners)


def _is_stop(character: str) -> bool:
    """Punctuation beyond ASCII, or invisible: neither is part of a link as people write them."""
    if character.isascii() or character in _IN_NAMES:
        return False
    return unicodedata.category(character) in {"Po", "Ps", "Pe", "Pi", "Pf", "Cf", "Zs"} or character == "～"


def _partners(link: str) -> dict[int, int]:
    """The positions of brackets that have their partner in the link, both ways."""
    open_at: list[int] = []
    partners = {}
    for at, character in enumerate(link):
        if character in _OPENERS:
            open_at.append(at)
        elif character in _CLOSERS and open_at and link[open_at[-1]] == _CLOSERS[character]:
            partners[at] = open_at.pop()
            partners[partners[at]] = at
    return partners


def _trimmed(link: str, before: str, partners: dict[int, int]) -> str:
    """The link without the punctuation, or the Markdown, at its end. A bracket stays if the link opens it."""
    end = len(link)
    while end and _ends_a_sentence(link[end - 1]) and (end - 1 not in partners or partners[end - 1] >= end):
        end -= 1
    link = link[:end]
    run = _MARKDOWN.search(link)
    if run and re.search(rf"(?:^|\W){re.escape(run.group()[::-1])}(?=\S|$)", before):
        return link[: run.start()]
    return link


def _ends_a_sentence(character: str) -> bool:
    return character in _ASCII_END or character in _CLOSERS or character in _OPENERS or _is_stop(character)
