"""Which host is recorded for a peer: the address it connects from, or the one it names if it is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

from ..wire.fields import clean_host, parse_address


class TrustedNetworks:
    """The networks from which a peer may register another address than its own, and any number of peers."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._networks = tuple(networks)
        self._contains = lru_cache(4096)(self._look_up)

    def __contains__(self, host: str) -> bool:
        return self._contains(host)

    def _look_up(self, host: str) -> bool:
        address = parse_address(host)
        return address is not None and any(address in network for network in self._networks)

    def host_of(self, peer: str, host: str) -> str:
        """Return the host to record for a `peer` (the address it connects from) that names `host` in its Host line."""
        named = clean_host(host)
        if named is not None and peer in self:
            return named
        return clean_host(peer) or peer
