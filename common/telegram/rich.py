"""Rich messages (Bot API 10.1): texts, links and pictures in nested blocks.

A walk finds them in any block that keeps to the Bot API's names, whatever the kind of the block:
https://core.telegram.org/bots/api#richmessage
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from common.telegram import raw
from common.telegram.said import Content, Mark, Medium, Text

MAX_DEPTH: Final = 100
"""Objects and lists in each other. Telegram nests 16 blocks and texts; a list in a list is four of these levels."""

_TEXTS: Final = frozenset({"text", "summary", "credit", "caption"})


def content(rich_message: Any) -> Content:
    """The text of a rich message, with one line a block, its marks, and its pictures in their order."""
    walk = _Walk()
    walk.block(raw.fields(rich_message).get("blocks"), 0)
    marks = sorted(walk.marks, key=lambda mark: mark.start)
    return Content(media=tuple(walk.media), text=Text("".join(walk.parts), tuple(marks)))


class _Walk:
    """Collects what it finds on its way."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.marks: list[Mark] = []
        self.media: list[Medium] = []
        self._length = 0

    def block(self, value: Any, depth: int) -> None:
        """Blocks, items of lists, rows and cells of tables."""
        if depth > MAX_DEPTH:
            return
        if isinstance(value, list):
            for each in value:
                self.block(each, depth + 1)
        elif isinstance(value, dict):
            self.media += raw.media(value)
            for key, part in value.items():
                if key in _TEXTS:
                    self._text(part, depth + 1)
                    self._add("\n")
                elif key not in raw.MEDIA:
                    self.block(part, depth + 1)

    def _text(self, value: Any, depth: int) -> None:
        """Text, or text in text: a string, a list, or an object with a ``type``."""
        if depth > MAX_DEPTH:
            return
        if isinstance(value, str):
            self._add(value)
        elif isinstance(value, list):
            for each in value:
                self._text(each, depth + 1)
        elif isinstance(value, dict):
            start, parts = self._length, len(self.parts)
            self._text(value.get("text"), depth + 1)
            if covered := "".join(self.parts[parts:]):
                self.marks += self._mark(value, start, covered)
            if "credit" in value:  # below a caption
                self._add("\n")
                self._text(value["credit"], depth + 1)

    def _mark(self, value: dict[str, Any], start: int, covered: str) -> Iterator[Mark]:
        kind, url = raw.text(value.get("type")), raw.text(value.get("url"))
        if kind == "url":  # found in the text by Telegram, or a person's own link below other words
            yield Mark(kind="url" if covered == url else "text_link", start=start, end=self._length, url=url)
        elif kind == "mention":
            name = raw.text(value.get("username")) or covered
            yield Mark(kind=kind, start=start, end=self._length, username=name.removeprefix("@"))
        elif kind == "text_mention":
            user_id = raw.number(raw.fields(value.get("user")).get("id"))
            yield Mark(kind=kind, start=start, end=self._length, user_id=user_id)

    def _add(self, words: str) -> None:
        self.parts.append(words)
        self._length += len(words)
