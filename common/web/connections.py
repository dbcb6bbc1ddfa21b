"""The connections of one link: each to an address that passed the gate, with counted bytes and a deadline.

A socket's time-out applies to each read, so a server that sends one byte a second, in its handshake, headers, chunk
sizes or body, never exceeds it. Only shutting down the socket ends such a connection.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import requests
from ssrfguard import connect, resolve
from ssrfguard.requests import SafeAdapter

from common.web.gate import Address, Gate
from common.web.heads import clean_head
from common.web.host_slots import HostSlots, machine, zone
from common.web.names import Lookup

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CONNECT_LIMIT_S: Final = 4.0  # for each address of a name
MAX_ADDRESSES: Final = 3


class Connections:
    """Makes connections, for ``adapter``. ``cut`` ends all of them, from another thread.

    Args:
        gate: Judges what may be connected to.
        lookup: Finds the addresses of names.
        slots: The slots of each host; ``close`` releases those acquired here.
        deadline: No connection begins after this time of ``clock``.
        connect: Connects to one of some addresses.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        gate: Gate,
        lookup: Lookup,
        slots: HostSlots,
        deadline: float,
        *,
        connect: Callable[..., socket.socket] = connect,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.deadline = deadline
        self._gate = gate
        self._lookup = lookup
        self._slots = slots
        self._connect = connect
        self._clock = clock
        self._acquired: set[str] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        self._sockets: list[socket.socket] = []
        self._may_receive = 0
        self._overrun: Exception = OSError("no bytes are expected")

    def adapter(self) -> SafeAdapter:
        """What sends requests over these connections, without proxies, retries, cookies or passwords."""
        return _Adapter(self, self._gate)

    def cut(self) -> None:
        """End all connections; reading from one raises an error. Does nothing once they are closed."""
        with self._lock:
            self._is_cut = True
            for connected in self._sockets:
                _shut_down(connected)

    def close(self) -> None:
        """Close all sockets and release the host slots."""
        self._slots.release(self._acquired)
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()

    # Bytes, as they come from the socket or out of TLS: headers and chunk sizes are counted, too

    def expect(self, most_bytes: int, overrun: Exception) -> None:
        """From now on, raise ``overrun`` when more than ``most_bytes`` come."""
        self._may_receive, self._overrun = most_bytes, overrun

    def count(self, received_bytes: int) -> None:
        """Count bytes that came.

        Raises:
            Exception: They are too many; the ``overrun`` of ``expect``.
        """
        self._may_receive -= received_bytes
        if self._may_receive < 0:
            raise self._overrun

    # Connecting

    def connect(self, scheme: str, host: str, port: int) -> socket.socket:
        """A connection to a host, all of whose addresses have passed the gate.

        Raises:
            ssrfguard.SSRFGuardError: An address did not pass.
            OSError: The name is unknown, or no address answers in time.
            HostBusy: The host has no free slot.
        """
        target = self._gate.admit(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/")
        found = [target.address] if target.address else self._look_up(target.host)
        # One lookup, and all its answers are judged: the connection below goes to a judged address.
        addresses = resolve(target, policy=self._gate.policy, resolver=lambda *_: _rows(found, target.port))
        self._gate.admit_addresses(target, [address.ip for address in addresses])
        tried = addresses[:MAX_ADDRESSES]
        for index, address in enumerate(tried):
            self._acquire(machine(address.ip))
            limit_s = min(CONNECT_LIMIT_S, self._left_s() / (len(tried) - index))
            try:
                connected = self._connect([address], policy=self._gate.policy, timeout=limit_s)
            except OSError:
                if address is tried[-1]:
                    raise
            else:
                self._watch(connected)
                break
        return connected

    def _look_up(self, host: str) -> list[Address]:
        self._acquire(host.rstrip("."))
        with self._slots.held(zone(host)):
            return self._lookup(host, self.deadline)

    def _acquire(self, host: str) -> None:
        if host not in self._acquired:
            self._slots.acquire(host)
            self._acquired.add(host)

    def _left_s(self) -> float:
        left_s = self.deadline - self._clock()
        if left_s <= 0 or self._is_cut:
            msg = "no time left"
            raise TimeoutError(msg)
        return left_s

    def _watch(self, connected: socket.socket) -> None:
        # A duplicate, since TLS takes over the socket itself. Shutting down either ends the connection.
        with self._lock:
            self._sockets.append(connected.dup())
            if self._is_cut:
                _shut_down(connected)


class _Adapter(SafeAdapter):
    """ssrfguard's adapter with our connections."""

    def __init__(self, connections: Connections, gate: Gate) -> None:
        self._connections = connections
        super().__init__(policy=gate.policy, max_retries=0)

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """The path as it is: requests would make ``/cat.jpg`` of ``//cat.jpg``, which S3 has as another file."""
        return request.path_url

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:
        """Build ssrfguard's pools, with our connections."""
        super().init_poolmanager(connections, maxsize, block, **more)
        pools = self.poolmanager.pool_classes_by_scheme
        self.poolmanager.pool_classes_by_scheme = {
            scheme: _pool(pool, scheme, self._connections) for scheme, pool in pools.items()
        }


def _pool(pool: Any, scheme: str, connections: Connections) -> Any:
    class Connection(pool.ConnectionCls):  # type: ignore[misc]  # its base is known at run time only
        def _new_conn(self) -> socket.socket:
            return connections.connect(scheme, self._dns_host, self.port)

        def connect(self) -> None:
            # OpenSSL lets no wildcard of a certificate stand for an underscore, as browsers do: my_cats.s3.example.
            # With this, urllib3 compares the names, by RFC 6125. It does so even without check_hostname.
            if scheme == "https" and "_" in self.host:
                self.assert_hostname = self.host
            super().connect()

        def response_class(self, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
            response = _Response(*args, **kwargs)
            response.fp = io.BufferedReader(_Counted(response.fp.detach(), connections))
            return response

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})


class _Response(http.client.HTTPResponse):
    """An answer whose head is read by ``heads.py``, and whose body by the standard library."""

    def begin(self) -> None:
        """Read the head."""
        stream = self.fp
        self.fp = io.BufferedReader(io.BytesIO(clean_head(stream)))
        super().begin()
        self.fp = stream


class _Counted(io.RawIOBase):
    """A stream that counts its bytes."""

    def __init__(self, stream: io.RawIOBase, connections: Connections) -> None:
        self._stream = stream
        self._connections = connections

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Read as the stream does, and count the bytes."""
        size = self._stream.readinto(buffer)
        self._connections.count(size or 0)
        return size

    def close(self) -> None:
        """Close the stream, too."""
        self._stream.close()
        super().close()


def _rows(addresses: Iterable[Address], port: int) -> list[tuple[int, int, int, str, tuple[Any, ...]]]:
    """Addresses in the form that ``socket.getaddrinfo`` returns."""
    return [
        (socket.AF_INET, socket.SOCK_STREAM, 0, "", (str(address), port))
        if address.version == 4  # noqa: PLR2004 -- IPv4
        else (socket.AF_INET6, socket.SOCK_STREAM, 0, "", (str(address), port, 0, 0))
        for address in addresses
    ]


def _shut_down(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the server may have closed it already
        connected.shutdown(socket.SHUT_RDWR)
