"""An internet for tests, in which every address answers: each connection is made, to a server on this machine.

Only the peer's address is pretended. Sockets really connect, accept, send and receive, so a test counts real
connections: behind each private address is a server that a link must not reach.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from common.web.gate import PORTS
from tests.hostile.addresses import RESERVED
from tests.support.web_server import WebServer, content, serving

_PRIVATE = [ipaddress.ip_network(block.network) for block in RESERVED]
_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Network:
    """The servers behind all addresses.

    Attributes:
        public: Answers at all public addresses.
        private: Answers at all others.
        ports: The ports of public and private servers; the web's.
        called: The addresses that were connected to, in order.
        here: Public addresses that are this machine's own.
    """

    def __init__(self, public: WebServer, private: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.public = public
        self.private = private
        self.ports = set(PORTS)
        self.called: list[str] = []
        self.here: set[str] = set()
        self._peers: weakref.WeakKeyDictionary[socket.socket, Any] = weakref.WeakKeyDictionary()
        self._connect = socket.socket.connect
        self._getpeername = socket.socket.getpeername
        self._getsockname = socket.socket.getsockname

        def connect(caller: socket.socket, address: Any) -> None:
            self._lead(caller, address)

        def getpeername(caller: socket.socket) -> Any:
            return self._peers.get(caller) or self._getpeername(caller)

        def getsockname(caller: socket.socket) -> Any:
            peer = self._peers.get(caller)
            return peer if peer and peer[0] in self.here else self._getsockname(caller)

        monkeypatch.setattr(socket.socket, "connect", connect)
        monkeypatch.setattr(socket.socket, "getsockname", getsockname)
        monkeypatch.setattr(socket.socket, "getpeername", getpeername)

    def _lead(self, caller: socket.socket, address: Any) -> None:
        if caller.type == socket.SOCK_DGRAM and address[0] in self.here:
            self._peers[caller] = address
        if caller.family == socket.AF_UNIX or caller.type != socket.SOCK_STREAM or address[1] not in self.ports:
            self._connect(caller, address)
            return
        server = self.private if is_private(address[0]) else self.public
        self.called.append(address[0])
        self._peers[caller] = address
        host = "127.0.0.1" if caller.family == socket.AF_INET else "::ffff:127.0.0.1"
        self._connect(caller, (host, server.port))


def is_private(host: str) -> bool:
    """Whether an address is not public, or represents one that is not."""
    address = ipaddress.ip_address(host)
    if address in _NAT64:
        address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    unicast = address.version == 4 or address in _UNICAST
    return not unicast or any(address in network for network in _PRIVATE)


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """Every address answers, with a word that says whether it is public or private."""
    public, private = {"/": content(b"public")}, {"/": content(b"private")}
    with pytest.MonkeyPatch.context() as monkeypatch, serving(public) as outside, serving(private) as inside:
        yield Network(outside, inside, monkeypatch)
