"""The factory of a server's connections: it counts them, limits them, and ends those whose time is over."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ..config.descriptors import max_connections
from .admission import Admission
from .connection_state import Event

if TYPE_CHECKING:
    from .server import RequestConnection
    from .tls import Tls

SWEEP_INTERVAL = 1
"""Seconds between two looks for connections whose timeout has run out."""


class RequestFactory(Factory):
    """Makes the connections of a server. Subclasses set `protocol` to a RequestConnection."""

    protocol: Any = None  # Twisted declares a bare Protocol
    noisy = False
    log = Logger()
    tls: Tls | None = None
    """The TLS under all connections, if there is; `Tls.serve` sets it."""

    def __init__(
        self, clock: IReactorTime, max_connections: int, max_per_host: int, admission: Admission | None = None
    ) -> None:
        """Admit at most `max_connections`, and `max_per_host` from one address; more are dropped at once.

        Where this process may not have enough descriptors for `max_connections`, one address gets at most half of those
        there are. `admission` says which addresses may connect; None: all.
        """
        self.clock = clock
        self.connections: set[RequestConnection] = set()
        self._max_connections = max_connections
        self._max_per_host = max_per_host
        self._admission = admission
        self._hosts: Counter[str] = Counter()
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

    def admit(self, connection: RequestConnection) -> bool:
        """Count a new connection in; return False if there are too many, or its address may not connect."""
        host = connection.caller.address[0]
        if self._admission is not None and not self._admission.admits(host):
            return False
        most = max_connections(self._max_connections)
        of_one = self._max_per_host if most == self._max_connections else min(self._max_per_host, most // 2)
        if len(self.connections) >= most or self._hosts[host] >= of_one:
            return False
        self.connections.add(connection)
        self._hosts[host] += 1
        return True

    def dismiss(self, connection: RequestConnection) -> None:
        """Count a connection out, if it was admitted."""
        if connection in self.connections:
            self.connections.remove(connection)
            host = connection.caller.address[0]
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    def _expire(self) -> None:
        now = self.clock.seconds()
        for connection in [c for c in self.connections if c.expires <= now]:
            connection.handle(Event.TIMEOUT)
        if self._admission is not None and (report := self._admission.report(now)):
            count, host = report
            self.log.warn("connections refused (allow, deny): {count}, the last from {host}", count=count, host=host)
