"""Where this peer is, and where the others are: by the names that they tell, else by their networks."""

from __future__ import annotations

from collections.abc import Mapping

from ...config.sites import SitePrefix, network_site
from ...swarm.sites import Sites
from ...wire.address import Address
from .known_peer import KnownPeer
from .registration import Registration


class SiteMap:
    """The sites of `peers`, and that of this peer, which is known to others as `registration` says."""

    def __init__(
        self, peers: Mapping[Address, KnownPeer], registration: Registration, name: str | None, prefix: SitePrefix
    ) -> None:
        """`name` is that of this peer's site, None if it has none; `prefix` tells the sites of those without."""
        self._name = name
        self._prefix = prefix
        self._peers = peers
        self._registration = registration

    def of(self, address: Address) -> str:
        """Return the site of the peer at `address`."""
        peer = self._peers.get(address)
        return network_site(address[0], self._prefix) if peer is None or peer.site is None else peer.site

    def is_near(self, host: str) -> bool:
        """Return whether the peer at `host`, whichever it is there, is at this peer's site."""
        named = {peer.site for address, peer in self._peers.items() if address[0] == host and peer.site is not None}
        return self.own in (named or {network_site(host, self._prefix)})

    @property
    def own(self) -> str:
        """The site of this peer, as far as it knows."""
        return self._name or network_site(self._registration.seen_as or "127.0.0.1", self._prefix)

    def sites(self) -> Sites | None:
        """Return the sites for one swarm; None if this peer does not know where it is."""
        host = self._registration.seen_as
        if host is None:
            return None
        return Sites((host, self._registration.port), self.own, self.of, self._name is not None)
