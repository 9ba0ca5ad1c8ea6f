"""Whose word counts: which address is recorded for a peer, the one it comes from or the one it says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)


def parse_address(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that `host` is, an IPv4 address mapped into IPv6 as the former; None if it is none."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def clean_host(text: str) -> str | None:
    """An address or host name in its one spelling, or None if nobody can be reached there.

    A name is at most 253 characters of labels parted by dots, the last of them not a number (RFC 1123, 2.1).
    """
    address = parse_address(text)
    if address is not None:
        return None if address.is_unspecified or address.is_multicast or "%" in text else str(address)
    labels = text.lower().split(".")
    if len(text) > 253 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        return None
    return ".".join(labels)


class TrustedNetworks:
    """The networks from which a peer may register under another address than its own."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._networks = tuple(networks)

    def __contains__(self, host: str) -> bool:
        address = parse_address(host)
        return address is not None and any(address in network for network in self._networks)

    def host_of(self, peer: str, said: str) -> str:
        """The host to record: what the peer `said` in its Host line if it may, else `peer`, where it comes from."""
        claimed = clean_host(said)
        if claimed is not None and peer in self:
            return claimed
        return clean_host(peer) or peer
