"""The kinds of addresses that are never dialled because somebody else has named them. Pure.

Whoever names an address has a peer connect to it: to a service on the peer's own machine, or to one that only its
network reaches. So an address of a kind that no swarm uses is dialled only where this peer or its RS has one itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from typing import TYPE_CHECKING

from ..wire.address import Address
from ..wire.fields import parse_address

if TYPE_CHECKING:
    from ..config.settings import Network

MIN_PORT = 1024
"""The lowest port that is dialled; those below belong to the services of the system."""

UNSPECIFIED, LOOPBACK, LINK_LOCAL, MULTICAST = "unspecified", "loopback", "link-local", "multicast"
BROADCAST, DOCUMENTATION, RESERVED = "broadcast", "documentation", "reserved"
_NEVER = {UNSPECIFIED, MULTICAST, BROADCAST}
"""Kinds that no host has as its address."""

_KINDS = [
    (ip_network(network), kind)
    for kind, networks in (
        (UNSPECIFIED, "0.0.0.0/8 ::/128"),
        (LOOPBACK, "127.0.0.0/8 ::1/128"),
        (LINK_LOCAL, "169.254.0.0/16 fe80::/10"),
        (MULTICAST, "224.0.0.0/4 ff00::/8"),
        (BROADCAST, "255.255.255.255/32"),
        (DOCUMENTATION, "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20"),
        (RESERVED, "192.0.0.0/24 192.88.99.0/24 240.0.0.0/4 fec0::/10"),
    )
    for network in networks.split()
]


def _by_octet() -> dict[tuple[int, int], list[tuple[Network, str]]]:
    found: dict[tuple[int, int], list[tuple[Network, str]]] = {}
    for network, kind in _KINDS:
        for octet in range(network[0].packed[0], network[-1].packed[0] + 1):
            found.setdefault((network.version, octet), []).append((network, kind))
    return found


_BY_OCTET = _by_octet()
"""Those that addresses may be in, by the version of IP and the first byte; none for most."""
_ORDINARY = tuple(IPv6Network(text) for text in ("2000::/3", "fc00::/7"))
"""Where IPv6 addresses are given to hosts; all others are reserved."""
_TRANSLATED = ((IPv6Network("2002::/16"), 80), (IPv6Network("64:ff9b::/96"), 0), (IPv6Network("64:ff9b:1::/48"), 0))
"""6to4 and NAT64: networks of IPv6 addresses that lead to an IPv4 address, and the bits behind it."""
_TEREDO = IPv6Network("2001::/32")
_ISATAP = 0x5EFE
"""The two bytes before the IPv4 address in an address of ISATAP (RFC 5214)."""


class DialPolicy:
    """Judges addresses that came from others; `networks` may be dialled whatever they are."""

    def __init__(self, networks: Sequence[Network], near: Callable[[], Iterable[str]]) -> None:
        """`near` returns the IP addresses of this peer and of its RS, as far as they are known."""
        self._networks = tuple(networks)
        self._near = near

    def covers(self, host: str) -> bool:
        """Return whether the IP address `host` is in one of the networks."""
        ip = parse_address(host)
        return ip is not None and any(ip in network for network in self._networks)

    def refusal(self, address: Address) -> str | None:
        """Return why `address` must not be dialled, None if it may be.

        A host name is judged by the addresses that it leads to: see `permits`.
        """
        host, port = address
        if self._networks and self.covers(host):
            return None
        if port < MIN_PORT:
            return f"ports below {MIN_PORT} are not dialled"
        kind = _kind(host)
        if kind is None or (kind not in _NEVER and kind in map(_kind, self._near())):
            return None
        return f"{kind} addresses are not dialled"

    def permits(self, host: str) -> bool:
        """Return whether the IP address `host`, which a name leads to, may be dialled."""
        return self.refusal((host, MIN_PORT)) is None


@lru_cache(20_000)
def _kind(host: str) -> str | None:
    """Return the kind of an IP address; None for an ordinary one, and for a host name."""
    ip = parse_address(host)
    return None if ip is None else next(filter(None, map(_kind_of, _meant(ip))), None)


def _kind_of(ip: IPv4Address | IPv6Address) -> str | None:
    known = next((kind for network, kind in _BY_OCTET.get((ip.version, ip.packed[0]), ()) if ip in network), None)
    if known is None and isinstance(ip, IPv6Address) and not any(ip in network for network in _ORDINARY):
        return RESERVED
    return known


def _meant(ip: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """Yield the addresses that a connection to `ip` may lead to."""
    if isinstance(ip, IPv4Address):
        yield ip
        return
    bits = int(ip)
    translated = next((behind for network, behind in _TRANSLATED if ip in network), None)
    if translated is not None:
        yield IPv4Address(bits >> translated & 0xFFFFFFFF)
        return
    yield ip
    if ip in _TEREDO:
        yield IPv4Address(~bits & 0xFFFFFFFF)
    if bits >> 32 & 0xFCFFFFFF == _ISATAP:
        yield IPv4Address(bits & 0xFFFFFFFF)
