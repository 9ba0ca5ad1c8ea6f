"""The sources of a download: connected while there is room, the likeliest first; tried again when lost or frozen,
passed over when they stall, dropped for cause.

A source that cannot be reached is tried again for as long as the download lasts, ever less often; but once it has
failed a few times in a row the download does not wait for it (`Link.is_hopeful`). What is not connected for want of
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
from .source import Connection, Link

STALL = 4.0
"""Seconds without a byte after which what a source owes is asked of others."""
MAX_CONNECTED = 64
"""Sources connected at the same time; the others are queued."""
MAX_CONNECTING = 256
"""Sources being connected to at the same time."""
SLOW_CONNECT = 1.0
"""Seconds after which a connection in the making takes the place of no other: who is silent holds up nobody."""
MAX_BACKOFF = 30.0
"""Seconds between two tries of a source that cannot be reached, at most."""


class Links:
    """Keeps the connections. `ready` is told of each source that may be asked, `freed` of each that owes no more,
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
        ready: Callable[[Link], object],
        freed: Callable[[Link], object],
        away: Callable[[Link], object],
        broken: Callable[[Failure], object],
    ) -> None:
        self._links: dict[Address, Link] = {}
        self._queue: list[tuple[int, int, int, Link]] = []
        """A heap of those that may be connected to: by failures, rank, and the order in which they came."""
        self._resting: set[Link] = set()
        """Those that failed a moment ago."""
        self._order = itertools.count()
        self._filling = False
        self._connected: set[Link] = set()
        self._connecting: dict[Link, float] = {}
        """Since when (seconds) each is being connected to."""
        self._clock = clock
        self._connect = connect
        self._rank = rank
        self._ready = ready
        self._freed = freed
        self._away = away
        self._broken = broken
        self._closed = False

    def __iter__(self) -> Iterator[Link]:
        return iter(list(self._links.values()))

    def __getitem__(self, address: Address) -> Link:
        return self._links[address]

    def add(self, address: Address) -> None:
        """The peer at `address` has something: ask it at once if it is connected, else connect when there is room."""
        link = self._links.get(address)
        if link is None:
            link = self._links[address] = Link(address)
            self._enqueue(link)
            self._fill()
        elif link.connection is not None:
            self._ready(link)
        elif link in self._resting:  # it has just said something: it need not rest longer
            self._resting.remove(link)
            self._enqueue(link)
            self._fill()

    def is_hopeful(self, address: Address) -> bool:
        """Whether the download may wait for the source at `address`."""
        link = self._links.get(address)
        return link is not None and link.is_hopeful

    @property
    def dropped(self) -> list[Link]:
        """Those that are not asked any more."""
        return [link for link in self if link.dropped is not None]

    # connections

    def _enqueue(self, link: Link) -> None:
        heapq.heappush(self._queue, (link.failures, self._rank(link.address), next(self._order), link))

    def _fill(self) -> None:
        """Connect to queued sources while there is room. What fails at once makes room in the same loop."""
        if self._filling:
            return
        self._filling, now = True, self._clock.seconds()
        while self._queue and not self._closed and self._has_room(now):
            *_, link = heapq.heappop(self._queue)
            if link.dropped is None:
                self._connecting[link] = now
                Deferred.fromCoroutine(self._open(link)).addErrback(self._broken)
        self._filling = False

    def _has_room(self, now: float) -> bool:
        taken = len(self._connected) + sum(now - since < SLOW_CONNECT for since in self._connecting.values())
        return taken < MAX_CONNECTED and len(self._connecting) < MAX_CONNECTING

    async def _open(self, link: Link) -> None:
        try:
            connection = await self._connect(link.address)
        except SourceError as e:
            del self._connecting[link]
            if not self._closed:
                self._away(link)
                self._lost(link, e)
            return
        del self._connecting[link]
        if self._closed or link.dropped is not None:
            connection.close()
            return
        self._connected.add(link)
        link.connected(connection)
        self._ready(link)

    def failed(self, link: Link, why: FetchError) -> None:
        """The connection of `link` has ended, with all that it owed."""
        if link.connection is not None:
            self._close(link)
            self._freed(link)
            self._lost(link, why)

    def _lost(self, link: Link, why: FetchError) -> None:
        if not isinstance(why, Unreachable | Stalled):
            self.drop(link, why)
            return
        link.failed(why, self._clock.seconds(), MAX_BACKOFF)
        if not link.is_hopeful:
            self._freed(link)
        self._resting.add(link)
        self._fill()

    def drop(self, link: Link, why: FetchError) -> None:
        """Ask `link` no more."""
        if link.dropped is None and not self._closed:
            link.why, link.dropped = why, str(why)
            self.log.info("{address} is dropped as a source: {why}", address=link.address, why=str(why))
            self._resting.discard(link)
            self._close(link)
            self._freed(link)
            self._fill()

    def look_after(self, reading: bool) -> None:
        """Connect to those whose turn it is. If `reading`, let what those owe who have sent nothing for too long be
        asked of others."""
        now = self._clock.seconds()
        for link in [link for link in self._resting if link.retry_at <= now]:
            self._resting.remove(link)
            self._enqueue(link)
        self._fill()
        for link in self if reading else ():
            link.quiet += 1
            if link.owed and not link.stalled and link.quiet > STALL:
                link.stalled = link.frozen = True
                self._freed(link)

    def hold(self, hold: bool) -> None:
        """Read no more of any, or read on."""
        for link in self:
            link.quiet = 0
            if link.connection is not None:
                (link.connection.hold if hold else link.connection.release)("unproven")

    def close(self) -> None:
        """Be done with all of them."""
        self._closed = True
        for link in self:
            link.is_over = True
            self._close(link)

    def _close(self, link: Link) -> None:
        self._connected.discard(link)
        connection, link.connection = link.connection, None
        if connection is not None:
            connection.close()
