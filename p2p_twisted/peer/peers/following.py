"""The peers whose indexes are followed, each over a connection of its own, and what becomes of one that ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ...config.descriptors import max_peers
from ...net.client import ClientConnection
from ...net.errors import FetchError, Garbled, Refused
from ...wire.address import Address
from .known_peer import KnownPeer, Lost
from .neighbours import Neighbours

T = TypeVar("T")

MAX_FOLLOWED = 64
"""Most peers followed at the same time, fewer where descriptors are scarce; the others are asked each round."""
REDIAL, MAX_REDIAL = 10, 60
"""Least seconds between two redials of a peer whose connection ended. One that is lost sooner is dialled after them,
and after twice as long the next time, up to MAX_REDIAL."""


class Following:
    """Follows peers until `stop`; calls `redial` or `failed` with one whose connection has ended."""

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], float],
        redial: Callable[[KnownPeer], object],
        failed: Callable[[KnownPeer, FetchError], object],
        neighbours: Neighbours,
    ) -> None:
        """`redial` is to find out whether a peer is still there; `failed` takes one that sent something wrong."""
        self._clock = clock
        self._now = now
        self._redial = redial
        self._failed = failed
        self._neighbours = neighbours
        self._followed = 0
        self._redials: dict[Address, IDelayedCall] = {}
        """The peers to be dialled anew."""
        self._is_running = False

    def start(self) -> None:
        """Begin to follow those that `follow` is called with."""
        self._is_running = True

    def stop(self) -> None:
        """Follow and redial nobody any more."""
        self._is_running = False
        for call in self._redials.values():
            call.cancel()
        self._redials.clear()

    def follow(self, peer: KnownPeer, connection: ClientConnection) -> None:
        """Follow the index of `peer`, which speaks 1.1, over `connection`, if there is room."""
        most = max_peers(MAX_FOLLOWED) // (1 if peer.address in self._neighbours else 2)
        has_place = peer.subscription.may_follow and self._followed < most
        if has_place and self._is_running:
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
        if not self._is_running:
            return
        peer.lost = Lost.CLOSED if connection.is_closed_by_server else Lost.BROKEN
        if isinstance(why, Garbled | Refused):
            self._failed(peer, why)
        elif peer.address not in self._redials:
            delay = self._redial_delay(peer)  # even 0 is not now: the exchange in which it was lost may not be over
            self._redials[peer.address] = self._clock.callLater(delay, self._redial_now, peer)

    def _redial_delay(self, peer: KnownPeer) -> float:
        """Return the seconds after which `peer` is dialled."""
        delay = peer.redialled + peer.redial_interval - self._now()
        if delay <= 0:
            peer.redial_interval = REDIAL
            return 0.0
        peer.redial_interval = min(2 * peer.redial_interval, MAX_REDIAL)
        return delay

    def _redial_now(self, peer: KnownPeer) -> None:
        del self._redials[peer.address]
        peer.redialled = self._now()
        self._redial(peer)
