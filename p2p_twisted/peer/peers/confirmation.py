"""Ask the holders that hearsay names for their index, so that what they have is known from themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ...net.errors import FetchError
from ...wire.address import Address
from .directory import Directory
from .known_peer import KnownPeer
from .turns import URGENT, Turns
from .vouching import Vouching

MAX_CONFIRMED = 1_024
"""Addresses of one call that are asked at most: the first ones."""
FRESH = 10.0
"""Seconds for which the answer of a peer is not asked for again."""


class Confirmation:
    """Has addresses asked by `turns`; the same address is asked once for all who wait for it."""

    log = Logger()

    def __init__(self, clock: IReactorTime, directory: Directory, vouching: Vouching, turns: Turns) -> None:
        self._clock = clock
        self._directory = directory
        self._vouching = vouching
        self._turns = turns
        self._waiting: dict[Address, list[Deferred[None]]] = {}

    async def confirm(self, addresses: Sequence[Address], own: Iterable[Address], now: float, timeout: float) -> None:
        """Ask the peers at `addresses` for their index, as far as somebody vouches for them and they are due.

        Returns when all have answered or failed, or after `timeout` seconds. `own`: addresses to pass over.
        """
        passed_over = set(own)
        others = [address for address in dict.fromkeys(addresses) if address not in passed_over]
        asked = Deferred.fromCoroutine(self._ask(others[:MAX_CONFIRMED], now))
        asked.addTimeout(timeout, self._clock, lambda result, _: None)
        await asked

    async def _ask(self, addresses: Sequence[Address], now: float) -> None:
        try:
            vouched = await self._vouching.among(addresses)
        except FetchError as e:
            self.log.info("holders that others have named are not asked: {why}", why=str(e))
            return
        peers = list(filter(None, map(self._peer, vouched)))
        for peer in peers:
            peer.wanted = now
        due = sorted((peer for peer in peers if self._is_due(peer, now)), key=lambda peer: peer.failures)
        waiting = [self._wait(peer.address) for peer in due]
        self._turns.add((peer.address, URGENT) for peer in due)
        await DeferredList(waiting, consumeErrors=True)  # they are cancelled after the timeout

    def _peer(self, address: Address) -> KnownPeer | None:
        """Return the peer at `address`, which somebody vouches for; None if there is no room for it."""
        known = self._directory.peers.get(address)
        return known or self._directory.arrive(address, self._vouching.was_listed(address))

    def _is_due(self, peer: KnownPeer, now: float) -> bool:
        if peer.is_self or peer.subscription.connection is not None:
            return False  # it says itself what it has, as soon as that changes
        return peer.retry_at <= now if peer.failures else peer.seen is None or now - peer.seen >= FRESH

    def _wait(self, address: Address) -> Deferred[None]:
        waiting: Deferred[None] = Deferred()
        self._waiting.setdefault(address, []).append(waiting)
        return waiting

    def asked(self, address: Address) -> None:
        """Note that the peer at `address` has answered or failed."""
        for waiting in self._waiting.pop(address, ()):
            if not waiting.called:
                waiting.callback(None)
