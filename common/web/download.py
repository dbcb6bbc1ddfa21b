"""One link's way through its redirects to its body, in a thread of its own, through the gate at each step.

Redirects are followed here, hop by hop through ssrfguard's adapter, and not by a requests ``Session``: that
would read the whole body of every redirect into memory, whatever its size, and could bring in cookies,
proxies from the environment and passwords from ``.netrc``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
import traceback
from typing import Final
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from ssrfguard import SSRFGuardError
from ssrfguard.requests import SafeAdapter

from common import VERSION
from common.errors import HostBusy
from common.limits import MAX_FILE_BYTES
from common.messages import Kind, Words
from common.web.connections import Connections
from common.web.gate import Gate
from common.web.host_slots import HostSlots
from common.web.names import Lookup
from common.words import FILE_TOO_LARGE, refusal

MAX_REDIRECTS: Final = 4
MAX_HEADER_BYTES: Final = 256 * 1024  # of one answer, and what chunks may add to a body
HEADERS: Final = {
    "User-Agent": f"Whatsit/{VERSION} (+Telegram bot)",
    "Accept": "image/*",
    "Accept-Encoding": "identity",
}
_CHUNK_BYTES: Final = 64 * 1024
_GONE: Final = {404, 410}
_FORBIDDEN: Final = {401, 402, 403, 407, 451}
_BUSY: Final = 429
_SERVER_ERROR: Final = 500

# One sentence for a host that does not exist, is private, refuses, hangs up or is silent: a link to
# somebody's inner network must not tell which of these it was.
UNREACHABLE: Final = (
    "I could not fetch this link from {host}: the host does not exist, is not public, or did not send all of "
    "it in time."
)
TOO_MANY_REDIRECTS: Final = f"This link to {{host}} redirects more than {MAX_REDIRECTS} times."

# The kind of such words. They are not to be given before Limits.told_after_s, since time tells as well.

# What goes wrong when servers, or the ways to them, are not as they should be.
_EXPECTED: Final = (SSRFGuardError, requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one link may take in all: its redirects, and the preview behind a web page, included.

    Attributes:
        total_s: From the beginning to the last byte.
        answer_s: From the beginning to the end of the last headers, name resolution included.
        told_after_s: From the beginning to the moment when a user may know that nothing came.
        max_bytes: Of bodies, as received and as decompressed.
    """

    total_s: float = 15.0
    answer_s: float = 8.0
    told_after_s: float = 8.5
    max_bytes: int = MAX_FILE_BYTES


@dataclasses.dataclass
class FetchBudget:
    """What one link has taken so far."""

    began: float = dataclasses.field(default_factory=time.monotonic)
    received_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class Fetched:
    """What a link led to.

    Attributes:
        body: The file, whatever its kind.
        url: Where it was, behind all redirects.
        trip: What it took.
    """

    body: bytes
    url: str
    trip: FetchBudget = dataclasses.field(default_factory=FetchBudget, compare=False)


class _TooLarge(Exception):  # noqa: N818 -- never leaves this module
    """The server sends more than we take."""


class Download:
    """Fetches one link. ``run`` blocks; ``cut`` ends it from another thread.

    Args:
        request: What to ask for first.
        gate: What may be asked.
        lookup: Who knows the addresses of names.
        places: Who is where.
        limits: What all of it may take.
        trip: What it has taken already.
    """

    def __init__(
        self,
        request: requests.PreparedRequest,
        gate: Gate,
        lookup: Lookup,
        places: HostSlots,
        limits: Limits,
        trip: FetchBudget,
    ) -> None:
        self._first = request
        self._gate = gate
        self._limits = limits
        self._trip = trip
        self._connections = Connections(gate, lookup, places, trip.began + limits.answer_s)

    @property
    def deadline(self) -> float:
        """When the conversation is over, by ``time.monotonic``. It is put off once the last headers are there."""
        return self._connections.deadline

    def cut(self) -> None:
        """End the conversation; ``run`` returns. Harmless once it is over."""
        self._connections.cut()

    def run(self) -> Fetched | Words:
        """What is behind the link, or what to tell the user instead.

        Raises:
            HostBusy: A host on the way has enough links to serve.
        """
        try:
            with contextlib.closing(self._connections), contextlib.closing(self._connections.adapter()) as adapter:
                return self._fetch(adapter)
        except _TooLarge:
            return refusal(FILE_TOO_LARGE)
        except HostBusy:
            raise
        except Exception as error:  # nothing that a server sends may be taken for a fault of ours, and tried again
            # As repr, and without the error's own text below its traceback: a server cannot begin a line of its own.
            _log.info("%r gave nothing: %.500r", self._first.url, error)
            if not isinstance(error, _EXPECTED):
                _log.warning(
                    "which was not to be expected here:\n%s", "".join(traceback.format_tb(error.__traceback__))
                )
            return self.unreachable()

    def unreachable(self) -> Words:
        """The refusal of a link that gave nothing, without a word on why."""
        return Words(text=UNREACHABLE.format(host=_host(self._first)), kind=Kind.UNREACHABLE)

    def _fetch(self, adapter: SafeAdapter) -> Fetched | Words:
        response = self._follow_redirects(adapter)
        if isinstance(response, Words):
            return response
        with response:
            refused = _refused_by_status(response, _host(self._first))
            return refused or Fetched(self._body(response), str(response.url), self._trip)

    def _follow_redirects(self, adapter: SafeAdapter) -> requests.Response | Words:
        request = self._first
        for _ in range(MAX_REDIRECTS + 1):
            self._connections.expect(MAX_HEADER_BYTES, OSError(f"more than {MAX_HEADER_BYTES} bytes of headers"))
            response = adapter.send(request, stream=True, timeout=self._limits.total_s, verify=True)
            if not response.is_redirect:
                self._connections.deadline = self._trip.began + self._limits.total_s
                return response
            response.close()  # unread: a redirect's body may be endless
            # http.client reads headers as Latin-1; servers send UTF-8 in them all the same.
            target = response.headers["location"].encode("latin-1").decode(errors="replace")
            request = prepare(urljoin(str(request.url), target), self._gate)
        return refusal(TOO_MANY_REDIRECTS.format(host=_host(self._first)))

    def _body(self, response: requests.Response) -> bytes:
        left = self._limits.max_bytes - self._trip.received_bytes
        self._connections.expect(left + MAX_HEADER_BYTES, _TooLarge())
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > left:
            raise _TooLarge
        body = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):  # bounded as decompressed: a gzip bomb is cut
            body += chunk
            if max(len(body), response.raw.tell()) > left:
                raise _TooLarge
        self._trip.received_bytes += max(len(body), response.raw.tell())
        return bytes(body)


def prepare(url: str, gate: Gate) -> requests.PreparedRequest:
    """The request for a link, if the gate lets it pass.

    Raises:
        ssrfguard.SSRFGuardError: It does not.
        requests.RequestException: It is no link.
        ValueError: Likewise.
    """
    request = requests.Request("GET", url, headers=HEADERS).prepare()
    # What is judged is what will be sent: after requests has encoded host and path.
    gate.admit(str(request.url))
    return request


def _host(request: requests.PreparedRequest) -> str:
    return urlsplit(str(request.url)).hostname or ""


def _refused_by_status(response: requests.Response, host: str) -> Words | None:
    status = response.status_code
    if response.ok and not response.is_redirect:
        return None
    if status in _GONE:
        return refusal(f"There is nothing at this link: {host} answered {status}.")
    if status in _FORBIDDEN:
        return refusal(f"{host} does not let me have this: it answered {status}.")
    if status == _BUSY or status >= _SERVER_ERROR:
        return refusal(f"{host} cannot serve this link now: it answered {status}. Please try again later.")
    return refusal(f"{host} answered {status} instead of sending an image.")
