"""Whose word counts: which address is recorded for a peer, the one it comes from or the one it says."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from ..wire.address import clean_host, parse_address


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
