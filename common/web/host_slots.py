"""How many links at once may be with one host, so that a slow one cannot have all hands."""

from __future__ import annotations

import contextlib
import ipaddress
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from common.errors import HostBusy
from common.web.gate import Address

PER_HOST: Final = 3  # of the eight links that a worker has in hand
FIRST_DELAY_S: Final = 0.25
LONGEST_DELAY_S: Final = 15.0

_SITE: Final = 64  # bits of an IPv6 address that one customer has at least (RFC 6177)


class HostSlots:
    """Counts who is where. Thread-safe.

    A host is counted by its name and by the address that it is met at: names cost nothing, and one machine can have any
    number of them. Who finds no place is told when to come back: each time a little later, so that a thousand links to
    one dead host do not keep coming.
    """

    def __init__(self, each: int = PER_HOST) -> None:
        self._each = each
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def take(self, host: str) -> None:
        """Have a place at a host, until it is given back.

        Raises:
            HostBusy: There is none; says when to come back.
        """
        with self._lock:
            if self._taken[host] >= self._each:
                self._refused[host] += 1
                raise HostBusy(host, min(LONGEST_DELAY_S, FIRST_DELAY_S * self._refused[host]))
            self._taken[host] += 1

    def give_back(self, hosts: Collection[str]) -> None:
        """Have no place there any more."""
        with self._lock:
            self._taken.subtract(hosts)
            for host in hosts:
                self._refused.pop(host, None)
            self._taken = +self._taken  # forgets who is at zero

    @contextlib.contextmanager
    def taken(self, host: str) -> Iterator[None]:
        """A place for as long as the context lasts."""
        self.take(host)
        try:
            yield
        finally:
            self.give_back([host])


def zone(name: str) -> str:
    """Whoever answers for a name, roughly: its last two labels, or three under ``co.uk`` and the like.

    All names of a zone may wait for one slow name server. Names of different owners that are taken for one here share
    places for no longer than a lookup takes.
    """
    labels = name.rstrip(".").split(".")
    under_a_country = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3  # noqa: PLR2004
    return "*." + ".".join(labels[-3:] if under_a_country else labels[-2:])


def machine(address: Address) -> str:
    """An address, or of IPv6 the network that its owner has to choose addresses from."""
    return str(address if isinstance(address, ipaddress.IPv4Address) else ipaddress.ip_network((address, _SITE), False))
