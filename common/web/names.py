"""Names to addresses, within a time limit.

``socket.getaddrinfo`` takes no time limit and cannot be cut, and it is the user who names the name server that it waits
for. So names are asked here: ``/etc/hosts`` first, then the servers of ``/etc/resolv.conf``, by ssrfguard's resolver,
which keeps to a deadline. Search domains are left out: a link's name is a whole one. The answers are judged elsewhere.
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

# Finds the addresses of a host, in the order in which they are to be tried, by a moment of ``time.monotonic``.
Lookup: TypeAlias = Callable[[str, float], list[Address]]

ASK_AGAIN_S: Final = 2.0  # a name server may itself wait for others
_LOCALHOST: Final = ipaddress.IPv4Address("127.0.0.1")
# No packet goes there: these only tell whether there is a way to the internet (they are Google's name servers).
_SOMEWHERE: Final = {socket.AF_INET: "8.8.8.8", socket.AF_INET6: "2001:4860:4860::8888"}


@dataclasses.dataclass(frozen=True)
class Names:
    """Looks names up as this machine would.

    Args:
        hosts: The operator's own names.
        resolv_conf: Names the name servers. It is read each time, as it changes with the network.
        port: Where those listen.
        families: Which addresses to ask for; by default those that this machine has a way to. A family that is not
            asked for is never connected to; one that is must be answered, lest a silent server hide half of a name.
    """

    hosts: Path = Path("/etc/hosts")
    resolv_conf: Path = Path("/etc/resolv.conf")
    port: int = 53
    families: tuple[int, ...] | None = None

    def __call__(self, host: str, deadline: float) -> list[Address]:
        """The addresses of a host: IPv4 and IPv6 in turn, IPv4 first.

        Args:
            host: A name in ASCII, or an address.
            deadline: A moment of ``time.monotonic``.

        Raises:
            OSError: There is no such name, or no answer in time, or no name server at all.
            ValueError: ``resolv.conf`` names no name server.
        """
        name = host.removesuffix(".").lower()
        with contextlib.suppress(ValueError):
            return [ipaddress.ip_address(name)]
        # RFC 6761, 6.3: such names are this machine's, and no name server is to be asked.
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
            families=self.families or _families_with_a_way(),
            nameserver_port=self.port,
        )
        records = ask.records(name)
        if not records:
            raise socket.gaierror(socket.EAI_NONAME, f"{name}: no addresses")
        return [record.ip for record in records]


def _in_turn(addresses: Iterable[Address]) -> list[Address]:
    """Either family may be the one that does not get through, and only the first few addresses are tried."""
    by_family: dict[int, list[Address]] = {4: [], 6: []}
    for address in dict.fromkeys(addresses):
        by_family[address.version].append(address)
    return [one for pair in itertools.zip_longest(*by_family.values()) for one in pair if one is not None]


def _families_with_a_way() -> tuple[int, ...]:
    """As getaddrinfo's ``AI_ADDRCONFIG``: some name servers do not answer for a family that nobody there can use."""
    return tuple(family for family in _SOMEWHERE if _has_a_way(family)) or (socket.AF_INET,)


def _has_a_way(family: socket.AddressFamily) -> bool:
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((_SOMEWHERE[family], 53))  # of a datagram socket: it only picks a route
        return True
    return False
