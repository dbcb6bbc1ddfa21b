"""The preview picture that a web page names.

Pages are read with the standard library's parser, and never as a whole: their own description is near the top. The
parser gets small pieces, and reading stops when it takes too long: with malicious text, the parser's time grows with
the square of a piece.
"""

from __future__ import annotations

import codecs
import logging
import time
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin

MOST_READ_BYTES: Final = 512 * 1024
TIME_LIMIT_S: Final = 0.5
_PIECE: Final = 4096
_MOST_NAMED: Final = 5  # of each kind

# In this order: Open Graph (https://ogp.me/#structured), Twitter's cards, and the older image_src.
_OPEN_GRAPH: Final = ("og:image", "og:image:url", "og:image:secure_url")
_TWITTER: Final = ("twitter:image", "twitter:image:src")
_LINKED: Final = "image_src"
_PAGE_TAGS: Final = {"html", "head", "meta", "body"}  # SVG has no such tags

_log = logging.getLogger(__name__)


class Page(HTMLParser):
    """What a web page says about its picture.

    Attributes:
        is_page: Whether anything in it is HTML.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.is_page = False
        self._base: str | None = None
        self._named: dict[str, list[str]] = {"og": [], "twitter": [], "link": []}

    def handle_decl(self, decl: str) -> None:
        """Note the document type."""
        self.is_page = self.is_page or decl.lower().startswith("doctype html")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a page's tag, its base, and the pictures that it names."""
        self.is_page = self.is_page or tag in _PAGE_TAGS
        given = {name: value.strip() for name, value in reversed(attrs) if value}  # of equal names, the first counts
        if tag == "base" and self._base is None:
            self._base = given.get("href")
        elif tag == "meta":
            name = given.get("property", given.get("name", "")).lower()
            kind = "og" if name in _OPEN_GRAPH else "twitter" if name in _TWITTER else None
            if kind and "content" in given:
                self._name(kind, given["content"])
        elif tag == "link" and _LINKED in given.get("rel", "").lower().split() and "href" in given:
            self._name("link", given["href"])

    def _name(self, kind: str, link: str) -> None:
        if len(self._named[kind]) < _MOST_NAMED:
            self._named[kind].append(link)

    def picture(self, url: str) -> str | None:
        """The link of the picture, for a page from ``url``; None if it names no picture."""
        for link in (link for links in self._named.values() for link in links):
            try:
                whole = urljoin(urljoin(url, self._base or ""), link)
            except ValueError:  # for example, http://[
                continue
            if whole.lower().startswith(("http://", "https://")):
                return whole
        return None


def read_page(body: bytes) -> Page | None:
    """A file as a web page; None if it is not one."""
    text = _text(body[:MOST_READ_BYTES])
    if not text.lstrip("\ufeff\0 \t\r\n").startswith("<"):
        return None
    page = Page()
    give_up_at = time.monotonic() + TIME_LIMIT_S
    for start in range(0, len(text), _PIECE):
        if time.monotonic() > give_up_at:
            _log.info("gave up reading a web page after %d of %d characters", start, len(text))
            break
        try:
            page.feed(text[start : start + _PIECE])
        except AssertionError as error:  # what the parser raises on "<![<"
            _log.debug("a web page cannot be read any further: %r", error)
            break
    return page if page.is_page else None


def _text(body: bytes) -> str:
    """The page as text. Only ASCII matters, and almost all encodings of the web spell it the same."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace")
    return body.decode("utf-8", "replace")
