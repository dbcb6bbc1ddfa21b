"""Names to addresses, within a time limit.

``socket.getaddrinfo`` has no time limit and cannot be cut, and users choose by their link which name server it waits
for. So this module looks names up: first in ``/etc/hosts``, then at the servers of ``/etc/resolv.conf``, by
ssrfguard's resolver, which keeps a deadline. It uses no search domains: a link's name is complete. ``gate.py`` judges
the answers.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import itertools
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from ssrfguard.resolvers import UdpResolver, nameservers_from_resolv_conf

from common.web.gate import Address

# Finds the addresses of a host, in the order in which to try them, before a deadline by ``time.monotonic``.
Lookup: TypeAlias = Callable[[str, float], list[Address]]

ASK_AGAIN_S: Final = 2.0  # a name server may itself wait for others
_LOCALHOST: Final = ipaddress.IPv4Address("127.0.0.1")
# No packet is sent there: these only show whether there is a route to the internet. (They are Google's name servers.)
_SOMEWHERE: Final = {socket.AF_INET: "8.8.8.8", socket.AF_INET6: "2001:4860:4860::8888"}


@dataclasses.dataclass(frozen=True)
class Names:
    """Looks names up as this machine would.

    Args:
        hosts: The operator's own file of names.
        resolv_conf: The list of name servers. It is read each time, since it changes with the network.
        port: The port of the name servers.
        families: The address families to look up; by default those that this machine has a route to. No connection
            goes to another family. Each of them must be answered, so that a silent server cannot hide half of a name.
    """

    hosts: Path = Path("/etc/hosts")
    resolv_conf: Path = Path("/etc/resolv.conf")
    port: int = 53
    families: tuple[int, ...] | None = None

    def __call__(self, host: str, deadline: float) -> list[Address]:
        """The addresses of a host: IPv4 and IPv6 in turn, IPv4 first.

        Args:
            host: A name in ASCII, or an address.
            deadline: A time by ``time.monotonic``.

        Raises:
            OSError: There is no such name, no answer in time, or no name server.
            ValueError: ``resolv.conf`` names no name server.
        """
        name = host.removesuffix(".").lower()
        with contextlib.suppress(ValueError):
            return [ipaddress.ip_address(name)]
        # RFC 6761, 6.3: such names are this machine's, and no name server may be asked.
        if name == "localhost" or name.endswith(".localhost"):
            return [_LOCALHOST]
        return _in_turn(list(self._from_hosts(name)) or self._from_servers(name, deadline))

    def _from_hosts(self, name: str) -> Iterator[Address]:
        with contextlib.suppress(FileNotFoundError):
            for line in self.hosts.read_text(errors="replace").splitlines():
                address, *known = line.partition("#")[0].split() or [""]
                if name in (each.removesuffix(".").lower() for each in known):
                    with contextlib.suppress(ValueError):
                        yield ipaddress.ip_address(address)

    def _from_servers(self, name: str, deadline: float) -> list[Address]:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            msg = f"no time left to look up {name!r}"
            raise TimeoutError(msg)
        ask = UdpResolver(
            nameservers=nameservers_from_resolv_conf(self.resolv_conf),
            timeout=left_s,
            attempt_timeout=ASK_AGAIN_S,
            families=self.families or _families_with_a_route(),
            nameserver_port=self.port,
        )
        records = ask.records(name)
        if not records:
            raise socket.gaierror(socket.EAI_NONAME, f"{name}: no addresses")
        return [record.ip for record in records]


def _in_turn(addresses: Iterable[Address]) -> list[Address]:
    """Mix the families: either may be unreachable, and only the first few addresses are tried."""
    by_family: dict[int, list[Address]] = {4: [], 6: []}
    for address in dict.fromkeys(addresses):
        by_family[address.version].append(address)
    return [one for pair in itertools.zip_longest(*by_family.values()) for one in pair if one is not None]


def _families_with_a_route() -> tuple[int, ...]:
    """As getaddrinfo's ``AI_ADDRCONFIG``: some name servers do not answer for a family unused in their network."""
    return tuple(family for family in _SOMEWHERE if _has_a_route(family)) or (socket.AF_INET,)


def _has_a_route(family: socket.AddressFamily) -> bool:
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((_SOMEWHERE[family], 53))  # of a datagram socket: it sends nothing, and only picks a route
        return True
    return False
