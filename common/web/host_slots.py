"""Limits how many requests one host may have in flight, so that a slow host does not occupy the whole worker."""

from __future__ import annotations

import contextlib
import ipaddress
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from common.errors import HostBusy
from common.web.gate import Address

PER_HOST: Final = 3  # of the eight links that a worker has in flight
FIRST_DELAY_S: Final = 0.25
LONGEST_DELAY_S: Final = 15.0

_SITE: Final = 64  # bits of an IPv6 address that one customer has at least (RFC 6177)


class HostSlots:
    """Counts the requests in flight to each host. Thread-safe.

    A host is counted by its name and by its address: names cost nothing, and one machine can have any number of them.
    A link without a free slot comes back after a delay that grows each time, so that a thousand links to one dead host
    do not come back all the time.

    Args:
        per_host: The slots of each host.
    """

    def __init__(self, per_host: int = PER_HOST) -> None:
        self._per_host = per_host
        self._lock = threading.Lock()
        self._acquired: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def acquire(self, host: str) -> None:
        """Take one slot of a host.

        Raises:
            HostBusy: No slot is free; it says when to come back.
        """
        with self._lock:
            if self._acquired[host] >= self._per_host:
                self._refused[host] += 1
                raise HostBusy(host, min(LONGEST_DELAY_S, FIRST_DELAY_S * self._refused[host]))
            self._acquired[host] += 1

    def release(self, hosts: Collection[str]) -> None:
        """Give back one slot of each of these hosts."""
        with self._lock:
            self._acquired.subtract(hosts)
            for host in hosts:
                self._refused.pop(host, None)
            self._acquired = +self._acquired  # forgets hosts at zero

    @contextlib.contextmanager
    def held(self, host: str) -> Iterator[None]:
        """Hold one slot of a host for as long as the context lasts."""
        self.acquire(host)
        try:
            yield
        finally:
            self.release([host])


def zone(name: str) -> str:
    """The zone that a name is in, roughly: its last two labels, or three under ``co.uk`` and the like.

    All names of a zone may wait for one slow name server. Different owners may share what counts as one zone here:
    they share its slots for no longer than a lookup takes.
    """
    labels = name.rstrip(".").split(".")
    under_a_country = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3  # noqa: PLR2004
    return "*." + ".".join(labels[-3:] if under_a_country else labels[-2:])


def machine(address: Address) -> str:
    """The address as text; for IPv6, the network from which its owner can choose addresses."""
    return str(address if isinstance(address, ipaddress.IPv4Address) else ipaddress.ip_network((address, _SITE), False))
