"""Who is there and what they have: the RS is asked for the peers, each peer for its index, again and again."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..index.distributed import MAX_RECORDS_OF_HOLDER, Address, DistributedIndex
from ..swarm.errors import FetchError, Unreachable
from ..wire.changes import Change
from ..wire.errors import BadRequest
from ..wire.limits import MAX_INDEX
from ..wire.messages import ANEW, GetIndex, Version
from ..wire.records import IndexRecord, parse_record
from .client import ClientConnection
from .dialing import Reactor, dial
from .following import Following, Heard, lines_of
from .rs_client import Registration

FIRST_PAUSE = 1
REFRESH = 60
"""Seconds between the first two rounds, and at last between any two; in between each is twice the one before."""
MOST_FOLLOWED = 64
"""Peers followed at the same time; the others are asked each round."""
AT_ONCE = 16
"""Peers asked at the same time."""
MAX_PEERS = 10_000
"""Peers remembered; of a longer list, the first."""
BATCH = 2_000
"""Records parsed before the reactor gets its turn."""


@dataclass
class KnownPeer:
    """What this peer knows of another. `seen` is when it last answered (monotonic seconds), None if it never did."""

    address: Address
    following: Following
    seen: float | None = None
    failures: int = 0
    version: Version | None = None
    is_self: bool = False


def parse_index(body: bytes) -> Iterator[IndexRecord | None]:
    """The records of an answer to GET INDEX, None for each line that is not one."""
    for line in lines_of(body):
        try:
            yield parse_record(line)
        except BadRequest:
            yield None


class Discovery(Service):
    """Keeps `index` and `peers` up to date."""

    log = Logger()

    def __init__(
        self, reactor: Reactor, registration: Registration, index: DistributedIndex, now: Callable[[], float]
    ) -> None:
        """`now` gives monotonic seconds."""
        self.peers: dict[Address, KnownPeer] = {}
        self.index = index
        self._reactor = reactor
        self._registration = registration
        self._now = now
        self._round: Deferred[None] | None = None
        self._waiting: list[Deferred[None]] = []
        self.heard: list[Heard] = []
        """Told of every change that a followed peer tells of."""
        self._pause = FIRST_PAUSE
        self._next: Any = None

    def startService(self) -> None:
        """Begin the rounds."""
        super().startService()  # type: ignore[no-untyped-call]
        self._turn()

    def stopService(self) -> None:
        """End the rounds."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._next is not None and self._next.active():
            self._next.cancel()
        if self._round is not None:
            self._round.cancel()
        for peer in self.peers.values():
            peer.following.close()

    def _turn(self) -> None:
        self.index.expire(self._now())
        self.refresh()
        self._next = self._reactor.callLater(self._pause * random.uniform(0.75, 1.25), self._turn)
        self._pause = min(2 * self._pause, REFRESH)

    def own_addresses(self) -> set[Address]:
        """Where this peer itself is to be found, as far as it knows."""
        own = {peer.address for peer in self.peers.values() if peer.is_self}
        if self._registration.seen_as:
            own.add((self._registration.seen_as, self._registration.port))
        return own

    def refresh(self) -> Deferred[None]:
        """Ask the RS and every peer now. Fires when all have answered or failed; never fails."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        if self._round is None:
            self._round = Deferred.fromCoroutine(self._refresh())
            self._round.addErrback(self._trouble)
            self._round.addBoth(self._done)
        return waiting

    def _done(self, _: object) -> None:
        self._round, waiting = None, self._waiting
        self._waiting = []
        for one in waiting:
            if not one.called:
                one.callback(None)

    async def _refresh(self) -> None:
        await self._ask_rs()
        turns = DeferredSemaphore(AT_ONCE)
        others = [peer for peer in self.peers.values() if not peer.is_self]
        others.sort(key=lambda peer: peer.failures)
        await gatherResults([turns.run(self._ask, peer).addErrback(self._trouble) for peer in others])

    def _trouble(self, failure: Failure) -> None:
        """Of a round that was cancelled there is nothing to say."""
        if not failure.check(CancelledError):
            self.log.failure("discovery", failure)

    async def _ask_rs(self) -> None:
        try:
            listed = (await self._registration.peers())[:MAX_PEERS]
        except FetchError as e:
            self.log.info("the RS gave no peers: {why}", why=str(e))
            return
        known, self.peers = self.peers, {}
        own = self.own_addresses()
        for address in listed:
            self.peers[address] = known.pop(address) if address in known else self._new_peer(address, address in own)
        for gone in known.values():
            if gone.failures:
                self.index.forget(gone.address)
            else:
                self.peers[gone.address] = gone  # it answered a moment ago: the RS may just have been restarted

    def _new_peer(self, address: Address, is_self: bool) -> KnownPeer:
        return KnownPeer(address, Following(address, self.index, self._now, self._tell), is_self=is_self)

    def _tell(self, address: Address, changes: Iterable[Change]) -> None:
        self.peers[address].seen = self._now()
        for listener in self.heard:
            listener(address, changes)

    def _ask(self, peer: KnownPeer) -> Deferred[None]:
        return Deferred.fromCoroutine(self._exchange(peer))

    async def _exchange(self, peer: KnownPeer) -> None:
        if peer.following.connection is not None:
            return  # it tells us itself
        try:
            connection = await dial(self._reactor, peer.address, None, peer.version)
        except FetchError as e:
            return self._failed(peer, e)
        try:
            if self._is_self(connection):
                peer.is_self = True
                self.index.forget(peer.address)
                return
            await self._hear(peer, connection)
        except FetchError as e:
            self._failed(peer, e)
        finally:
            if peer.following.connection is not connection:
                connection.close()

    async def _hear(self, peer: KnownPeer, connection: ClientConnection) -> None:
        """Its index: the whole of it the first time, then what has changed; and from then on, if it can be followed."""
        if peer.version is Version.V11:
            peer.following.changed(*await connection.collect(GetIndex(peer.following.since), MAX_INDEX))
        else:
            response, body = await connection.collect(GetIndex(), MAX_INDEX)
            reached = connection.transport.getPeer().host
            records = await self._records(peer, body, reached)
            self.index.learn(peer.address, records, self._now(), self.own_addresses())
            peer.version, peer.following.since = response.version, response.index or ANEW
        peer.seen, peer.failures = self._now(), 0
        if peer.version is Version.V11 and self._followed() < MOST_FOLLOWED and self.running:
            following = Deferred.fromCoroutine(peer.following.run(connection))
            following.addErrback(lambda failure: self.log.failure("following", failure))

    def _followed(self) -> int:
        return sum(peer.following.connection is not None for peer in self.peers.values())

    def _is_self(self, connection: ClientConnection) -> bool:
        here, there = connection.transport.getHost(), connection.transport.getPeer()
        return bool(here.host == there.host and there.port == self._registration.port)

    async def _records(self, peer: KnownPeer, body: bytes, reached: str) -> list[IndexRecord]:
        """The records in `body`; the peer's own are given the address that we know it by."""
        records = []
        bad = 0
        for count, record in enumerate(islice(parse_index(body), MAX_RECORDS_OF_HOLDER), 1):
            if record is None:
                bad += 1
            else:
                records.append(record)
            if count % BATCH == 0:
                await deferLater(self._reactor, 0)
        if bad:
            self.log.info("{peer} sent {bad} lines that are no records", peer=peer.address, bad=bad)
        return list(_readdress(records, (reached, peer.address[1]), peer.address))

    def _failed(self, peer: KnownPeer, why: FetchError) -> None:
        peer.failures += 1
        if not isinstance(why, Unreachable):
            peer.version = None  # another server may have that address by now
        if peer.failures == 1:
            self.log.info("{peer}: {why}", peer=peer.address, why=str(why))


def _readdress(records: Iterable[IndexRecord], old: Address, new: Address) -> Iterator[IndexRecord]:
    for record in records:
        if (record.host, record.port) == old != new:
            yield replace(record, host=new[0], port=new[1])
        else:
            yield record
