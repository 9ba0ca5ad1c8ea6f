"""The sources of a download: connected, tried again when lost, passed over when they stall, dropped for cause."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..index.distributed import Address
from .errors import FetchError, SourceError, Unreachable
from .link import Connection, Link

STALL = 4.0
"""Seconds without a byte after which what a source owes is asked of others."""
RECONNECTS = 3
"""Times that a lost connection is made anew: after one second, two, three."""
MOST = 64
"""Sources connected at the same time; what others have is asked for only when one of these is dropped."""


class Links:
    """Keeps the connections. `ready` is told of each source that may be asked, `freed` of each that owes no more,
    `away` of each that cannot be connected to.

    `connect` makes a connection to a peer or raises a SourceError; `broken` is told of errors in this program.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        connect: Callable[[Address], Awaitable[Connection]],
        ready: Callable[[Link], object],
        freed: Callable[[Link], object],
        away: Callable[[Link], object],
        broken: Callable[[Failure], object],
    ) -> None:
        self._links: dict[Address, Link] = {}
        self._clock = clock
        self._connect = connect
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
        """The peer at `address` has something: connect to it, or ask it at once if it is connected."""
        link = self._links.get(address)
        if link is not None:
            self._ready(link)
        elif sum(link.dropped is None for link in self) < MOST:
            link = self._links[address] = Link(address)
            self._open(link)

    @property
    def dropped(self) -> list[Link]:
        """Those that are not asked any more."""
        return [link for link in self if link.dropped is not None]

    def as_json(self) -> list[dict[str, Any]]:
        """For the API."""
        now = self._clock.seconds()
        return [link.as_json(now) for link in self]

    # connections

    def _open(self, link: Link) -> None:
        if not self._closed:
            Deferred.fromCoroutine(self._opened(link)).addErrback(self._broken)

    async def _opened(self, link: Link) -> None:
        try:
            connection = await self._connect(link.address)
        except SourceError as e:
            self._away(link)
            self._lost(link, e)
            return
        if self._closed:
            connection.close()
            return
        link.connection, link.quiet = connection, 0
        self._ready(link)

    def failed(self, link: Link, why: FetchError) -> None:
        """The connection of `link` has ended, with all that it owed."""
        if link.connection is not None:
            self._close(link)
            self._freed(link)
            if isinstance(why, Unreachable):
                self._lost(link, why)
            else:
                self.drop(link, str(why))

    def _lost(self, link: Link, why: FetchError) -> None:
        link.retries += 1
        if link.retries > RECONNECTS or not isinstance(why, Unreachable):
            self.drop(link, str(why))
        else:
            deferLater(self._clock, link.retries, self._open, link).addErrback(self._broken)

    def drop(self, link: Link, why: str) -> None:
        """Ask `link` no more."""
        if link.dropped is None and not self._closed:
            link.dropped = why
            self.log.info("{address} is dropped as a source: {why}", address=link.address, why=why)
            self._close(link)
            self._freed(link)

    def pass_over_stalled(self) -> None:
        """Each second: what those owe who have sent nothing for too long may be asked of others."""
        for link in self:
            link.quiet += 1
            if link.owed and not link.stalled and link.quiet > STALL:
                link.stalled = True
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

    @staticmethod
    def _close(link: Link) -> None:
        connection, link.connection = link.connection, None
        if connection is not None:
            connection.close()
