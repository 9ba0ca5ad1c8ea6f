"""The factory of a server's connections: it counts them, limits them, and ends those whose time is over."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ..config.descriptors import max_connections
from ..wire.fields import neighbourhood
from .admission import REPORT_INTERVAL, Admission
from .connection_state import REQUEST_TIMEOUT, Event
from .places import Places
from .tally import Tally

if TYPE_CHECKING:
    from ..wire.errors import WireError
    from .caller import Caller
    from .server import RequestConnection
    from .tls import Tls

SWEEP_INTERVAL = 1
"""Seconds between two looks for connections whose timeout has run out."""
MAX_LINES = 20
"""Log lines about clients without TLS between two such looks; one more says how many were left out."""


class RequestFactory(Factory):
    """Makes the connections of a server. Subclasses set `protocol` to a RequestConnection."""

    protocol: Any = None  # Twisted declares a bare Protocol
    noisy = False
    log = Logger()
    tls: Tls | None = None
    """The TLS under all connections, if there is; `Tls.serve` sets it."""
    request_timeout = REQUEST_TIMEOUT
    """Seconds in which a request must be complete, from its first byte (or from the connection's start) on."""

    def __init__(
        self, clock: IReactorTime, max_connections: int, max_per_host: int, admission: Admission | None = None
    ) -> None:
        """Admit at most `max_connections`, and `max_per_host` from one host; one more gets the place of a slow one.

        Where this process may not have enough descriptors for `max_connections`, one address gets at most half of those
        there are. `admission` says which addresses may connect; None: all.
        """
        self.clock = clock
        self.places: Places[RequestConnection] = Places()
        self.limit_hits: Counter[str] = Counter()
        """How often each limit was hit, by its name: connections, admission, and those of subclasses."""
        self.fast_answers = 0
        """Requests that the fast path answered."""
        self.refusals: Counter[int] = Counter()
        """Requests that were refused, by status."""
        self._ended = Tally(REPORT_INTERVAL)
        self._unsecured = Tally(SWEEP_INTERVAL, MAX_LINES)
        self._max_connections = max_connections
        self._max_per_host = max_per_host
        self._admission = admission
        self._sweep = LoopingCall(self._expire)
        self._sweep.clock = clock

    def startFactory(self) -> None:
        """Start to look for connections whose timeout has run out: the first port is open."""
        self._sweep.start(SWEEP_INTERVAL, now=False)

    def stopFactory(self) -> None:
        """End all connections: no port is left."""
        self._sweep.stop()
        for connection in list(self.connections):
            connection.end()

    @property
    def connections(self) -> set[RequestConnection]:
        """The connections that are open."""
        return self.places.all

    def admit(self, connection: RequestConnection) -> bool:
        """Give a new connection a place; return False if there is none, or its address may not connect."""
        now, host = self.clock.seconds(), connection.caller.address[0]
        if self._admission is not None and not self._admission.admits(host, now):
            self.limit_hits["admission"] += 1
            return False
        key = connection.neighbourhood = neighbourhood(host)
        if not self._make_room(key, now):
            return False
        self.places.add(connection)
        return True

    def _make_room(self, key: str, now: float) -> bool:
        """End the slowest connection if all places are taken, or those of `key`; return whether one is free."""
        most = max_connections(self._max_connections)
        of_one = self._max_per_host if most == self._max_connections else min(self._max_per_host, most // 2)
        if len(self.places.of(key)) >= of_one:
            slowest = self.places.slowest(now, most, key)
        elif len(self.places.all) >= most:
            slowest = self.places.slowest(now, most)
        else:
            return True
        self.limit_hits["connections"] += 1
        if slowest is not None:
            self._ended.add(slowest.host, now)
            self.places.remove(slowest)
            slowest.handle(Event.STOP)
        return slowest is not None

    def note_refusal(self, caller: Caller, error: WireError) -> None:
        """Count a request of `caller` that is refused."""
        self.refusals[error.status] += 1

    def log_unsecured(self, text: str) -> None:
        """Log that there is no TLS with a client, and why, unless there are too many lines already."""
        if self._unsecured.add(text, self.clock.seconds()):
            self.log.warn("no TLS with {text}", text=text)

    def _expire(self) -> None:
        now = self.clock.seconds()
        self._end_late(now)
        if self._admission is not None and (report := self._admission.report(now)):
            count, host = report
            self.log.warn("connections refused (allow, deny): {count}, the last from {host}", count=count, host=host)
        if report := self._unsecured.report(now):
            count, last = report
            self.log.warn("no TLS with {count} more, the last {last}", count=count, last=last)
        if report := self._ended.report(now):
            count, host = report
            self.log.warn(
                "all places are taken: {count} slow connections ended, the last of {host}", count=count, host=host
            )

    def _end_late(self, now: float) -> None:
        """End the connections whose timeout has run out."""
        until = now + REQUEST_TIMEOUT - self.request_timeout
        for connection in [c for c in self.connections if c.expires <= (until if c.is_receiving else now)]:
            if connection.is_receiving:
                self.limit_hits["deadline"] += 1
            elif connection.is_answering:
                self.limit_hits["readers"] += 1
            connection.handle(Event.TIMEOUT)
