"""Discovery: ask the RS for the peers and each peer for its index, in rounds.

A new peer says Hello to those it asks, so that they learn of it before their next round. A followed peer is dialled
when its connection ends, so that a peer that has stopped does not count as a holder.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...config.settings import Network
from ...events.publisher import Publisher
from ...events.types import IndexChanged, IndexReceived, Registered, RoundStarted
from ...index.distributed import DistributedIndex
from ...net.client import ClientConnection
from ...net.connect import Reactor
from ...net.dial_policy import DialPolicy
from ...net.dialler import Dialler
from ...net.errors import FetchError, Garbled, Refused
from ...net.lines import Slicer
from ...wire.address import Address
from ...wire.changes import Change
from ...wire.messages import Version
from .changes_sink import Intake
from .circle import Circle
from .confirmation import Confirmation
from .contact import Contact
from .directory import Directory
from .following import Following
from .index_fetch import IndexFetcher
from .index_subscription import IndexSubscription
from .known_peer import LAST_RETRY, KnownPeer
from .registration import Registration
from .retelling import Retelling
from .rounds import Rounds
from .turns import URGENT, Turns
from .unfinished import Room
from .vouching import Vouching
from .waiting import MAX_WAIT, Waiters


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
        networks: Sequence[Network] = (),
    ) -> None:
        """Make a stopped discovery; `publisher` is also that of `registration`, `now` gives monotonic seconds.

        `networks` may be dialled whatever they are: see DialPolicy.
        """
        self.index = index
        self._slicer = Slicer(reactor)
        self.retelling = Retelling(index, now, self.own_addresses)
        intake = Intake(reactor, now, index, self._changed, self._slicer, Room(), self.retelling)
        self._directory = Directory(index, lambda address: IndexSubscription(address, intake), publisher)
        self.peers = self._directory.peers
        self._reactor = reactor
        self._registration = registration
        self._now = now
        policy = DialPolicy(networks, lambda: registration.pool.exchange.near)
        self.vouching = Vouching(registration, self.peers, policy, now)
        self.dialler = Dialler(reactor, policy, self.vouching.check, now)
        self._circle = Circle(registration, self._directory, self.vouching, self.own_addresses, now, self._slicer)
        self._contact = Contact(self.dialler, registration)
        self._turns = Turns(reactor, self._ask, self._asked, lambda address: self._add(self._circle.is_slow(address)))
        self._confirmation = Confirmation(reactor, self._directory, self.vouching, self._turns)
        self._waiters = Waiters(reactor)
        self._indexes = IndexFetcher(intake, self.own_addresses, self._waiters.came)
        self._rounds = Rounds(reactor, self._ask_all, self._round_due, self._asked)
        self._following = Following(reactor, now, self._redial, self._failed, self._circle.neighbours)
        self._publisher = publisher
        publisher.subscribe(Registered, self._registered)

    def startService(self) -> None:
        """Start the rounds."""
        super().startService()
        self._following.start()
        self._rounds.start()

    def stopService(self) -> None:
        """Stop the rounds."""
        super().stopService()
        self._following.stop()
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

    def refresh(self, seconds: float = MAX_WAIT) -> Deferred[None]:
        """Ask the RS and every peer now. Fires when all have answered or failed, or no news arrives; never fails."""
        waiting = self._waiters.wait(seconds)
        self._rounds.begin(everybody=True)
        return waiting

    def _round_due(self) -> None:
        self.index.expire(self._now())
        self._slicer.cooperate(self.index.sweep())
        if self.retelling.is_on:
            self._slicer.cooperate(self.retelling.again())
        self._publisher.publish(RoundStarted())

    async def _ask_all(self) -> None:
        """Ask the RS, and all peers that are due."""
        self._add(list(self.peers.values()) if self._rounds.is_for_everybody else self._circle.due())
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

    async def _ask_rs(self) -> list[KnownPeer]:
        """Ask the RS; return the peers to ask because of its list."""
        try:
            peers = await self._circle.look()
        except FetchError as e:
            self.log.info("the RS sent no list of peers: {why}", why=str(e))
            return []
        self._waiters.news()
        self.retelling.is_on = self._circle.neighbours.is_large
        return peers

    def arrived(self, address: Address, is_listed: bool, has_greeted: bool = True) -> bool:
        """Ask the peer at `address`, which said Hello, at once. False if there is no room for one that may be unlisted.

        `is_listed`: the RS is known to list it. `has_greeted`: false if it is known otherwise than by a Hello.
        """
        if address in self.own_addresses() or self.dialler.refusal(address):
            return True
        peer = self._circle.arrive(address, is_listed)
        if peer is not None and not peer.is_self:
            peer.is_greeted = peer.is_greeted or has_greeted
            if self.running:
                self._turns.add([(address, URGENT)])
        return peer is not None

    async def confirm(self, addresses: Sequence[Address], timeout: float) -> None:
        """Ask the holders at `addresses`, which others have named, for their index.

        Only those that the RS lists are asked, or that are known or allowed otherwise, and whose answer is not fresh.
        Returns when all have answered or failed, or after `timeout` seconds; never fails.
        """
        await self._confirmation.confirm(addresses, self.own_addresses(), self._now(), timeout)

    # a peer

    def _changed(self, address: Address, changes: Iterable[Change]) -> None:
        if peer := self.peers.get(address):
            peer.seen = self._now()
            if peer.subscription.connection is not None:
                self.dialler.answered(peer.subscription.connection)
        self._publisher.publish(IndexChanged(address, tuple(changes)))

    def _ask(self, address: Address) -> Deferred[None]:
        peer = self.peers.get(address)
        if peer is None or peer.subscription.connection is not None:  # the peer is followed
            asking = succeed(None)
        else:
            asking = Deferred.fromCoroutine(self._exchange(peer)).addErrback(self._trouble)
        return asking.addCallback(lambda _: self._confirmation.asked(address))

    async def _exchange(self, peer: KnownPeer) -> None:
        try:
            connection = await self._contact.dial(peer)
            try:
                if self._contact.is_self(connection):
                    return self._directory.is_own(peer)
                await self._hear(peer, connection)
                connection = await self._contact.greet(peer, connection)
                self._circle.neighbours.answered(peer.address)
                if peer.version is Version.V11 and self._circle.is_in_touch(peer):
                    await self._pull(peer, connection)
                    self._following.follow(peer, connection)
            except (Garbled, Refused):
                self.dialler.garbled(connection)
                raise
            finally:
                if peer.subscription.connection is not connection:
                    connection.close()
        except FetchError as e:
            self._failed(peer, e)
        self._circle.asked(peer)

    async def _hear(self, peer: KnownPeer, connection: ClientConnection) -> None:
        """Fetch its index; one that is too long is not fetched again soon."""
        is_cut = await self._indexes.fetch(peer, connection)
        is_new = peer.seen is None
        peer.answered(self._now())
        self.dialler.answered(connection)
        if is_cut:
            peer.retry_at = self._now() + LAST_RETRY
        self._waiters.news()
        if is_new:
            self._publisher.publish(IndexReceived(peer.address))

    async def _pull(self, peer: KnownPeer, connection: ClientConnection) -> None:
        """Fetch all the hearsay that `peer` has, if this one is new in a large swarm. Raises FetchError."""
        if self._circle.begin_pull(peer):
            try:
                await self._indexes.fetch_all(peer, connection)
            except FetchError:
                self._circle.pull_failed()
                raise

    def _redial(self, peer: KnownPeer) -> None:
        self._turns.add([(peer.address, URGENT)])

    def _failed(self, peer: KnownPeer, why: FetchError) -> None:
        if not peer.failures:
            self.log.info("{peer}: {why}", peer=peer.address, why=str(why))
        self._add(self._circle.failed(peer, why))
