"""A TCP transport in memory that does nothing by itself, and notes every use of it that a real one would not allow.

The test delivers bytes, lets the other side read, close or reset, and says when it is the reactor's turn.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHalfCloseableProtocol, ISSLTransport
from twisted.python.failure import Failure
from zope.interface import alsoProvides

HIGH_WATER = 64 * 1024
"""Bytes not yet read by the other side above which a push producer is paused."""


class StrictTransport:
    """One end of a connection; the other end is the test."""

    disconnecting = False
    """Whether loseConnection was called."""
    disconnected = False
    aborted = False

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.violations: list[str] = []
        self.sent = b""
        """All that the other side has read."""
        self.unsent = b""
        self.paused = False
        """Whether the protocol reads no further."""
        self.half_closing = self.half_closed = self.eof_received = False
        self.producer: Any = None
        self.streaming = False

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "10.0.0.1", 4394)

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "10.0.0.2", 50000)

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    # used by the protocol

    def write(self, data: bytes) -> None:
        closing = (
            self.disconnecting and self.producer is None
        )  # Twisted closes once the producer has written everything
        if self.half_closing or closing or self.aborted or self.disconnected:
            self.violations.append(f"write of {data[:40]!r} after the close")
        else:
            self.unsent += data
            if self.streaming and self.producer is not None and len(self.unsent) > HIGH_WATER:
                self.producer.pauseProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self.producer is not None:
            self.violations.append("a second producer")
        if self.disconnected:
            producer.stopProducing()
            return
        self.producer, self.streaming = producer, streaming
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def loseConnection(self) -> None:
        self.disconnecting = True

    def loseWriteConnection(self) -> None:
        self.half_closing = True

    def abortConnection(self) -> None:
        self.aborted = True

    # used by the test

    @property
    def reads(self) -> bool:
        """Whether bytes that come reach the protocol now."""
        return not (self.paused or self.eof_received or self.disconnecting or self.aborted or self.disconnected)

    def read(self, count: int) -> None:
        """Let the other side read up to `count` bytes, then the transport do its work."""
        self.sent, self.unsent = self.sent + self.unsent[:count], self.unsent[count:]
        self.turn()

    def turn(self) -> None:
        """Do once what the reactor does between two events."""
        if self.aborted:
            self.lose(error.ConnectionAborted())
        elif not self.unsent and self.producer is not None:
            self.producer.resumeProducing()
        elif not self.unsent and self.disconnecting:
            self.lose(error.ConnectionDone())
        elif not self.unsent and self.half_closing and not (self.half_closed or self.disconnected):
            self.half_closed = True
            self.protocol.writeConnectionLost()

    def receive_eof(self) -> None:
        """Let the other side close its side."""
        self.eof_received = True
        if IHalfCloseableProtocol.providedBy(self.protocol) and not ISSLTransport.providedBy(self):
            self.protocol.readConnectionLost()
        else:
            self.lose(error.ConnectionDone())

    def lose(self, reason: Exception) -> None:
        """End the connection."""
        if self.disconnected:
            return
        self.disconnected = True
        if self.producer is not None:
            producer, self.producer = self.producer, None
            producer.stopProducing()
        self.protocol.connectionLost(Failure(reason))


class StrictTLSTransport(StrictTransport):
    """The same under TLS: it has no half-close, and the other side's close ends the connection."""

    def __init__(self, protocol: Any) -> None:
        super().__init__(protocol)
        alsoProvides(self, ISSLTransport)

    def loseWriteConnection(self) -> None:
        self.violations.append("a half-close under TLS")
