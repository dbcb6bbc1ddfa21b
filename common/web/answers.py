"""What a server's answer says before its body: where to go on, that there is nothing, or that it refuses."""

from __future__ import annotations

import re
from typing import Final

import requests

from common.languages.texts import Text
from common.messages import Words
from common.web.heads import UNREADABLE
from common.web.links import as_text
from common.words import refusal

EMPTY: Final = Text("{host} sent nothing: its answer was empty.")
NO_TARGET: Final = Text("{host} redirects this link, but does not say where to: it answered {status}.")
PARTIAL: Final = Text("{host} sent only a part of what is at this link: it answered 206.")
PACKED: Final = Text(
    "{host} sent this packed in a way that I did not ask for and can’t unpack ({packing}). That is an error of the "
    "server, and says nothing about the picture."
)

_REDIRECTS: Final = {300, 301, 302, 303, 307, 308}  # with a Location; without one, 300 is a list for people
_EMPTY: Final = {204, 205}
_PARTIAL: Final = 206
_GONE: Final = {404, 410}
_FORBIDDEN: Final = {401, 402, 403, 407, 451}
_BUSY: Final = 429
_SERVER_ERROR: Final = 500
_UNKNOWN: Final = 600  # no such statuses exist; who sends one (LinkedIn: 999) refuses

_WHOLE: Final = re.compile(r"bytes 0-(\d{1,18})/(\d{1,18})", re.IGNORECASE)
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*[\"']?([^\s;\"']+)", re.IGNORECASE)


def redirect_target(response: requests.Response) -> str | None:
    """Where an answer sends its reader, as the server wrote it; None if it is not a redirect."""
    target = response.headers.get("location")
    return as_text(target) if target and response.status_code in _REDIRECTS else None


def charset(response: requests.Response) -> str:
    """The character encoding that an answer names for its body; '' if it names none."""
    named = _CHARSET.search(response.headers.get("content-type", ""))
    return named[1] if named else ""


def refresh(response: requests.Response) -> str:
    """The ``Refresh`` header: seconds, and where to go then; '' if there is none."""
    return as_text(response.headers.get("refresh", ""))


def refused(response: requests.Response, host: str) -> Words | None:
    """Why there is no file in an answer that is not a redirect; None if there is one."""
    status = response.status_code
    if status in _EMPTY:
        return refusal(EMPTY.of(host=host))
    if status == _PARTIAL and not _is_whole(response):
        return refusal(PARTIAL.of(host=host))
    if 200 <= status < 300:  # noqa: PLR2004 -- success
        return _refused_by_packing(response, host)
    return refusal(_refused_by_status(status, host))


def _refused_by_packing(response: requests.Response, host: str) -> Words | None:
    # Only names of a fixed list: nothing that a server says gets into an answer.
    packings = [name.strip() for name in response.headers.get("content-encoding", "").split(",")]
    unreadable = next((name for name in packings if name in UNREADABLE), None)
    return refusal(PACKED.of(host=host, packing=unreadable)) if unreadable else None


def _refused_by_status(status: int, host: str) -> Text:
    if status in _REDIRECTS:
        return NO_TARGET.of(host=host, status=status)
    if status in _GONE:
        return Text("There is nothing at this link: {host} answered {status}.").of(host=host, status=status)
    if status in _FORBIDDEN or status >= _UNKNOWN:
        return Text("{host} does not let me have this: it answered {status}.").of(host=host, status=status)
    if status == _BUSY or status >= _SERVER_ERROR:
        return Text("{host} cannot serve this link now: it answered {status}. Please try again later.").of(
            host=host, status=status
        )
    return Text("{host} answered {status} instead of sending an image.").of(host=host, status=status)


def _is_whole(response: requests.Response) -> bool:
    """Whether the part that was sent is all there is, as some servers say of whole files."""
    part = _WHOLE.fullmatch(response.headers.get("content-range", "").strip())
    return part is not None and int(part[1]) + 1 == int(part[2])
