"""The sources of a download: connected while there is room, the likeliest first; tried again when lost or
unresponsive, snubbed while they send nothing, banned for cause.

A source that cannot be reached is tried again for as long as the download lasts, ever less often; but once it has
failed a few times in a row the download does not wait for it (`Source.is_hopeful`). What is not connected for want of
room is queued, never thrown away.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Awaitable, Callable, Iterator

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..net.errors import FetchError, SourceError, Stalled, Unreachable
from ..wire.address import Address
from .source import Connection, Source

SNUB_TIMEOUT = 4.0
"""Seconds without a byte after which what is outstanding at a source is asked of others."""
MAX_CONNECTED = 64
"""Sources connected at the same time; the others are queued."""
MAX_CONNECTING = 256
"""Sources being connected to at the same time."""
SLOW_CONNECT = 1.0
"""Seconds after which a connection in the making takes the place of no other: who is silent holds up nobody."""
MAX_BACKOFF = 30.0
"""Seconds between two tries of a source that cannot be reached, at most."""


class SourcePool:
    """Keeps the connections. `ready` is told of each source that may be asked, `released` of each that owes no more,
    `away` of each that cannot be connected to.

    `connect` makes a connection to a peer or raises a SourceError; `rank` orders the sources that are queued, lowest
    first; `broken` is told of errors in this program. `look_after` must be called each second.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        connect: Callable[[Address], Awaitable[Connection]],
        rank: Callable[[Address], int],
        ready: Callable[[Source], object],
        released: Callable[[Source], object],
        away: Callable[[Source], object],
        broken: Callable[[Failure], object],
    ) -> None:
        self._sources: dict[Address, Source] = {}
        self._queue: list[tuple[int, int, int, Source]] = []
        """A heap of those that may be connected to: by failures, rank, and the order in which they came."""
        self._resting: set[Source] = set()
        """Those that failed a moment ago."""
        self._order = itertools.count()
        self._filling = False
        self._connected: set[Source] = set()
        self._connecting: dict[Source, float] = {}
        """Since when (seconds) each is being connected to."""
        self._clock = clock
        self._connect = connect
        self._rank = rank
        self._ready = ready
        self._released = released
        self._away = away
        self._broken = broken
        self._closed = False

    def __iter__(self) -> Iterator[Source]:
        return iter(list(self._sources.values()))

    def __getitem__(self, address: Address) -> Source:
        return self._sources[address]

    def add(self, address: Address) -> None:
        """The peer at `address` has something: ask it at once if it is connected, else connect when there is room."""
        source = self._sources.get(address)
        if source is None:
            source = self._sources[address] = Source(address)
            self._enqueue(source)
            self._fill()
        elif source.connection is not None:
            self._ready(source)
        elif source in self._resting:  # it has just said something: it need not rest longer
            self._resting.remove(source)
            self._enqueue(source)
            self._fill()

    def is_hopeful(self, address: Address) -> bool:
        """Whether the download may wait for the source at `address`."""
        source = self._sources.get(address)
        return source is not None and source.is_hopeful

    @property
    def banned(self) -> list[Source]:
        """Those that are not asked any more."""
        return [source for source in self if source.banned is not None]

    # connections

    def _enqueue(self, source: Source) -> None:
        heapq.heappush(self._queue, (source.failures, self._rank(source.address), next(self._order), source))

    def _fill(self) -> None:
        """Connect to queued sources while there is room. What fails at once makes room in the same loop."""
        if self._filling:
            return
        self._filling, now = True, self._clock.seconds()
        while self._queue and not self._closed and self._has_room(now):
            *_, source = heapq.heappop(self._queue)
            if source.banned is None:
                self._connecting[source] = now
                Deferred.fromCoroutine(self._open(source)).addErrback(self._broken)
        self._filling = False

    def _has_room(self, now: float) -> bool:
        taken = len(self._connected) + sum(now - since < SLOW_CONNECT for since in self._connecting.values())
        return taken < MAX_CONNECTED and len(self._connecting) < MAX_CONNECTING

    async def _open(self, source: Source) -> None:
        try:
            connection = await self._connect(source.address)
        except SourceError as e:
            del self._connecting[source]
            if not self._closed:
                self._away(source)
                self._lost(source, e)
            return
        del self._connecting[source]
        if self._closed or source.banned is not None:
            connection.close()
            return
        self._connected.add(source)
        source.connected(connection)
        self._ready(source)

    def failed(self, source: Source, why: FetchError) -> None:
        """The connection of `source` has ended, with all that was outstanding."""
        if source.connection is not None:
            self._close(source)
            self._released(source)
            self._lost(source, why)

    def _lost(self, source: Source, why: FetchError) -> None:
        if not isinstance(why, Unreachable | Stalled):
            self.ban(source, why)
            return
        source.failed(why, self._clock.seconds(), MAX_BACKOFF)
        if not source.is_hopeful:
            self._released(source)
        self._resting.add(source)
        self._fill()

    def ban(self, source: Source, why: FetchError) -> None:
        """Ask `source` no more."""
        if source.banned is None and not self._closed:
            source.why, source.banned = why, str(why)
            self.log.info("{address} is banned: {why}", address=source.address, why=str(why))
            self._resting.discard(source)
            self._close(source)
            self._released(source)
            self._fill()

    def look_after(self, reading: bool) -> None:
        """Connect to those whose turn it is. If `reading`, release what is outstanding at those who send nothing."""
        now = self._clock.seconds()
        for source in [source for source in self._resting if source.retry_at <= now]:
            self._resting.remove(source)
            self._enqueue(source)
        self._fill()
        for source in self if reading else ():
            source.idle += 1
            if source.outstanding and not source.snubbed and source.idle > SNUB_TIMEOUT:
                source.snubbed = source.unresponsive = True
                self._released(source)

    def hold(self, hold: bool) -> None:
        """Read no more of any, or read on."""
        for source in self:
            source.idle = 0
            if source.connection is not None:
                (source.connection.hold if hold else source.connection.release)("unverified")

    def close(self) -> None:
        """Be done with all of them."""
        self._closed = True
        for source in self:
            source.is_over = True
            self._close(source)

    def _close(self, source: Source) -> None:
        self._connected.discard(source)
        connection, source.connection = source.connection, None
        if connection is not None:
            connection.close()
