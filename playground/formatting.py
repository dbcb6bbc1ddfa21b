"""Text and its entities, as Telegram has them: HTML from bots, links and commands in plain text.

An entity's offset and length count UTF-16 code units: https://core.telegram.org/bots/api#messageentity.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Annotated, Any

import msgspec

from playground.errors import ApiError
from playground.json_types import Json

_TYPES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot));?")
_START_TAG = re.compile(r"<([^\s>/][^\s>]*)((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>")
_END_TAG = re.compile(r"</([^\s>]*)\s*>")
_ATTRIBUTE = re.compile(r"""([^\s=>/"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+)))?\s*""")

_HOST = r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+"
_GENERIC = "com|org|net|edu|gov|int|info|biz|name|app|dev|blog|shop|site|online|page|cloud|photos|art|xyz"
_FOUND = re.compile(
    rf"""
    (?P<email>[\w.+-]+@{_HOST}[a-z]{{2,}}\b)
    | (?P<url>
        (?:https?|ftp)://[^\s<>"]+
        | (?<![\w@./-]) {_HOST}(?:{_GENERIC}|[a-z]{{2}}) (?![\w.-]*\w) (?::\d{{1,5}})? (?:[/?\#][^\s<>"]*)?
      )
    | (?<![\w/<>]) (?P<bot_command>/\w{{1,64}}(?:@\w{{3,32}})?) (?![\w/])
    | (?<![\w@]) (?P<mention>@[a-z]\w{{2,31}}) \b
    | (?<![\w\#]) (?P<hashtag>\#\w*[^\W\d]\w*)
    """,
    re.VERBOSE | re.IGNORECASE,
)


class _Place(msgspec.Struct):
    """The fields that an entity of any type has."""

    type: str
    offset: Annotated[int, msgspec.Meta(ge=0)]
    length: Annotated[int, msgspec.Meta(ge=0)]


def checked_entities(given: Any) -> list[Json]:
    """Entities as a caller gave them, with whole numbers for offset and length; numbers may come as text.

    Raises:
        msgspec.ValidationError: They are not a list of entities; the message says where.
    """
    places = msgspec.convert(given, list[_Place], strict=False)
    return [{**entity, **msgspec.to_builtins(place)} for entity, place in zip(given, places, strict=True)]


def utf16_length(text: str) -> int:
    """The text's length in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def utf16_slice(text: str, offset: int, length: int) -> str:
    """A part of the text, by an entity's offset and length."""
    return text.encode("utf-16-le")[2 * offset : 2 * (offset + length)].decode("utf-16-le", "ignore")


def find_entities(text: str) -> list[Json]:
    """Links, mentions, commands, hashtags and e-mail addresses in plain text, as Telegram marks them.

    A bare ``example.com/cat.jpg`` is a link; its top-level domain is one of a short list here, or any of
    two letters.
    """
    entities = []
    for match in _FOUND.finditer(text):
        kind = str(match.lastgroup)
        found = _without_punctuation(match.group()) if kind == "url" else match.group()
        offset = utf16_length(text[: match.start()])
        entities.append({"type": kind, "offset": offset, "length": utf16_length(found)})
    return entities


def _without_punctuation(url: str) -> str:
    while url[-1] in ".,:;!?'" or (url[-1] in ")]}" and url.count(url[-1]) > url.count("([{"[")]}".index(url[-1])])):
        url = url[:-1]
    return url


@dataclasses.dataclass
class _Open:
    tag: str
    offset: int
    extra: Json


def parse_html(source: str) -> tuple[str, list[Json]]:
    """Text and entities of a message in Telegram's HTML.

    https://core.telegram.org/bots/api#html-style. Accepts its tags, four named references and numeric ones, and refuses
    everything else.

    Raises:
        ApiError: 400, with the words of Telegram's server and the offset in UTF-8 bytes.
    """
    parser = _Parser(source)
    while parser.position < len(source):
        parser.step()
    if parser.open:
        raise _bad(f'Can\'t find end tag corresponding to start tag "{parser.open[-1].tag}"')
    entities = sorted(parser.entities, key=lambda entity: (entity["offset"], -entity["length"]))
    return _trim(parser.text, entities)


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.text = ""
        self.open: list[_Open] = []
        self.entities: list[Json] = []

    def step(self) -> None:
        """Read one tag, or the text up to the next."""
        if self.source[self.position] != "<":
            end = self.source.find("<", self.position)
            end = len(self.source) if end < 0 else end
            self.text += _decode(self.source[self.position : end])
            self.position = end
        elif self.source.startswith("</", self.position):
            self._end_tag()
        else:
            self._start_tag()

    def _start_tag(self) -> None:
        match = _START_TAG.match(self.source, self.position)
        if match is None:
            name = re.match(r"<([^\s>]*)", self.source[self.position :])
            tag = "" if name is None else name[1].lower()
            if tag in _TYPES or self.source.find(">", self.position) < 0:
                raise self._bad_here("Unclosed start tag")
            raise self._bad_here(f'Unsupported start tag "{tag}"')
        tag = match[1].lower()
        if tag not in _TYPES:
            raise self._bad_here(f'Unsupported start tag "{tag}"')
        self.open.append(_Open(tag, utf16_length(self.text), self._extra(tag, match[2])))
        self.position = match.end()

    def _extra(self, tag: str, rest: str) -> Json:
        attributes = {
            name.lower(): _decode(double or single or bare) for name, double, single, bare in _ATTRIBUTE.findall(rest)
        }
        if _ATTRIBUTE.sub("", rest).strip():
            raise self._bad_here(f'Empty attribute name in the tag "{tag}"')
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise self._bad_here('Tag "span" must have class "tg-spoiler"')
        if tag == "a":
            return {"url": attributes.get("href", "")}
        if tag == "tg-emoji":
            return {"custom_emoji_id": attributes.get("emoji-id", "")}
        if tag == "blockquote" and "expandable" in attributes:
            return {"type": "expandable_blockquote"}
        language = attributes.get("class", "")
        return {"language": language[9:]} if tag == "code" and language.startswith("language-") else {}

    def _end_tag(self) -> None:
        if not self.open:
            raise self._bad_here("Unexpected end tag")
        match = _END_TAG.match(self.source, self.position)
        if match is None:
            raise self._bad_here("Unclosed end tag")
        opened = self.open[-1]
        if match[1] and match[1].lower() != opened.tag:
            raise self._bad_here("Unmatched end tag", f', expected "</{opened.tag}>", found "</{match[1]}>"')
        self.open.pop()
        self.position = match.end()
        self._add(opened)

    def _add(self, opened: _Open) -> None:
        length = utf16_length(self.text) - opened.offset
        extra = dict(opened.extra)
        if opened.tag == "a" and not extra["url"]:
            extra["url"] = self.text[len(self.text) - length :]  # the text itself, as in Telegram
        if opened.tag == "pre" and self.entities and "language" in self.entities[-1]:
            extra = {"language": self.entities.pop()["language"]}
        elif opened.tag == "code" and not any(outer.tag == "pre" for outer in self.open):
            extra = {}
        if length:
            self.entities.append({"type": _TYPES[opened.tag], "offset": opened.offset, "length": length, **extra})

    def _bad_here(self, what: str, detail: str = "") -> ApiError:
        offset = len(self.source[: self.position].encode())
        return _bad(f"{what} at byte offset {offset}{detail}")


def _bad(reason: str) -> ApiError:
    return ApiError(400, f"Bad Request: can't parse entities: {reason}")


def _decode(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        hexadecimal, decimal, name = match.groups()
        if name:
            return _NAMED[name]
        code = int(hexadecimal, 16) if hexadecimal else int(decimal)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else match.group()  # noqa: PLR2004 -- Unicode's own borders

    return _REFERENCE.sub(character, text)


def _trim(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Cut white space at both ends, and from the entities there, as Telegram does."""
    body = text.lstrip()
    cut = utf16_length(text) - utf16_length(body)
    body = body.rstrip()
    end = utf16_length(body)
    kept = []
    for entity in entities:
        start = max(0, entity["offset"] - cut)
        length = min(end, entity["offset"] + entity["length"] - cut) - start
        if length > 0:
            kept.append({**entity, "offset": start, "length": length})
    return body, kept
