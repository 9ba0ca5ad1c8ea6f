"""The sources of a swarm: connected while there is room, the likeliest first; tried again when they are lost.

A source that cannot be reached is tried again for as long as the swarm lasts, ever less often; but once it has failed
a few times in a row the swarm does not wait for it (`Source.is_hopeful`). A source that is not connected for want of
room is queued, never forgotten.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..config.descriptors import max_peers
from ..events.publisher import Publisher
from ..events.types import SourceBanned, SourceConnected, SourceLost
from ..net.errors import FetchError, Stalled, Unreachable
from ..wire.address import Address
from .connect_queue import ConnectQueue
from .neighbour_places import MORE, NeighbourPlaces
from .source import Connection, NotNeeded, Source

MAX_CONNECTED = 64
"""Sources connected at the same time; the others are queued."""
MAX_TRIED, TRIED_AT_ONCE = 1024, 128
"""Sources connected at the same time while the swarm starves, at most, and those added each time it goes on."""
MAX_CONNECTING = 256
"""Sources being connected to at the same time."""
SLOW_CONNECT = 1.0
"""Seconds after which a connection in the making takes the place of no other: a silent host delays nobody."""
MAX_BACKOFF = 30.0
"""Seconds between two tries of a source that cannot be reached, at most."""


class SourcePool:
    """The sources, by their address.

    `connect` makes a connection to a peer or raises a SourceError; `rank` orders the sources that are queued, lowest
    first. `tick` must be called each second.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        connect: Callable[[Address], Awaitable[Connection]],
        rank: Callable[[Address], int],
        is_seed: Callable[[Address], bool],
        random: Random,
        publisher: Publisher,
    ) -> None:
        self._sources: dict[Address, Source] = {}
        self._turns: dict[Source, Deferred[None]] = {}
        """Those that wait to be connected to: each fires when it may be."""
        self._queue = ConnectQueue(rank)
        """Those that may be connected to now, and the spare ones."""
        self._resting: set[Source] = set()
        """Those that failed a moment ago."""
        self._filling = False
        self._room = MAX_CONNECTED
        self._places = NeighbourPlaces()
        self._connected: dict[Source, None] = {}
        self._connecting: dict[Source, float] = {}
        """Since when (seconds) each is being connected to."""
        self._clock = clock
        self._connect = connect
        self._is_seed = is_seed
        self._random = random
        self._publisher = publisher
        self._closed = False

    def __iter__(self) -> Iterator[Source]:
        return iter(list(self._sources.values()))

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, address: Address) -> Source:
        return self._sources[address]

    def __contains__(self, address: Address) -> bool:
        return address in self._sources

    def add(self, address: Address) -> Source:
        """Add the peer at `address`, and return it."""
        source = self._sources[address] = Source(address, self._clock, self._random.random())
        return source

    def is_hopeful(self, address: Address) -> bool:
        """Return whether the swarm may wait for the source at `address`."""
        source = self._sources.get(address)
        return source is not None and source.is_hopeful

    def is_usable(self, address: Address) -> bool:
        """Return whether the source at `address` can be asked for pieces now."""
        source = self._sources.get(address)
        return source is not None and source.connection is not None and not source.snubbed

    @property
    def connected(self) -> list[Source]:
        """Those that are connected, in the order in which that was done."""
        return list(self._connected)

    @property
    def idle(self) -> list[Source]:
        """Those that are connected, and of which nothing is requested."""
        return [source for source in self._connected if not source.outstanding]

    @property
    def banned(self) -> list[Source]:
        """Those that are not asked any more."""
        return [source for source in self if source.banned is not None]

    # connections

    async def connect(self, source: Source) -> None:
        """Connect to `source` when it is its turn and there is room.

        Raises a SourceError if it cannot be reached, or is banned meanwhile.
        """
        turn = self._turns[source] = Deferred()
        if source.retry_at > self._clock.seconds():
            self._resting.add(source)
        else:
            self._enqueue(source)
        await turn
        try:
            connection = await self._connect(source.address)
        finally:
            del self._connecting[source]
        if self._closed or source.banned is not None:
            connection.close()
            raise Unreachable("it is no longer needed")
        self._connected[source] = None
        source.connected(connection)
        self._publisher.publish(SourceConnected(source.address))

    def hurry(self, source: Source) -> None:
        """Connect to `source`, which has just given a sign of life, before the end of its rest."""
        if source in self._resting:
            self._resting.remove(source)
            self._enqueue(source)

    def _enqueue(self, source: Source) -> None:
        self._queue.push(source)
        self._fill()

    def _fill(self) -> None:
        """Connect to queued sources while there is room. A failure at once makes room in the same loop."""
        if self._filling:
            return
        self._filling, now = True, self._clock.seconds()
        slow = sum(now - since >= SLOW_CONNECT for since in self._connecting.values())
        while self._queue and not self._closed and self._has_room(slow):
            source = self._queue.pop()
            if source.banned is None and self._is_needed(source):
                self._connecting[source] = now
                self._turns.pop(source).callback(None)
        self._filling = False

    def _is_needed(self, source: Source) -> bool:
        """Return whether to connect to `source`, another neighbour making room for it if need be."""
        if self._room > MAX_CONNECTED or self._is_seed(source.address):
            return True
        neighbours = (one for one in (*self._connected, *self._connecting) if not self._is_seed(one.address))
        displaced = self._places.displaced_by(source, neighbours)
        if displaced is source:
            self._queue.keep_spare(source)
        elif displaced is not None:
            displaced.disconnect(displaced.connection, NotNeeded("it has made room for another neighbour"))
        return displaced is not source

    def note_turn(self, used: bool) -> None:
        """Note that a turn was used, or to no use; connect to more neighbours if there are too few turns."""
        if self._places.note_turn(used):
            self._queue.call_spare(MORE)
            self._fill()

    def _has_room(self, slow: int) -> bool:
        """Return whether another source may be connected to; `slow` are being connected to for long."""
        taken = len(self._connected) + len(self._connecting) - slow
        return taken < self._room and len(self._connecting) < max(MAX_CONNECTING, self._room)

    def widen(self) -> None:
        """Make room for more sources: those that are connected send nothing."""
        self._room = min(self._room + TRIED_AT_ONCE, max_peers(MAX_TRIED))
        self._queue.call_spare(TRIED_AT_ONCE)
        self._fill()

    def narrow(self) -> None:
        """Have no more room than usual: some source sends."""
        self._room = MAX_CONNECTED

    def lost(self, source: Source, why: FetchError) -> None:
        """Note that the connection of `source` was lost, or not made; ban it unless it was a matter of reaching it."""
        self._connected.pop(source, None)
        if isinstance(why, NotNeeded):
            return
        self._queue.call_spare(1)
        if not isinstance(why, Unreachable | Stalled):
            self.ban(source, why)
        elif source.banned is None:
            source.failed(why, MAX_BACKOFF)
            self._publisher.publish(SourceLost(source.address, str(why)))
        self._fill()

    def ban(self, source: Source, why: FetchError) -> None:
        """Do not ask `source` any more."""
        if source.banned is None and not self._closed:
            source.why, source.banned = why, str(why)
            self.log.info("{address} is banned: {why}", address=source.address, why=str(why))
            self._publisher.publish(SourceBanned(source.address, str(why)))
            self._end(source, why)

    def _end(self, source: Source, why: FetchError) -> None:
        """End the connection of `source`, or its wait for one."""
        self._resting.discard(source)
        turn = self._turns.pop(source, None)
        if turn is not None:
            turn.errback(why)
        source.disconnect(source.connection, why)

    def close(self) -> None:
        """End all connections, and start no new ones."""
        self._closed = True
        for source in self:
            source.closed = True
            self._end(source, Unreachable("closed by this side"))

    # each second

    def tick(self) -> None:
        """Connect to those whose turn it is."""
        now = self._clock.seconds()
        for source in [source for source in self._resting if source.retry_at <= now]:
            self.hurry(source)
        self._fill()

    def hold(self, hold: bool) -> None:
        """Read nothing more from any source, or read on."""
        for source in self:
            source.idle = 0
            if source.connection is not None:
                (source.connection.hold if hold else source.connection.release)("unverified")
