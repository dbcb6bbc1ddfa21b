"""Links to foreign bytes: the only place that asks a server which a user named.

Redirects are followed here, hop by hop through ssrfguard's adapter, and not by a requests ``Session``: that
would read the whole body of every redirect into memory, whatever its size, and could bring in cookies,
proxies from the environment and passwords from ``.netrc``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from ssrfguard import Policy, Resolver, SSRFGuardError
from ssrfguard.requests import SafeAdapter

from common.errors import Outage, SettingsError
from common.images import MAX_BYTES, TOO_LARGE, refusal
from common.messages import Words
from common.settings import Network

log = logging.getLogger(__name__)

TIME_LIMIT_S: Final = 15.0
CONNECT_LIMIT_S: Final = 4.0  # for each address of a name
MAX_ADDRESSES: Final = 3
MAX_REDIRECTS: Final = 4
MAX_URL_LENGTH: Final = 2048
HEADERS: Final = {
    "User-Agent": "Whatsit/0.1 (+Telegram bot)",
    "Accept": "image/*",
    "Accept-Encoding": "identity",
}
_CHUNK_BYTES: Final = 64 * 1024
_GONE: Final = {404, 410}
_FORBIDDEN: Final = {401, 402, 403, 407, 451}
_BUSY: Final = 429
_SERVER_ERROR: Final = 500

BAD_LINK: Final = (
    f"I can't follow this link. I follow http and https links to public addresses, up to {MAX_URL_LENGTH} "
    "characters long."
)
# One sentence for a host that does not exist, is private, refuses, hangs up or is silent: a link to
# somebody's inner network must not tell which of these it was.
UNREACHABLE: Final = (
    "I could not fetch this link from {host}: the host does not exist, is not public, or did not send all of "
    "it within {time_limit_s:g} seconds."
)
TOO_MANY_REDIRECTS: Final = f"This link to {{host}} redirects more than {MAX_REDIRECTS} times."


class Fetcher:
    """Fetches what links lead to, several at once, from public addresses only.

    Args:
        allow_networks: Private networks that links may reach all the same.
        resolver: Stands in for ``socket.getaddrinfo``. What it answers is still judged.
        time_limit_s: For one link from first to last byte, redirects and name resolution included.
        max_bytes: For one body, as received and as decompressed.
        max_threads: How many links at once, with those that nobody waits for any more, and whose name still does
            not resolve: nothing can end a ``getaddrinfo``, and some name servers take minutes to give up.

    Raises:
        SettingsError: A network of ``allow_networks`` would open more than itself.
    """

    def __init__(
        self,
        allow_networks: Iterable[Network] = (),
        *,
        resolver: Resolver | None = None,
        time_limit_s: float = TIME_LIMIT_S,
        max_bytes: int = MAX_BYTES,
        max_threads: int = 32,
    ) -> None:
        self._policy = _policy(allow_networks)
        self._resolver = resolver
        self._time_limit_s = time_limit_s
        self._max_bytes = max_bytes
        self._max_threads = max_threads
        self._threads: list[threading.Thread] = []

    async def fetch(self, url: str) -> bytes | Words:
        """What a link leads to, whatever its kind, or what to tell the user instead.

        Args:
            url: As the user wrote it; ``example.com/cat.jpg`` will do.

        Raises:
            Outage: All threads wait for slow name servers.
        """
        try:
            request = _request(with_scheme(url), self._policy)
        except (requests.RequestException, SSRFGuardError, ValueError) as error:
            log.debug("refused a link: %r", error)
            return refusal(BAD_LINK)
        download = _Download(self._policy, self._resolver, self._time_limit_s, self._max_bytes)
        fetched = self._start(download, request)
        try:
            async with asyncio.timeout(self._time_limit_s):
                return await asyncio.wrap_future(fetched)
        except TimeoutError:
            return download.unreachable(request)
        finally:
            download.cut()  # nobody waits any more: let the thread end, too

    def _start(self, download: _Download, request: requests.PreparedRequest) -> Future[bytes | Words]:
        """Run the download in a thread of its own, at once, so that its time is not spent on waiting for others.

        A daemon, unlike an executor's: a name that does not resolve must not keep the worker from stopping.
        """
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) >= self._max_threads:
            msg = f"all {self._max_threads} fetching threads wait for slow name servers"
            raise Outage(msg)
        fetched: Future[bytes | Words] = Future()
        fetched.set_running_or_notify_cancel()  # what runs cannot be cancelled any more, only cut
        thread = threading.Thread(target=_fulfil, args=(fetched, download, request), name="fetch", daemon=True)
        thread.start()
        self._threads.append(thread)
        return fetched


def _fulfil(fetched: Future[bytes | Words], download: _Download, request: requests.PreparedRequest) -> None:
    try:
        fetched.set_result(download.run(request))
    except Exception as error:  # for whoever waits
        fetched.set_exception(error)


def with_scheme(url: str) -> str:
    """The link as it stands, or with the ``http://`` that Telegram's apps, too, give to a bare host."""
    return url if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url) else f"http://{url}"


class _Download:
    """One link's way through its redirects to its body; ``cut`` ends it from another thread.

    The time-outs of a socket are for each read, so a server that sends a byte a second, in headers,
    chunk sizes or body, never meets one. Only shutting down its socket ends such a conversation.
    """

    def __init__(self, policy: Policy, resolver: Resolver | None, time_limit_s: float, max_bytes: int) -> None:
        self._policy = policy
        self._adapter = _WatchedAdapter(self._watch, policy=policy, resolver=resolver)
        self._time_limit_s = time_limit_s
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._is_cut = False
        self._sockets: list[socket.socket] = []

    def run(self, request: requests.PreparedRequest) -> bytes | Words:
        """The body behind the link, or what to tell the user instead. Blocks."""
        try:
            with contextlib.closing(self._adapter):
                response = self._follow_redirects(request)
                if isinstance(response, Words):
                    return response
                with response:
                    return _refused_by_status(response, _host(request)) or self._body(response)
        except (SSRFGuardError, requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as e:
            log.debug("could not fetch a link: %r", e)
            return self.unreachable(request)
        finally:
            self._forget_sockets()

    def unreachable(self, request: requests.PreparedRequest) -> Words:
        """The refusal of a link that gave nothing, without a word on why."""
        return refusal(UNREACHABLE.format(host=_host(request), time_limit_s=self._time_limit_s))

    def cut(self) -> None:
        """End the conversation; its thread gets an error and returns. Harmless once it is over."""
        with self._lock:
            self._is_cut = True
            for connected in self._sockets:
                _shut_down(connected)

    def _follow_redirects(self, first: requests.PreparedRequest) -> requests.Response | Words:
        request = first
        for _ in range(MAX_REDIRECTS + 1):
            response = self._adapter.send(
                request, stream=True, timeout=(CONNECT_LIMIT_S, self._time_limit_s), verify=True
            )
            if not response.is_redirect:
                return response
            response.close()  # unread: a redirect's body may be endless
            # http.client reads headers as Latin-1; servers send UTF-8 in them all the same.
            target = response.headers["location"].encode("latin-1").decode(errors="replace")
            request = _request(urljoin(str(request.url), target), self._policy)
        return refusal(TOO_MANY_REDIRECTS.format(host=_host(first)))

    def _body(self, response: requests.Response) -> bytes | Words:
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            return refusal(TOO_LARGE)
        body = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):  # bounded as decompressed: a gzip bomb is cut
            body += chunk
            if max(len(body), response.raw.tell()) > self._max_bytes:
                return refusal(TOO_LARGE)
        return bytes(body)

    def _watch(self, connected: socket.socket) -> None:
        # A duplicate, since TLS takes the socket itself over; shutting it down ends the one connection.
        with self._lock:
            self._sockets.append(connected.dup())
            if self._is_cut:
                _shut_down(connected)

    def _forget_sockets(self) -> None:
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()


class _WatchedAdapter(SafeAdapter):
    """ssrfguard's adapter, which shows each socket as soon as it is connected."""

    def __init__(self, watch: Callable[[socket.socket], None], *, policy: Policy, resolver: Resolver | None) -> None:
        self._watch = watch
        super().__init__(policy=policy, resolver=resolver, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:
        """Build the pools of ssrfguard, whose connections tell ``watch`` of their sockets."""
        super().init_poolmanager(connections, maxsize, block, **more)
        pools = self.poolmanager.pool_classes_by_scheme
        self.poolmanager.pool_classes_by_scheme = {
            scheme: _watched(pool, self._watch) for scheme, pool in pools.items()
        }


def _watched(pool: Any, watch: Callable[[socket.socket], None]) -> Any:
    class WatchedConnection(pool.ConnectionCls):  # type: ignore[misc]  # its base is known at run time only
        def _new_conn(self) -> socket.socket:
            connected: socket.socket = super()._new_conn()
            watch(connected)
            return connected

    return type(pool.__name__, (pool,), {"ConnectionCls": WatchedConnection})


def _shut_down(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the server may have been first
        connected.shutdown(socket.SHUT_RDWR)


def _policy(allow_networks: Iterable[Network]) -> Policy:
    try:
        return Policy(
            allowed_networks=tuple(allow_networks),
            allowed_ports=frozenset(range(1, 2**16)),
            max_connection_attempts=MAX_ADDRESSES,
            max_url_length=MAX_URL_LENGTH,
        )
    except ValueError as error:
        msg = f"FETCH_ALLOW_NETWORKS: {error}"
        raise SettingsError(msg) from None


def _request(url: str, policy: Policy) -> requests.PreparedRequest:
    request = requests.Request("GET", url, headers=HEADERS).prepare()
    # What is judged is what will be sent: after requests has encoded host and path.
    policy.check_url(str(request.url))
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
