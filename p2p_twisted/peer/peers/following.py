"""The peers whose indexes are followed, each over a connection of its own, and what becomes of one that ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ...config.descriptors import max_peers
from ...net.client import ClientConnection
from ...net.errors import FetchError, Garbled, Refused
from .known_peer import KnownPeer, Lost
from .neighbours import Neighbours

T = TypeVar("T")

MAX_FOLLOWED = 64
"""Most peers followed at the same time, fewer where descriptors are scarce; the others are asked each round."""
REDIAL = 10
"""Least seconds between two immediate redials of a peer whose connection ended."""


class Following:
    """Follows peers until `stop`; calls `redial` or `failed` with one whose connection has ended."""

    log = Logger()

    def __init__(
        self,
        now: Callable[[], float],
        redial: Callable[[KnownPeer], object],
        failed: Callable[[KnownPeer, FetchError], object],
        neighbours: Neighbours,
    ) -> None:
        """`redial` is to find out whether a peer is still there; `failed` takes one that sent something wrong."""
        self.is_running = False
        self._now = now
        self._redial = redial
        self._failed = failed
        self._neighbours = neighbours
        self._followed = 0

    def follow(self, peer: KnownPeer, connection: ClientConnection) -> None:
        """Follow the index of `peer`, which speaks 1.1, over `connection`, if there is room."""
        most = max_peers(MAX_FOLLOWED) // (1 if peer.address in self._neighbours else 2)
        has_place = peer.subscription.may_follow and self._followed < most
        if has_place and self.is_running:
            self._followed += 1
            hearsay = self._neighbours.tells(peer.address)
            subscription = Deferred.fromCoroutine(peer.subscription.run(connection, hearsay))
            subscription.addBoth(self._unfollowed)
            subscription.addCallback(lambda why: self._lost(peer, connection, why))
            subscription.addErrback(lambda failure: self.log.failure("following", failure))

    def _unfollowed(self, result: T) -> T:
        self._followed -= 1
        return result

    def _lost(self, peer: KnownPeer, connection: ClientConnection, why: FetchError | None) -> None:
        if not self.is_running:
            return
        peer.lost = Lost.CLOSED if connection.is_closed_by_server else Lost.BROKEN
        if isinstance(why, Garbled | Refused):
            self._failed(peer, why)
        elif self._now() - peer.redialled >= REDIAL:
            peer.redialled = self._now()
            self._redial(peer)
