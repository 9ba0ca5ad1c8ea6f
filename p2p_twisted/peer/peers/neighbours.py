"""Whom a peer keeps in touch with: everybody in a small swarm, in a larger one a bounded number of neighbours. Pure.

Some it chooses itself, a few near ones and the others by chance, so that the graph of all peers stays connected and
mixed. Others have greeted it: so each new peer is followed by those that it has chosen. Who greets under many addresses
displaces others that have greeted, never a chosen one.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable

from ...wire.address import Address

SMALL = 64
"""Most other peers that are all neighbours."""
SMALL_AGAIN = 48
"""Number of other peers at which a swarm that was larger counts as small again."""
CHOSEN = 16
NEAR = 4
"""Neighbours of the own choice, and how many of them are near, if there are such."""
GREETERS = 16
"""Most neighbours that are kept because they have said Hello."""
TELLERS = 3
"""Chosen neighbours from which hearsay is taken: each piece of news comes so many times, and two of them may fail."""


class Neighbours:
    """The neighbours of one peer, which are asked for their indexes and followed."""

    def __init__(self) -> None:
        self.is_large = False
        """Whether there are more peers than can all be neighbours."""
        self.chosen: set[Address] = set()
        self._near: set[Address] = set()
        self.greeters: list[Address] = []
        self._tellers: set[Address] = set()
        self._spare_near: list[Address] = []
        self._spare: list[Address] = []
        """Peers that may be chosen when a neighbour is lost."""

    def __contains__(self, address: Address) -> bool:
        return not self.is_large or address in self.chosen or address in self.greeters

    def count(self, number: int, is_all: bool) -> None:
        """Note that the RS listed `number` other peers, and whether those are all."""
        most = SMALL_AGAIN if self.is_large else SMALL
        self.is_large = not is_all or number > most
        if not self.is_large:
            self.chosen, self._near, self.greeters, self._tellers = set(), set(), [], set()

    # the own choice

    @property
    def lacks_near(self) -> bool:
        """Whether near peers are looked for."""
        return len(self._near) < NEAR and not self._spare_near

    def offer(self, listed: Iterable[Address], near: Iterable[Address] = ()) -> None:
        """Take peers that the RS lists, to be chosen now and later, in place of those offered before."""
        self._spare = _by_hosts([address for address in listed if address not in self.chosen])
        self._spare_near = _by_hosts([address for address in near if address not in self.chosen])

    def fill(self) -> list[Address]:
        """Choose neighbours for the free places; return the new ones."""
        new = []
        while len(self.chosen) < CHOSEN and (self._spare or self._spare_near):
            is_near = bool(self._spare_near) and (len(self._near) < NEAR or not self._spare)
            address = (self._spare_near if is_near else self._spare).pop()
            if address not in self.chosen:
                self._choose(address, is_near)
                new.append(address)
        return new

    def answered(self, address: Address) -> None:
        """Choose the peer at `address`, which has answered, if a place is free."""
        if self.is_large and address not in self and len(self.chosen) < CHOSEN:
            self._choose(address, False)

    def _choose(self, address: Address, is_near: bool) -> None:
        self.chosen.add(address)
        if is_near:
            self._near.add(address)
        elif len(self._tellers) < TELLERS:
            self._tellers.add(address)
        if address in self.greeters:
            self.greeters.remove(address)

    def renew(self, useless: Collection[Address]) -> Address | None:
        """Give up a chosen one, a useless one if there is any, if another can take its place; return it."""
        others = [address for address in self._spare if address not in self.chosen]
        candidates = sorted(self.chosen & set(useless)) or sorted(self.chosen - self._near)
        if not others or not candidates or len(self.chosen) < CHOSEN:
            return None
        old = random.choice(candidates)
        self.remove(old)
        return old

    # those that greet, and those that go

    def greeted_by(self, address: Address) -> Address | None:
        """Take the peer at `address`, which has said Hello; return the one that makes room for it, if any has to."""
        if address in self.chosen or address in self.greeters:
            return None
        displaced = None
        if len(self.greeters) >= GREETERS:
            displaced = self.greeters.pop(random.randrange(len(self.greeters)))
        self.greeters.append(address)
        return displaced

    def remove(self, address: Address) -> None:
        """Note that the peer at `address` is gone, or no longer wanted."""
        self.chosen.discard(address)
        self._near.discard(address)
        self._tellers.discard(address)
        if address in self.greeters:
            self.greeters.remove(address)

    # hearsay

    def tells(self, address: Address) -> bool:
        """Return whether hearsay is taken from the peer at `address`."""
        return address in self._tellers

    def appoint(self) -> None:
        """Have others tell in the place of those that are gone."""
        others = sorted(self.chosen - self._tellers)
        self._tellers.update(random.sample(others, min(TELLERS - len(self._tellers), len(others))))


def _by_hosts(addresses: list[Address]) -> list[Address]:
    """Return `addresses` in an order by chance, but with one of each host at the end, to be taken first."""
    random.shuffle(addresses)
    firsts = {host: (host, port) for host, port in addresses}
    return [address for address in addresses if firsts[address[0]] != address] + list(firsts.values())
