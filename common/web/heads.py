"""The head of a server's answer, read as browsers do: whatever comes before the blank line, only a status line counts.

``http.client`` refuses, or misreads, much of what browsers accept: interim answers, more than 100 header lines, lines
over 64 kB, names with blanks (``docs/decisions/0024``). So it gets a head that was written here, with only the headers
that the bot uses. One connection serves one request, so no other request can be smuggled into an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final, TypeAlias

SWITCHING_PROTOCOLS: Final = 101  # never asked for, and final: what follows is not HTTP
READABLE: Final = frozenset({"gzip", "x-gzip", "deflate"})
UNREADABLE: Final = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})

_FIRST_ONLY: Final = ("location", "refresh", "content-range")
_USED: Final = {*_FIRST_ONLY, "content-type", "content-length", "content-encoding", "transfer-encoding", "set-cookie"}
_LONGEST_VALUE: Final = 16 * 1024  # longer than any link that is followed, and shorter than http.client's limit
_LONGEST_COOKIE: Final = 4096  # RFC 6265, 6.1
_MOST_COOKIES: Final = 50  # RFC 6265, 6.1

_STATUS_LINE: Final = re.compile(rb"HTTP/\d+(?:\.\d+)?[ \t]+([1-9]\d\d)(?!\d)", re.IGNORECASE)
_AGE: Final = re.compile(r";\s*max-age([^;]*)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?[0-9]+")
_LONGEST_AGE_S: Final = 10**9
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_Headers: TypeAlias = Mapping[str, list[str]]


class BadHead(OSError):  # noqa: N818 -- a server's error, not ours
    """What came is not an answer in HTTP."""


def clean_head(stream: BinaryIO) -> bytes:
    """Read the head of the final answer, and return it with only the headers that are used. The body stays unread.

    Nothing is limited here: the caller counts the bytes of ``stream``, and keeps its deadline.

    Raises:
        BadHead: It is not HTTP, breaks off, or announces two lengths.
    """
    while True:
        status = _status(stream)
        headers = _headers(stream)
        if status >= 200 or status == SWITCHING_PROTOCOLS:  # noqa: PLR2004 -- below are interim answers
            lines = [f"HTTP/1.1 {status} ", *_clean(headers), "", ""]
            return "\r\n".join(lines).encode("latin-1")


def _status(stream: BinaryIO) -> int:
    line = stream.readline()
    while line in {b"\r\n", b"\n"}:
        line = stream.readline()
    status_line = _STATUS_LINE.match(line)
    if not status_line:
        msg = "the answer has no status line"
        raise BadHead(msg)
    return int(status_line[1])


def _headers(stream: BinaryIO) -> _Headers:
    """The headers that are used, by their names in lower case. Lines that are no header are left out."""
    headers: dict[str, list[str]] = {name: [] for name in _USED}
    values: list[str] = []  # of the header before: a line that begins with a blank continues the last one
    while line := _line(stream):
        name, colon, value = line.partition(":")
        if line[0] in " \t":
            if values and len(values[-1]) < _LONGEST_VALUE:
                values[-1] += f" {_clean_value(line)}"
        elif colon:
            values = headers.get(name.strip().lower(), [])
            values.append(_clean_value(value))
        else:
            values = []
    return headers


def _line(stream: BinaryIO) -> str:
    """One line without its break; '' at the end of the head."""
    raw = stream.readline()
    if not raw:
        msg = "the answer breaks off in its head"
        raise BadHead(msg)
    return raw.rstrip(b"\r\n").decode("latin-1")


def _clean_value(value: str) -> str:
    return _CONTROLS.sub(" ", value.strip()[:_LONGEST_VALUE])


def _clean(headers: _Headers) -> Iterator[str]:
    for name in _FIRST_ONLY:
        yield from (f"{name}: {value}" for value in [*filter(None, headers[name])][:1])
    yield from (f"content-type: {value}" for value in headers["content-type"][-1:])
    cookies = [cookie for cookie in headers["set-cookie"][:_MOST_COOKIES] if len(cookie) <= _LONGEST_COOKIE]
    yield from (f"set-cookie: {_AGE.sub(_age, cookie)}" for cookie in cookies)
    if packed := [each for each in _tokens(headers["content-encoding"]) if each in READABLE | UNREADABLE]:
        yield f"content-encoding: {', '.join(packed)}"
    if "chunked" in _tokens(headers["transfer-encoding"]):  # which wins over any length (RFC 9112, 6.3)
        yield "transfer-encoding: chunked"
    else:
        yield from (f"content-length: {length}" for length in _length(headers))


def _age(attribute: re.Match[str]) -> str:
    """A cookie's age, if it is a number (RFC 6265, 5.2.2). For others http.cookiejar drops the cookie, or warns."""
    value = attribute[1].strip('= "')
    return f"; max-age={max(-1, min(int(value), _LONGEST_AGE_S))}" if _NUMBER.fullmatch(value) else ""


def _length(headers: _Headers) -> list[str]:
    """The length that was announced; nothing if it is not a number: then the body ends where the connection ends."""
    lengths = sorted(set(_tokens(headers["content-length"])))
    if len(lengths) > 1:
        msg = "the answer announces two lengths"
        raise BadHead(msg)
    return [length for length in lengths if length.isdecimal()]


def _tokens(values: Iterable[str]) -> list[str]:
    return [token for value in values for token in value.lower().replace(",", " ").split()]
