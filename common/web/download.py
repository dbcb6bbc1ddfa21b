"""One link, followed through its redirects to its body, in its own thread. Each step passes the gate.

Redirects are followed here, hop by hop through ssrfguard's adapter, and not by a requests ``Session``. A session would
read the whole body of every redirect into memory, whatever its size, and could add proxies from the environment and
passwords from ``.netrc``. Cookies live as long as the link (``cookies.py``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
import traceback
from typing import Final
from urllib.parse import urlsplit

import requests
import urllib3
from ssrfguard import BlockedURLError, SSRFGuardError
from ssrfguard.requests import SafeAdapter

from common import VERSION
from common.errors import HostBusy
from common.languages.texts import Text
from common.limits import MAX_FILE_BYTES
from common.messages import Kind, Subject, Words
from common.web import answers
from common.web.connections import Connections
from common.web.cookies import Cookies
from common.web.gate import MAX_URL_LENGTH, PORTS_IN_WORDS, Gate, PortRefusedError, TooLongError
from common.web.host_slots import HostSlots
from common.web.links import followed, normalised
from common.web.names import Lookup
from common.words import FILE_TOO_LARGE, refusal

MAX_REDIRECTS: Final = 10  # short link, https, www, slash, consent, CDN, …; browsers follow 20
MAX_HEADER_BYTES: Final = 256 * 1024  # of one answer; also how much chunk headers may add to a body
# Images first, and no text/html by name: some hosts send a page to who names it. Pages are read, too: without */* some
# servers refuse to send one (406).
HEADERS: Final = {"Accept": "image/*,*/*;q=0.8", "Accept-Encoding": "identity"}
_CHUNK_BYTES: Final = 64 * 1024

# One sentence for a host that does not exist, is private, refuses, hangs up or is silent: a link into an inner network
# must not reveal which of these it was. Such words have the kind UNREACHABLE and wait until
# ``FetchLimits.unreachable_after_s``, since the time would reveal it as well.
UNREACHABLE: Final = Text(
    "I could not fetch this link from {host}: the host does not exist, is not public, or did not send all of "
    "it in time."
)
# Where a server that may answer sends its readers may be told. Only of addresses nothing is: those are unreachable.
TOO_MANY_REDIRECTS: Final = Text("This link to {host} redirects more than {most} times.")
TOO_LONG_REDIRECT: Final = Text("This link to {host} redirects to a link of more than {most} characters.")
BAD_PORT_REDIRECT: Final = Text("This link to {host} redirects to another port than {ports}, the web’s usual ones.")
BAD_REDIRECT: Final = Text(
    "This link to {host} redirects to something that I can’t follow. I follow http and https links without a password."
)

# The errors of servers and of networks.
_EXPECTED: Final = (SSRFGuardError, requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class FetchLimits:
    """What one link may take, with its redirects and the preview picture of its web page.

    Attributes:
        total_s: Seconds from the beginning to the last byte.
        answer_s: Seconds from the beginning to the end of the last headers, name resolution included.
        attempt_s: Seconds to the end of the headers for one of several attempts: by https, or for one of a page's
            pictures. The last one has all that is left of ``answer_s``.
        unreachable_after_s: Seconds from the beginning until a user may learn that a link gave no answer.
        max_bytes: The limit of bodies, both as received and as decompressed.
    """

    total_s: float = 15.0
    answer_s: float = 8.0
    attempt_s: float = 3.0
    unreachable_after_s: float = 8.5
    max_bytes: int = MAX_FILE_BYTES


@dataclasses.dataclass
class FetchBudget:
    """What one link has used so far of its ``FetchLimits``.

    Attributes:
        began: When it began, by ``time.monotonic``.
        received_bytes: How many bytes of bodies were received.
        cookies: What servers on the way set.
    """

    began: float = dataclasses.field(default_factory=time.monotonic)
    received_bytes: int = 0
    cookies: Cookies = dataclasses.field(default_factory=Cookies)


@dataclasses.dataclass(frozen=True)
class Fetched:
    """What a link led to.

    Attributes:
        body: The file, of any kind.
        url: Where it was, after all redirects.
        encoding: The character encoding that the server named for it; '' if it named no encoding.
        refresh: The server's ``Refresh`` header: seconds, and where to go then; '' if it sent none.
        budget: What it used.
        subject: What it is to the user who sent the link.
    """

    body: bytes
    url: str
    encoding: str = ""
    refresh: str = ""
    budget: FetchBudget = dataclasses.field(default_factory=FetchBudget, compare=False)
    subject: Subject = Subject.PICTURE


class _TooLarge(Exception):  # noqa: N818 -- never leaves this module
    """The server sends more than the limit."""


class Download:
    """Fetches one link. ``run`` blocks; ``cut`` ends it from another thread.

    Args:
        request: The first request.
        gate: Judges each request.
        lookup: Finds the addresses of names.
        slots: The slots of each host.
        limits: What the link may take.
        budget: What it has used already.
    """

    def __init__(
        self,
        request: requests.PreparedRequest,
        gate: Gate,
        lookup: Lookup,
        slots: HostSlots,
        limits: FetchLimits,
        budget: FetchBudget,
    ) -> None:
        self._first = request
        self._user_agent = str(request.headers["User-Agent"])
        self._gate = gate
        self._limits = limits
        self._budget = budget
        self._connections = Connections(gate, lookup, slots, budget.began + limits.answer_s)

    @property
    def deadline(self) -> float:
        """When the download is cut, by ``time.monotonic``. The end of the last headers moves it to a later time."""
        return self._connections.deadline

    def cut(self) -> None:
        """End the download, so that ``run`` returns. Does nothing once it is over."""
        self._connections.cut()

    def run(self) -> Fetched | Words:
        """What is behind the link, or what to tell the user instead.

        Raises:
            HostBusy: A host on the way has no free slot.
        """
        try:
            with contextlib.closing(self._connections), contextlib.closing(self._connections.adapter()) as adapter:
                return self._fetch(adapter)
        except _TooLarge:
            return refusal(FILE_TOO_LARGE)
        except HostBusy:
            raise
        except Exception as error:  # whatever a server sends must not count as our failure, with retries
            # As repr, and without the error's text below the traceback, so that a server cannot forge a log line.
            _log.info("%r gave nothing: %.500r", self._first.url, error)
            if not isinstance(error, _EXPECTED):
                _log.warning("unexpected error:\n%s", "".join(traceback.format_tb(error.__traceback__)))
            return self.unreachable()

    def unreachable(self) -> Words:
        """The refusal of a link that gave no answer; it does not say why."""
        return Words.of(UNREACHABLE.of(host=_host(self._first)), Kind.UNREACHABLE)

    def _fetch(self, adapter: SafeAdapter) -> Fetched | Words:
        response = self._follow_redirects(adapter)
        if isinstance(response, Words):
            return response
        with response:
            host = _host(self._first)
            if refused := answers.refused(response, host):
                return refused
            return self._fetched(response) or refusal(answers.EMPTY.of(host=host))

    def _follow_redirects(self, adapter: SafeAdapter) -> requests.Response | Words:
        request = self._first
        for _ in range(MAX_REDIRECTS + 1):
            self._budget.cookies.attach(request)
            self._connections.expect(MAX_HEADER_BYTES, OSError(f"more than {MAX_HEADER_BYTES} bytes of headers"))
            response = adapter.send(request, stream=True, timeout=self._limits.total_s, verify=True)
            self._budget.cookies.keep(response)
            target = answers.redirect_target(response)
            if target is None:
                self._connections.deadline = self._budget.began + self._limits.total_s
                return response
            response.close()  # unread, since a redirect's body may be endless
            try:
                request = prepare(followed(target, str(request.url)), self._gate, user_agent=self._user_agent)
            except (BlockedURLError, ValueError) as error:
                return self._refused_redirect(error)
        return refusal(TOO_MANY_REDIRECTS.of(host=_host(self._first), most=MAX_REDIRECTS))

    def _refused_redirect(self, error: Exception) -> Words:
        _log.info("%r redirects to what is refused: %.500r", self._first.url, error)
        host = _host(self._first)
        match error:
            case TooLongError():
                return refusal(TOO_LONG_REDIRECT.of(host=host, most=MAX_URL_LENGTH))
            case PortRefusedError():
                return refusal(BAD_PORT_REDIRECT.of(host=host, ports=PORTS_IN_WORDS))
            case _:
                return refusal(BAD_REDIRECT.of(host=host))

    def _fetched(self, response: requests.Response) -> Fetched | None:
        """The file and what its server said about it; None if it is empty."""
        body = self._body(response)
        refresh = answers.refresh(response)
        if not (body or refresh):
            return None
        return Fetched(body, str(response.url), answers.charset(response), refresh, budget=self._budget)

    def _body(self, response: requests.Response) -> bytes:
        left = self._limits.max_bytes - self._budget.received_bytes
        self._connections.expect(left + MAX_HEADER_BYTES, _TooLarge())
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > left:
            raise _TooLarge
        body = bytearray()
        try:
            for chunk in response.iter_content(_CHUNK_BYTES):  # limited as decompressed, too: a gzip bomb is cut
                body += chunk
                if max(len(body), response.raw.tell()) > left:
                    raise _TooLarge
        finally:  # a failure counts, too: a page may name several pictures
            self._budget.received_bytes += max(len(body), response.raw.tell())
        return bytes(body)


def user_agent(contact: str = "") -> str:
    """What the bot calls itself: with the address of its operator, which some hosts require.

    Wikimedia does (https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy).
    """
    return f"Whatsit/{VERSION} ({contact}; Telegram bot)" if contact else f"Whatsit/{VERSION} (+Telegram bot)"


def prepare(url: str, gate: Gate, *, user_agent: str = user_agent()) -> requests.PreparedRequest:
    """The request for a link that passes the gate.

    Args:
        url: A whole link, as a person or a page wrote it.
        gate: Judges it.
        user_agent: Who asks.

    Raises:
        ssrfguard.SSRFGuardError: It does not pass.
        ValueError: It is not a link.
    """
    link = normalised(url)
    gate.admit(link)
    request = requests.Request("GET", link, headers=HEADERS | {"User-Agent": user_agent}).prepare()
    request.url = link  # as it was judged: requests decodes some of what is percent-encoded
    return request


def _host(request: requests.PreparedRequest) -> str:
    return urlsplit(str(request.url)).hostname or ""
