"""Discovery: ask the RS for the peers and each peer for its index, in rounds.

A new peer says Hello to those it asks, so that they learn of it before their next round. A followed peer is dialled at
once when its connection ends, so that a peer that has stopped does not count as a holder.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import TypeVar

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...config.descriptors import max_peers
from ...events.publisher import Publisher
from ...events.types import IndexChanged, IndexReceived, Registered, RoundStarted
from ...index.distributed import DistributedIndex
from ...net.client import ClientConnection
from ...net.connect import Reactor
from ...net.errors import FetchError, Garbled, Refused
from ...net.lines import make_cooperator
from ...wire.address import Address
from ...wire.changes import Change
from ...wire.messages import Version
from .changes_sink import Intake
from .contact import Contact
from .directory import MAX_PEERS, Directory
from .index_fetch import IndexFetcher
from .index_subscription import IndexSubscription
from .known_peer import LAST_RETRY, KnownPeer, Lost
from .registration import Registration
from .rounds import Rounds
from .turns import URGENT, Turns
from .unfinished import Room
from .waiting import MAX_WAIT, Waiters

T = TypeVar("T")

MAX_FOLLOWED = 64
"""Most peers followed at the same time, fewer where descriptors are scarce; the others are asked each round."""
REDIAL = 10
"""Least seconds between two immediate redials of a peer whose connection ended."""


class Discovery(Service):
    """Keeps `index` and `peers` up to date."""

    log = Logger()

    def __init__(
        self,
        reactor: Reactor,
        registration: Registration,
        index: DistributedIndex,
        now: Callable[[], float],
        publisher: Publisher,
    ) -> None:
        """Make a stopped discovery; `publisher` is also that of `registration`, `now` gives monotonic seconds."""
        self.index = index
        intake = Intake(reactor, now, index, self._changed, make_cooperator(reactor), Room())
        self._directory = Directory(index, lambda address: IndexSubscription(address, intake), publisher)
        self.peers = self._directory.peers
        self._reactor = reactor
        self._registration = registration
        self._now = now
        self._contact = Contact(reactor, registration)
        self._turns = Turns(reactor, self._ask, self._asked)
        self._waiters = Waiters(reactor)
        self._indexes = IndexFetcher(intake, self.own_addresses, self._waiters.came)
        self._rounds = Rounds(reactor, self._ask_all, self._round_due, self._asked)
        self._followed = 0
        self._publisher = publisher
        publisher.subscribe(Registered, self._registered)

    def startService(self) -> None:
        """Start the rounds."""
        super().startService()
        self._rounds.start()

    def stopService(self) -> None:
        """Stop the rounds."""
        super().stopService()
        self._rounds.stop()
        self._turns.stop()
        for peer in self.peers.values():
            peer.subscription.close()
        self._waiters.release()

    def _registered(self, event: Registered) -> None:
        if self.running and not event.renewed:
            self._rounds.begin()

    def own_addresses(self) -> set[Address]:
        """Return this peer's own addresses, as far as it knows."""
        own = set(self._directory.own)
        if self._registration.seen_as:
            own.add((self._registration.seen_as, self._registration.port))
        return own

    # rounds

    def refresh(self, seconds: float = MAX_WAIT) -> Deferred[None]:
        """Ask the RS and every peer now. Fires when all have answered or failed, or no news arrives; never fails."""
        waiting = self._waiters.wait(seconds)
        self._rounds.begin(everybody=True)
        return waiting

    def _round_due(self) -> None:
        self.index.expire(self._now())
        self._publisher.publish(RoundStarted())

    async def _ask_all(self) -> None:
        """Ask the RS, and all peers that are due."""
        self._add(list(self.peers.values()))
        self._add(await self._ask_rs())

    def _add(self, peers: list[KnownPeer]) -> None:
        now = self._now()
        due = [peer for peer in peers if not peer.is_self and (self._rounds.is_for_everybody or peer.retry_at <= now)]
        random.shuffle(due)
        self._turns.add((peer.address, peer.rank) for peer in due)

    def _asked(self) -> None:
        if not self._rounds.is_running and self._turns.is_idle:
            self._waiters.release()

    def _trouble(self, failure: Failure) -> None:
        """Log a failure, unless it was cancelled."""
        if not failure.check(CancelledError):
            self.log.failure("discovery", failure)

    # the RS

    async def _ask_rs(self) -> list[KnownPeer]:
        """Ask the RS; return the peers to ask because of its list."""
        was_away = self._registration.error is not None
        try:
            listed = dict.fromkeys((await self._registration.peers())[:MAX_PEERS])
        except FetchError as e:
            self.log.info("the RS sent no list of peers: {why}", why=str(e))
            return []
        self._waiters.news()
        return list(self._directory.update(listed, self.own_addresses(), was_away))

    async def is_listed(self, address: Address) -> bool:
        """Return whether the RS lists the peer at `address`. Raises FetchError."""
        peer = self.peers.get(address)
        return (peer is not None and bool(peer.is_listed)) or await self._registration.is_listed(address)

    def arrived(self, address: Address, is_listed: bool) -> bool:
        """Ask the peer at `address`, which said Hello, at once. False if there is no room for one that may be unlisted.

        `is_listed`: the RS is known to list it.
        """
        if address in self.own_addresses():
            return True
        peer = self._directory.arrive(address, is_listed)
        if peer is not None and not peer.is_self:
            peer.is_greeted = True
            if self.running:
                self._turns.add([(address, URGENT)])
        return peer is not None

    # a peer

    def _changed(self, address: Address, changes: Iterable[Change]) -> None:
        if address in self.peers:
            self.peers[address].seen = self._now()
        self._publisher.publish(IndexChanged(address, tuple(changes)))

    def _ask(self, address: Address) -> Deferred[None]:
        peer = self.peers.get(address)
        if peer is None or peer.subscription.connection is not None:  # the peer is followed
            return succeed(None)
        return Deferred.fromCoroutine(self._exchange(peer)).addErrback(self._trouble)

    async def _exchange(self, peer: KnownPeer) -> None:
        try:
            connection = await self._contact.dial(peer)
            try:
                if self._contact.is_self(connection):
                    return self._directory.is_own(peer)
                await self._hear(peer, connection)
                connection = await self._contact.greet(peer, connection)
                self._follow(peer, connection)
            finally:
                if peer.subscription.connection is not connection:
                    connection.close()
        except FetchError as e:
            self._failed(peer, e)

    async def _hear(self, peer: KnownPeer, connection: ClientConnection) -> None:
        """Fetch its index; one that is too long is not fetched again soon."""
        is_cut = await self._indexes.fetch(peer, connection)
        is_new = peer.seen is None
        peer.answered(self._now())
        if is_cut:
            peer.retry_at = self._now() + LAST_RETRY
        self._waiters.news()
        if is_new:
            self._publisher.publish(IndexReceived(peer.address))

    def _follow(self, peer: KnownPeer, connection: ClientConnection) -> None:
        has_place = peer.subscription.may_follow and self._followed < max_peers(MAX_FOLLOWED)
        if peer.version is Version.V11 and has_place and self.running:
            self._followed += 1
            subscription = Deferred.fromCoroutine(peer.subscription.run(connection))
            subscription.addBoth(self._unfollowed)
            subscription.addCallback(lambda why: self._lost(peer, connection, why))
            subscription.addErrback(lambda failure: self.log.failure("following", failure))

    def _unfollowed(self, result: T) -> T:
        self._followed -= 1
        return result

    def _lost(self, peer: KnownPeer, connection: ClientConnection, why: FetchError | None) -> None:
        """Redial a followed peer whose connection has ended, to see whether it is still there."""
        if not self.running:
            return
        peer.lost = Lost.CLOSED if connection.is_closed_by_server else Lost.BROKEN
        if isinstance(why, Garbled | Refused):
            self._failed(peer, why)
        elif self._now() - peer.redialled >= REDIAL:
            peer.redialled = self._now()
            self._turns.add([(peer.address, URGENT)])

    def _failed(self, peer: KnownPeer, why: FetchError) -> None:
        if not peer.failures:
            self.log.info("{peer}: {why}", peer=peer.address, why=str(why))
        self._directory.failed(peer, why, self._now())
