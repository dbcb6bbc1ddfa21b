"""The tags of a web page, in time that grows with its length and not faster, whatever it holds.

Tags, attributes, comments and the texts of scripts end where the HTML standard ends them (WHATWG HTML, 13.2.5,
"Tokenization"), so that a tag within a script or a comment does not count. There is no tree. The patterns are
possessive: they never try a character twice. The standard library's parser begins an unfinished tag, comment or script
from its start with each piece of text, which takes minutes for 2 MB that were made for that (``docs/decisions/0025``).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.entities import html5
from typing import Final

_SPACE: Final = r"[\t\n\f\r ]*+"
_NAME: Final = r"[^\t\n\f\r />][^\t\n\f\r />=]*+"
_VALUE: Final = r"""(?:"[^"]*+"|'[^']*+'|(?!["'])[^\t\n\f\r >]*+)"""

_MARKUP: Final = re.compile(r"<(?:(!--)|([!?]|/(?![a-zA-Z]))|(/?[a-zA-Z][^\t\n\f\r />]*+))")
_COMMENT_END: Final = re.compile(r"--!?>")
_TAG_END: Final = re.compile(rf"(?:[\t\n\f\r /]++|{_NAME}(?:{_SPACE}={_SPACE}{_VALUE})?+)*+>")
_ATTRIBUTE: Final = re.compile(rf"({_NAME})(?:{_SPACE}={_SPACE}({_VALUE}))?+")
# A reference without its semicolon counts only if no letter, digit or = follows: ?a=1&copy=2 stays as it is.
_REFERENCE: Final = re.compile(r"&(?:#\d++;?|#[xX][0-9a-fA-F]++;?|[a-zA-Z0-9]++(?:;|(?!=)))", re.ASCII)

# Elements that hold text, and no tags.
_TEXT_ENDS: Final = {
    name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea", "iframe", "noembed", "noframes", "xmp")
}


def tags(text: str) -> Iterator[tuple[str, str]]:
    """The tags of a page, in order.

    Yields:
        A tag's name in small letters, with "/" before it if the tag ends an element; and its attributes as text.
    """
    at = 0
    while (found := _MARKUP.search(text, at)) and (at := _end(text, found)):
        if name := (found[3] or "").lower():
            yield name, text[found.end() : at - 1]
            if ends := _TEXT_ENDS.get(name):
                closed = ends.search(text, at)
                at = closed.start() if closed else len(text)


def _end(text: str, found: re.Match[str]) -> int:
    """Where a tag, comment or declaration ends; 0 if it does not."""
    if found[1]:
        end = _COMMENT_END.search(text, found.start() + 2)  # <!--> is a whole comment
    elif found[3]:
        end = _TAG_END.match(text, found.end())
    else:
        return text.find(">", found.end()) + 1
    return end.end() if end else 0


def attributes(text: str) -> dict[str, str]:
    """A tag's attributes, by their names in small letters. Of equal names, the first counts."""
    found = reversed(_ATTRIBUTE.findall(text))
    return {name.lower(): _REFERENCE.sub(_referred, _unquoted(value)) for name, value in found}


def _unquoted(value: str) -> str:
    return value[1:-1] if value[:1] in {'"', "'"} else value


def _referred(reference: re.Match[str]) -> str:
    text = reference[0]
    return html.unescape(text) if text[1] == "#" or text[1:] in html5 else text
