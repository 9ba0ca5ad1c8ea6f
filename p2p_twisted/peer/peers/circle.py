"""The peers that this one is in touch with: all that the RS lists or, in a large swarm, its neighbours.

In a large swarm it also stays in touch for a while with those whose documents were wanted.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

from ...net.errors import FetchError
from ...net.lines import Slicer
from ...wire.address import Address
from ...wire.fields import neighbourhood
from ...wire.messages import PQuery
from .directory import Directory
from .known_peer import KnownPeer
from .neighbours import NEAR, SMALL, Neighbours
from .registration import Registration
from .vouching import Vouching

SAMPLE = SMALL + 1
"""Peers that the RS is asked for, this one counted."""
RENEW_INTERVAL = 300
"""Seconds after which one neighbour is exchanged for another, so that the graph stays mixed."""
WANTED_FOR = 600
"""Seconds for which a peer is kept that is no neighbour, after its documents were wanted."""
MET_FOR = 60
"""Seconds for which one is kept that greets, or that a newcomer greets: each of the two asks the other once."""
MAX_MET = 1_000
"""Peers that a newcomer greets, so that those that hide documents must be many more."""
MAX_MET_OF_HOST = 64
"""Peers of one host among them."""
PULLS = 2
"""Neighbours that a newcomer asks for all the hearsay they have: the first may be new itself, or not honest."""
AT_ONCE = 50
"""Peers added between two looks at the clock."""


class Circle:
    """Keeps the peers of `directory` to those that this peer is to be in touch with."""

    def __init__(
        self,
        registration: Registration,
        directory: Directory,
        vouching: Vouching,
        own: Callable[[], set[Address]],
        now: Callable[[], float],
        slicer: Slicer,
    ) -> None:
        """`own` returns this peer's addresses, `now` monotonic seconds."""
        self.neighbours = Neighbours()
        self._registration = registration
        self._directory = directory
        self._vouching = vouching
        self._own = own
        self._now = now
        self._slicer = slicer
        self._renew_at = 0.0
        self._pulls = 0
        self._has_met_others = False

    # rounds

    def due(self) -> list[KnownPeer]:
        """Return the peers that each round asks."""
        return [peer for peer in self._directory.peers.values() if peer.address in self.neighbours]

    async def look(self) -> list[KnownPeer]:
        """Ask the RS for peers; return those to ask because of its list. Raises FetchError."""
        was_away = self._registration.error is not None
        listed, more = await self._registration.query(lambda cookie, port: PQuery(cookie, port, sample=SAMPLE))
        own = self._own()
        self.neighbours.count(len(listed) - len(own.intersection(listed)), not more)
        if self.neighbours.is_large:
            return await self._look_around(listed, own)
        self._pulls, self._has_met_others = 0, False
        allowed = await self._allowed(listed)
        peers: list[KnownPeer] = []
        await self._slicer.coiterate(_some(self._directory.update(allowed, own, was_away), peers))
        return peers

    async def _allowed(self, listed: list[Address]) -> dict[Address, None]:
        allowed: dict[Address, None] = {}
        await self._slicer.coiterate(self._vouching.sort_out(listed, allowed))
        return allowed

    async def _look_around(self, listed: list[Address], own: set[Address]) -> list[KnownPeer]:
        """Choose neighbours among the peers listed, and those next to this one in the list of all."""
        near: list[Address] = []
        if self.neighbours.lacks_near and self._registration.seen_as is not None:
            after = self._registration.seen_as, self._registration.port
            near, _ = await self._registration.query(lambda cookie, port: PQuery(cookie, port, 2 * NEAR, after))
        some = random.sample(listed, min(len(listed), SAMPLE))  # an RS that knows no samples has sent all
        allowed = await self._allowed([address for address in (*some, *near[: 2 * NEAR]) if address not in own])
        followed = [peer.address for peer in self._directory.peers.values() if peer.subscription.connection is not None]
        self.neighbours.offer(followed)
        kept = self.neighbours.fill()
        self.neighbours.offer(allowed.keys() - set(near), [address for address in near if address in allowed])
        for address in allowed.keys() & self._directory.peers.keys():
            self._directory.meet(address)
        self._tidy()
        return self._meet_new() + self._met(kept) + await self._meet_others(own)

    async def _meet_others(self, own: set[Address]) -> list[KnownPeer]:
        """Return peers that a newcomer asks once, and greets: none if that was done."""
        if self._has_met_others:
            return []
        listed, _ = await self._registration.query(lambda cookie, port: PQuery(cookie, port, sample=MAX_MET))
        self._has_met_others = True
        some = _few_of_each_host(random.sample(listed, min(len(listed), MAX_MET)))
        others = self._met(list(await self._allowed([address for address in some if address not in own])))
        for peer in others:
            self._is_met(peer)
        return others

    def _is_met(self, peer: KnownPeer) -> None:
        peer.wanted = max(peer.wanted, self._now() - WANTED_FOR + MET_FOR)

    def _met(self, addresses: list[Address]) -> list[KnownPeer]:
        return [peer for peer in map(self._directory.meet, addresses) if not peer.is_self]

    def _meet_new(self) -> list[KnownPeer]:
        """Fill the free places; return the new neighbours, which are to be asked."""
        return self._met(self.neighbours.fill())

    def _tidy(self) -> None:
        """Let go of a neighbour now and then, and of those whose documents were wanted; see that some tell hearsay."""
        now = self._now()
        peers = list(self._directory.peers.values())
        if now >= self._renew_at:
            self._renew_at = now + RENEW_INTERVAL
            useless = [peer.address for peer in peers if peer.subscription.connection is None]
            self.neighbours.renew(useless)
        for peer in peers:
            if not self.is_in_touch(peer) and not peer.is_self:
                self._directory.let_go(peer)
        self.neighbours.appoint()
        for peer in peers:
            if self.neighbours.tells(peer.address) and not peer.subscription.takes_hearsay:
                peer.subscription.close()  # it is dialled anew at once, and asked for hearsay

    # a peer

    def is_in_touch(self, peer: KnownPeer) -> bool:
        """Return whether `peer` is to be followed."""
        return peer.address in self.neighbours or self._now() - peer.wanted < WANTED_FOR

    def arrive(self, address: Address, is_listed: bool) -> KnownPeer | None:
        """Return the peer at `address`, which has said Hello; None if there is no room for one that may be unlisted."""
        peer = self._directory.arrive(address, is_listed)
        if peer is not None and self.neighbours.is_large and not peer.is_self:
            self._is_met(peer)
            displaced = self._directory.peers.get(self.neighbours.greeted_by(address) or address)
            if displaced is not None and not self.is_in_touch(displaced):
                self._directory.let_go(displaced)
        return peer

    def failed(self, peer: KnownPeer, why: FetchError) -> list[KnownPeer]:
        """Note that `peer` could not be asked; return others that are to be asked in its place."""
        self._directory.failed(peer, why, self._now())
        if not self.neighbours.is_large:
            return []
        self.neighbours.remove(peer.address)
        self._directory.let_go(peer)
        return self._meet_new()

    def is_slow(self, address: Address) -> list[KnownPeer]:
        """Note that the peer at `address` takes its time; return others to ask: those that answer first are chosen."""
        peer = self._directory.peers.get(address)
        if peer is None or peer.seen is not None or address not in self.neighbours.chosen:
            return []
        self.neighbours.remove(address)
        return self._meet_new()

    def asked(self, peer: KnownPeer) -> None:
        """Note that `peer` has been asked. It may have been let go meanwhile: what it said is hearsay then."""
        if peer.address not in self._directory.peers:
            self._directory.let_go(peer)

    def begin_pull(self, peer: KnownPeer) -> bool:
        """Return whether `peer` is to be asked for all the hearsay that it has."""
        if not self.neighbours.is_large or peer.address not in self.neighbours.chosen or self._pulls >= PULLS:
            return False
        self._pulls += 1
        return True

    def pull_failed(self) -> None:
        """Note that it was not had: another one is asked."""
        self._pulls -= 1


def _few_of_each_host(addresses: list[Address]) -> list[Address]:
    hosts: Counter[str] = Counter()
    return [one for one in addresses if hosts.update([host := neighbourhood(one[0])]) or hosts[host] <= MAX_MET_OF_HOST]


def _some(found: Iterator[KnownPeer], peers: list[KnownPeer]) -> Iterator[None]:
    """Fill `peers` with those that are `found`, a few at a time."""
    while batch := list(islice(found, AT_ONCE)):
        peers += batch
        yield
