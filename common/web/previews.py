"""What a web page says about its picture, and where it leads by itself.

Only tags are read, each for itself, and no script is run. Reading stops where nothing more can change the result, and
when it takes too long.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from typing import Final
from urllib.parse import quote, urlsplit

from common.web.encodings import text_of
from common.web.links import followed
from common.web.refreshes import refresh_target
from common.web.tags import attributes, tags

MOST_READ_BYTES: Final = 2 * 1024 * 1024  # YouTube names its picture at about 690 kB
TIME_LIMIT_S: Final = 1.0  # of a core; a page of 2 MB takes a fifth of it
_LONGEST_TAG: Final = 64 * 1024  # in characters
_MOST_NAMED: Final = 10  # of each kind

# In this order: Open Graph (https://ogp.me/#structured), Twitter's cards, the older image_src, schema.org's microdata.
_KINDS: Final = {
    **dict.fromkeys(("og:image", "og:image:url", "og:image:secure_url"), "og"),
    **dict.fromkeys(("twitter:image", "twitter:image:src"), "twitter"),
}
_TYPE: Final = "og:image:type"  # of the og:image before it
_LINKED: Final = "image_src"
_PAGE_TAGS: Final = {"html", "head", "meta", "body"}  # SVG has no such tags
_HEAD_ENDS: Final = {"/head", "body"}
_DOCTYPE: Final = "<!doctype html"
_SVG_NAMES: Final = (".svg", ".svgz")

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Page:
    """A web page.

    Attributes:
        pictures: The addresses of its pictures, in the order in which to try them.
        refresh: Where it leads by itself; '' if it leads to no other address.
    """

    pictures: tuple[str, ...] = ()
    refresh: str = ""


@dataclasses.dataclass
class _Named:
    """A picture, as a page names it. ``is_svg``: whether the page says that it is one, which we cannot draw."""

    link: str
    is_svg: bool = False


class _Reader:
    """Collects what the tags of a page say."""

    def __init__(self) -> None:
        self.is_page = False
        self.base = ""
        self.refresh = ""
        self.named: dict[str, list[_Named]] = {"og": [], "twitter": [], "link": [], "item": []}
        self._group: list[_Named] = []  # what og:image:type speaks of: the last og:image, and its other addresses

    def read(self, text: str) -> None:
        give_up_at = time.thread_time() + TIME_LIMIT_S
        self.is_page = text[: len(_DOCTYPE)].lower() == _DOCTYPE
        for name, rest in tags(text):
            self.is_page = self.is_page or name in _PAGE_TAGS
            if name in _HEAD_ENDS and self.named["og"]:
                return
            if name in {"base", "link", "meta"} and len(rest) <= _LONGEST_TAG:
                self._read_tag(name, {name: value.strip() for name, value in attributes(rest).items()})
            if time.thread_time() > give_up_at:
                _log.info("gave up reading a web page of %d characters", len(text))
                return

    def _read_tag(self, tag: str, given: dict[str, str]) -> None:
        if tag == "base":
            self.base = self.base or given.get("href", "")
        elif tag == "link":
            if _LINKED in given.get("rel", "").lower().split():
                self._name("link", given.get("href", ""))
        elif given.get("http-equiv", "").lower() == "refresh":
            self.refresh = self.refresh or refresh_target(given.get("content", ""))
        else:
            self._read_meta(given, given.get("content", ""))

    def _read_meta(self, given: dict[str, str], value: str) -> None:
        names = f"{given.get('property', '')} {given.get('name', '')}".lower().split()
        if _TYPE in names:
            for named in self._group:
                named.is_svg = value.lower().startswith("image/svg")
        elif kind := next((_KINDS[name] for name in names if name in _KINDS), ""):
            if "og:image" in names:
                self._group = []
            self._name(kind, value)
        elif given.get("itemprop", "").lower() == "image":
            self._name("item", value)

    def _name(self, kind: str, link: str) -> None:
        if link and len(self.named[kind]) < _MOST_NAMED:
            self.named[kind].append(_Named(link))
            if kind == "og":
                self._group.append(self.named[kind][-1])


def read_page(body: bytes, url: str = "", encoding: str = "") -> Page | None:
    """A file as a web page; None if it is not one.

    Args:
        body: The file.
        url: Its address.
        encoding: The encoding that its server named.
    """
    text, codec = text_of(body[:MOST_READ_BYTES], encoding)
    text = text.lstrip("\ufeff\0 \t\r\n")
    if not text.startswith("<"):
        return None
    reader = _Reader()
    reader.read(text)
    if not reader.is_page:
        return None
    base = _whole(reader.base, url, codec) or url
    found = [(_whole(named.link, base, codec), named.is_svg) for kind in reader.named.values() for named in kind]
    # The order of the page, but for what probably only browsers can draw.
    found.sort(key=lambda picture: picture[1] or urlsplit(picture[0]).path.lower().endswith(_SVG_NAMES))
    pictures = dict.fromkeys(link for link, _ in found if link)
    return Page(tuple(pictures), _elsewhere(_whole(reader.refresh, base, codec), url))


def refresh_header(header: str, url: str) -> str:
    """Where a server's ``Refresh`` header leads from ``url``; '' if it leads to no other address."""
    return _elsewhere(_whole(refresh_target(header), url, "utf-8"), url)


def is_markup(body: bytes) -> bool:
    """Whether a file begins as pages and SVG do, and so cannot be a picture of pixels."""
    return body[:64].lstrip(b"\xef\xbb\xbf\0 \t\r\n").startswith(b"<")


def _whole(link: str, base: str, codec: str) -> str:
    """The address that a link in a page leads to; '' if it is not one of the web."""
    path, mark, query = link.partition("#")[0].partition("?")
    try:
        whole = followed(f"{path}{mark}{_encoded(query, codec)}", base) if link else ""
        is_link = bool(urlsplit(whole).hostname)
    except ValueError:  # for example, http://[
        return ""
    return whole if is_link and whole.lower().startswith(("http://", "https://")) else ""


def _encoded(query: str, codec: str) -> str:
    """A query as browsers send it: in the encoding of its page. All else in a link is sent in UTF-8."""
    if codec.startswith("utf-"):
        return query
    return "".join(
        sign if sign.isascii() else quote(sign.encode(codec, "xmlcharrefreplace"), safe="") for sign in query
    )


def _elsewhere(link: str, url: str) -> str:
    return "" if link == url.partition("#")[0] else link
