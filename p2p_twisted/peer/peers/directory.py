"""The known peers: listed by the RS, or known because they said Hello. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from twisted.internet import error

from ...events.publisher import Publisher
from ...events.types import PeerGone, PeerSeen
from ...index.distributed import DistributedIndex
from ...net.errors import FetchError, Unreachable
from ...wire.address import Address
from .index_subscription import IndexSubscription
from .known_peer import KnownPeer, Lost

MAX_PEERS = 10_000
"""Most peers remembered; of a longer list, the first."""
MAX_UNLISTED = 128
"""Most peers among them that the RS has not listed yet: fewer than may be asked at the same time."""


class Directory:
    """Keeps `peers`, and drops the records of those that are gone from `index`."""

    def __init__(
        self, index: DistributedIndex, subscription: Callable[[Address], IndexSubscription], publisher: Publisher
    ) -> None:
        """`subscription` makes the index subscription for the peer at an address."""
        self.peers: dict[Address, KnownPeer] = {}
        self.own: set[Address] = set()
        """The addresses that turned out to be this peer's own."""
        self._index = index
        self._subscription = subscription
        self._publisher = publisher
        self._unlisted: set[Address] = set()

    def update(
        self, listed: Collection[Address], own: Collection[Address], was_away: bool = False
    ) -> Iterator[KnownPeer]:
        """Take the list of the RS; yield the peers to ask because of it.

        `own`: this peer's addresses; `was_away`: the RS could not be reached before, so perhaps no peer could.
        """
        for peer in [peer for address, peer in self.peers.items() if address not in listed]:
            peer.is_listed = peer.is_listed and False
            if peer.failures:
                self.drop(peer)  # it answered a moment ago: the RS may have been restarted
        for address in listed:
            peer = self.peers.get(address) or self._add(address, address in own)
            if address in own:
                self.is_own(peer)
            if not peer.is_listed or (was_away and peer.failures):
                peer.retry_at = 0
                yield peer
            self._is_listed(peer)

    def _is_listed(self, peer: KnownPeer) -> None:
        if not peer.is_listed:  # it has registered
            self._index.is_back(peer.address)
            self._unlisted.discard(peer.address)
        peer.is_listed = True

    def arrive(self, address: Address, is_listed: bool) -> KnownPeer | None:
        """Return the peer at `address`, which has said Hello; None if there is no room for a new one.

        `is_listed`: the RS has just said that it lists it.
        """
        peer = self.peers.get(address)
        if peer is None and len(self.peers) < MAX_PEERS and (is_listed or len(self._unlisted) < MAX_UNLISTED):
            self._unlisted.add(address)
            peer = self._add(address)
        if peer is not None and is_listed:
            self._is_listed(peer)
        return peer

    def is_own(self, peer: KnownPeer) -> None:
        """Note that `peer` is this peer itself."""
        if not peer.is_self:
            peer.is_self = True
            self._publisher.publish(PeerGone(peer.address))
        self.own.add(peer.address)
        self._index.forget(peer.address)

    def failed(self, peer: KnownPeer, why: FetchError, now: float) -> None:
        """Note that `peer` could not be asked. Its records are dropped if everything points to its having stopped."""
        peer.failed(now)
        if not isinstance(why, Unreachable):
            peer.version = None  # another server may have that address by now
        is_refused = isinstance(why.__cause__, error.ConnectionRefusedError)
        if not peer.is_listed:
            self.drop(peer)
        elif peer.lost is Lost.CLOSED or (peer.lost is not None and is_refused):
            self._index.is_gone(peer.address)

    def meet(self, address: Address) -> KnownPeer:
        """Return the peer at `address`, which the RS lists."""
        peer = self.peers.get(address) or self._add(address)
        self._is_listed(peer)
        return peer

    def let_go(self, peer: KnownPeer) -> None:
        """Forget `peer`; what it has said of itself is hearsay from now on."""
        self._index.let_go(peer.address)
        peer.subscription.close()
        self._remove(peer)

    def drop(self, peer: KnownPeer) -> None:
        """Forget `peer` and its records."""
        self._index.is_gone(peer.address)
        self._remove(peer)

    def _remove(self, peer: KnownPeer) -> None:
        self._unlisted.discard(peer.address)
        if self.peers.get(peer.address) is peer:
            del self.peers[peer.address]
            if not peer.is_self:
                self._publisher.publish(PeerGone(peer.address))

    def _add(self, address: Address, is_self: bool = False) -> KnownPeer:
        peer = self.peers[address] = KnownPeer(address, self._subscription(address), is_self=is_self)
        if not is_self:
            self._publisher.publish(PeerSeen(address))
        return peer
