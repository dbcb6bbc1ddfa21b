"""Where a link may lead: public unicast addresses on the web's ports, and the networks that the operator opened.

ssrfguard's table is IANA's two special-purpose registries (https://www.iana.org/assignments/iana-ipv4-special-registry
and iana-ipv6-special-registry) with multicast added. It asks whether an address can be reached; here the question is
whether it serves pictures. So every block of the registries is closed, even those that are "globally reachable": they
are anycast services of the nearest network (TURN, PCP, AS112, AMT), or not locations at all (ORCHID, drones).
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import re
import socket
from collections.abc import Collection, Iterable
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from ssrfguard import DEFAULT_DENIED, AddressTable, Block, BlockedAddressError, BlockedURLError, Policy, Reach, Target

from common.errors import SettingsError
from common.settings import Network
from common.web.hosts import ENDS_LIKE_A_NUMBER

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS: Final = frozenset({80, 443, 8080, 8443})
PORTS_IN_WORDS: Final = ", ".join(map(str, sorted(PORTS)))
MAX_URL_LENGTH: Final = 8192  # of signed addresses with a session token, some have 2,500; servers take 8 kB (nginx)


def _block(network: str, name: str, source: str, reach: Reach = Reach.DENIED) -> Block:
    return Block(network=ipaddress.ip_network(network), name=name, rfc=source, reach=reach)


# RFC 6052: a public prefix that stands for all of IPv4. With DNS64, every IPv4 host has such an address, so the IPv4
# address inside is judged.
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

# Prefixes that carry an IPv4 address, and that no web server has. They stay closed when the operator opens networks: a
# kernel connects ::ffff:127.0.0.1 to 127.0.0.1, so an open ::/0 would open that as well.
_CARRIERS: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "::ffff:0:0/96",  # IPv4-mapped (RFC 4291, 2.5.5.2)
        "::ffff:0:0:0/96",  # IPv4-translated, SIIT (RFC 2765, 2.1)
        "::/96",  # IPv4-compatible (RFC 4291, 2.5.5.1)
        "64:ff9b:1::/48",  # NAT64 within one network (RFC 8215)
        "2001::/32",  # Teredo (RFC 4380)
        "2002::/16",  # 6to4 (RFC 3056)
    )
)
_NOT_CARRIERS: Final = {ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1")}  # though they are in ::/96
_ISATAP: Final = {0x0000_5EFE, 0x0200_5EFE}  # how an interface's id begins, before its IPv4 address (RFC 5214)

_TABLE: Final = AddressTable(
    (
        *(
            dataclasses.replace(block, reach=Reach.TRANSLATED if block.network == _NAT64 else Reach.DENIED)
            for block in DEFAULT_DENIED.blocks
        ),
        _block("168.63.129.16/32", "Azure's own services, from inside a machine there", "Microsoft's documentation"),
        # All global unicast that IANA allocates now is in 2000::/3 (RFC 4291, 2.4).
        _block("::/0", "not global unicast", "RFC 4291"),
        _block("2000::/3", "global unicast", "RFC 4291", Reach.PERMITTED),
    )
)

# What browsers take in a name and ssrfguard does not: underscores, and hyphens at a label's ends.
_ODD: Final = re.compile(r"_|(?:(?<=\.)|^)-|-(?=\.|$)")


class PortRefusedError(BlockedURLError):
    """The link names a port that is not one of the web's."""


class TooLongError(BlockedURLError):
    """The link is longer than ``MAX_URL_LENGTH``."""


class Gate:
    """Judges links, first as they are written, then by the addresses of their names.

    Args:
        opened: More networks that links may reach, on any port.
        ports: The ports that links may reach at public addresses.

    Attributes:
        policy: The same for ssrfguard, except ports and addresses inside others, which are judged here.

    Raises:
        SettingsError: A network is one of IPv4 addresses in an IPv6 disguise.
    """

    def __init__(self, opened: Iterable[Network] = (), ports: Collection[int] = PORTS) -> None:
        self._opened = tuple(opened)
        self._ports = ports
        for network in self._opened:
            _refuse_disguise(network)
        self.policy = Policy(
            denied_networks=_TABLE,
            allowed_networks=self._opened,
            allowed_ports=frozenset(range(1, 2**16)),
            max_url_length=MAX_URL_LENGTH,
        )

    def admit(self, url: str) -> Target:
        """The target of a link, judged by its text.

        Raises:
            TooLongError, PortRefusedError: It is too long; its port is not one of ``ports``, and it cannot mean an
                opened network.
            ssrfguard.BlockedAddressError: Its host is an address, and not a public one, or in an unusual spelling.
            ssrfguard.SSRFGuardError: It is not a link of the web.
        """
        if len(url) > MAX_URL_LENGTH:
            raise TooLongError(url[:100], f"it is longer than {MAX_URL_LENGTH} characters")
        target = self._target(url, urlsplit(url).hostname or "")
        if target.address:
            self.admit_addresses(target, [target.address])
        elif target.port not in self._ports and not self._opened:
            raise PortRefusedError(url, f"port {target.port} is not one of {sorted(self._ports)}")
        return target

    def _target(self, url: str, host: str) -> Target:
        """What ssrfguard reads in a link. Of names it takes fewer than browsers do, so it gets one to its taste."""
        if ENDS_LIKE_A_NUMBER.search(host) and not _is_address(host):
            raise BlockedAddressError(host, "it is an IPv4 address in an unusual spelling")
        to_its_taste = _ODD.sub("x", host)
        try:
            target = self.policy.check_url(url if to_its_taste == host else url.replace(host, to_its_taste, 1))
        except BlockedURLError as error:
            if isinstance(error.__cause__, BlockedAddressError):
                raise error.__cause__ from None
            raise
        return dataclasses.replace(target, host=host, host_as_written=host) if to_its_taste != host else target

    def admit_addresses(self, target: Target, addresses: Iterable[Address]) -> None:
        """Judge the addresses of a link's name, all of which ssrfguard accepted.

        Raises:
            PortRefusedError: The port is not open at one of them.
            ssrfguard.BlockedAddressError: One of them stands for another, or is this machine's own.
        """
        for address in addresses:
            if _carries(address):
                raise BlockedAddressError(str(address), "it is an IPv4 address in an IPv6 disguise")
            if address in _NAT64:
                self.policy.check_address(_inner(address))
            if any(address in network for network in self._opened):
                continue
            if target.port not in self._ports:
                raise PortRefusedError(str(target), f"port {target.port} is not one of {sorted(self._ports)}")
            if is_here(address):
                raise BlockedAddressError(str(address), "it is this machine's own, behind its firewall")


def is_here(address: Address) -> bool:
    """Whether an address, even a public one, is this machine's own: then the kernel connects from that address."""
    family = socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((str(address), 9))  # of a datagram socket: it sends nothing, and only picks a route
        return bool(probe.getsockname()[0] == str(address))
    return False


def _is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


def _carries(address: Address) -> bool:
    if address.version == 4 or address in _NOT_CARRIERS:  # noqa: PLR2004 -- IPv4
        return False
    return any(address in carrier for carrier in _CARRIERS) or (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP


def _inner(address: Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)


def _refuse_disguise(network: Network) -> None:
    if isinstance(network, ipaddress.IPv4Network):
        return
    if network.num_addresses == 1 and not (_carries(network[0]) or network[0] in _NAT64):
        return  # ::1 is in ::/96, and means itself
    if any(network.subnet_of(carrier) for carrier in (*_CARRIERS, _NAT64)):
        msg = f"FETCH_ALLOW_NETWORKS: {network} holds IPv4 addresses in an IPv6 disguise: name the IPv4 network itself"
        raise SettingsError(msg)
