"""A network in memory: a Clock that is a reactor for clients, with servers behind addresses, and TCP as it behaves.

Bytes travel by the clock's `callLater(0, ...)`; `settle` lets everything happen that needs no time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from p2p_twisted.wire.address import Address

Answer = bytes | Callable[[bytes], bytes]
"""Bytes, or a function that makes them of the request."""


class Silent(Protocol):
    """A server that takes everything and never answers."""


class Scripted(Protocol):
    """A server that answers each time it receives something, and then closes.

    The factory's `answers` are given out in turn, the last again and again.
    """

    factory: ScriptedFactory

    def dataReceived(self, data: bytes) -> None:
        self.factory.received.append(data)
        answers = self.factory.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        assert self.transport is not None
        self.transport.write(answer(data) if callable(answer) else answer)
        self.transport.loseConnection()


class ScriptedFactory(Factory):
    """Makes Scripted servers; `received` is all that they received."""

    protocol: Any = Scripted
    noisy = False

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.received: list[bytes] = []


class End:
    """One end of a connection, the transport of `protocol`."""

    disconnecting = disconnected = aborting = False
    producer: Any = None
    other: End
    protocol: Any

    def __init__(self, network: Network, here: Address, there: Address) -> None:
        self._network = network
        self._here, self._there = here, there
        self._writable = True

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", *self._here)

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", *self._there)

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def _soon(self, call: Callable[..., object], *arguments: object) -> None:
        self._network.callLater(0, call, *arguments)

    # out

    def write(self, data: bytes) -> None:
        if self._writable and not self.disconnected:
            self._soon(self.other.received, data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self.disconnected:
            producer.stopProducing()
            return
        self.producer = producer
        if not streaming:
            self._soon(self._pull)

    def unregisterProducer(self) -> None:
        self.producer = None
        if self.disconnecting:
            self._soon(self._closed)

    def startWriting(self) -> None:
        pass

    def _pull(self) -> None:
        if self.producer is not None:
            self.producer.resumeProducing()
            self._soon(self._pull)

    def loseConnection(self) -> None:
        if not self.disconnecting:
            self.disconnecting = True
            if self.producer is None:
                self._soon(self._closed)

    def _closed(self) -> None:
        self._soon(self.other.ended)
        self.lost(error.ConnectionDone())

    def loseWriteConnection(self) -> None:
        self._writable = False
        self._soon(self.other.ended)
        self._soon(self.protocol.writeConnectionLost)

    def abortConnection(self) -> None:
        if not self.aborting:
            self.aborting = True
            self._soon(self.lost, error.ConnectionAborted())
            self._soon(self.other.lost, error.ConnectionLost())

    # in

    def pauseProducing(self) -> None:
        pass

    def resumeProducing(self) -> None:
        pass

    def received(self, data: bytes) -> None:
        if not (self.disconnected or self.disconnecting or self.aborting):
            self.protocol.dataReceived(data)

    def ended(self) -> None:
        if self.disconnected or self.aborting:
            return
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.readConnectionLost()
        else:
            self._closed()

    def lost(self, reason: Exception) -> None:
        if not self.disconnected:
            self.disconnected = True
            if self.producer is not None:
                self.producer.stopProducing()
                self.producer = None
            self.protocol.connectionLost(Failure(reason))


class _Connector:
    call: IDelayedCall

    def __init__(self, address: Address) -> None:
        self._destination = IPv4Address("TCP", *address)

    def getDestination(self) -> IPv4Address:
        return self._destination

    def stopConnecting(self) -> None:
        self.call.cancel()


class Network(Clock):
    """`servers`: address -> server factory, or None for a host that is there and does not answer.

    At any other address connections are refused. `dialled` holds (seconds, address) of every attempt.
    """

    HOST = "10.0.0.1"
    """Where clients are."""

    def __init__(self) -> None:
        super().__init__()
        self.servers: dict[Address, Any] = {}
        self.dialled: list[tuple[float, Address]] = []
        self._ports = itertools.count(50000)

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: object = None
    ) -> _Connector:
        address = host, port
        self.dialled.append((self.seconds(), address))
        connector = _Connector(address)
        factory.doStart()
        factory.startedConnecting(connector)
        if self.servers.get(address, ()) is None:
            connector.call = self.callLater(timeout, self._failed, connector, factory, error.TimeoutError())
        elif address not in self.servers:
            connector.call = self.callLater(0, self._failed, connector, factory, error.ConnectionRefusedError())
        else:
            connector.call = self.callLater(0, self._connected, address, factory)
        return connector

    def _failed(self, connector: _Connector, factory: Any, reason: Exception) -> None:
        factory.clientConnectionFailed(connector, Failure(reason))

    def _connected(self, address: Address, factory: Any) -> None:
        here = self.HOST, next(self._ports)
        near, far = End(self, here, address), End(self, address, here)
        near.other, far.other = far, near
        far.protocol = self.servers[address].buildProtocol(far.getPeer())
        near.protocol = factory.buildProtocol(near.getPeer())
        far.protocol.makeConnection(far)
        near.protocol.makeConnection(near)

    # what else a reactor does

    def getThreadPool(self) -> Network:
        return self

    def callInThreadWithCallback(
        self, on_result: Callable[[bool, Any], object], function: Callable[..., Any], *arguments: Any, **keywords: Any
    ) -> None:
        """Call `function` now: there are no threads."""
        try:
            result = function(*arguments, **keywords)
        except Exception:
            self.callLater(0, on_result, False, Failure())
        else:
            self.callLater(0, on_result, True, result)

    def callFromThread(self, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
        self.callLater(0, function, *arguments, **keywords)

    # for tests

    def settle(self) -> None:
        """Run all that is due at the present time. Raises AssertionError if that never ends."""
        for _ in range(100_000):
            if not any(call.getTime() <= self.seconds() for call in self.getDelayedCalls()):
                return
            self.advance(0)
        raise AssertionError("it never comes to rest")

    def wait(self, seconds: float, step: float = 0.25) -> None:
        """Let `seconds` pass, in steps of `step`."""
        self.settle()
        for _ in range(round(seconds / step)):
            self.advance(step)
            self.settle()
