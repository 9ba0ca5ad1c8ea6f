"""A network in memory: a Clock that is a reactor for clients, with servers behind addresses, and TCP as it behaves.

Bytes travel by the clock's `callLater(0, ...)`; `settle` lets everything happen that needs no time.
"""

from __future__ import annotations

import itertools

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure


class Silent(Protocol):
    """A server that takes everything and never says a word."""


class Scripted(Protocol):
    """A server that answers each time something comes, and then closes.

    The factory's `answers` are given out in turn, the last again and again; one is bytes, or makes them of the request.
    """

    factory: ScriptedFactory

    def dataReceived(self, data):
        self.factory.heard.append(data)
        answers = self.factory.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.transport.write(answer(data) if callable(answer) else answer)
        self.transport.loseConnection()


class ScriptedFactory(Factory):
    """Makes Scripted servers; `heard` is all that was said to them."""

    protocol = Scripted
    noisy = False

    def __init__(self, *answers):
        self.answers = list(answers)
        self.heard = []


class End:
    """One end of a connection, the transport of `protocol`."""

    disconnecting = disconnected = aborting = False
    producer = None
    other: End

    def __init__(self, network, here, there):
        self.protocol = None
        self._network = network
        self._here, self._there = here, there
        self._writable = True

    def getHost(self):
        return IPv4Address("TCP", *self._here)

    def getPeer(self):
        return IPv4Address("TCP", *self._there)

    def setTcpNoDelay(self, enabled):
        pass

    def _soon(self, call, *arguments):
        self._network.callLater(0, call, *arguments)

    # out

    def write(self, data):
        if self._writable and not self.disconnected:
            self._soon(self.other.received, data)

    def registerProducer(self, producer, streaming):
        if self.disconnected:
            producer.stopProducing()
            return
        self.producer = producer
        if not streaming:
            self._soon(self._pull)

    def unregisterProducer(self):
        self.producer = None
        if self.disconnecting:
            self._soon(self._closed)

    def startWriting(self):
        pass

    def _pull(self):
        if self.producer is not None:
            self.producer.resumeProducing()
            self._soon(self._pull)

    def loseConnection(self):
        if not self.disconnecting:
            self.disconnecting = True
            if self.producer is None:
                self._soon(self._closed)

    def _closed(self):
        self._soon(self.other.ended)
        self.lost(error.ConnectionDone())

    def loseWriteConnection(self):
        self._writable = False
        self._soon(self.other.ended)
        self._soon(self.protocol.writeConnectionLost)

    def abortConnection(self):
        if not self.aborting:
            self.aborting = True
            self._soon(self.lost, error.ConnectionAborted())
            self._soon(self.other.lost, error.ConnectionLost())

    # in

    def pauseProducing(self):
        pass

    def resumeProducing(self):
        pass

    def received(self, data):
        if not (self.disconnected or self.disconnecting or self.aborting):
            self.protocol.dataReceived(data)

    def ended(self):
        if self.disconnected or self.aborting:
            return
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.readConnectionLost()
        else:
            self._closed()

    def lost(self, reason):
        if not self.disconnected:
            self.disconnected = True
            if self.producer is not None:
                self.producer.stopProducing()
                self.producer = None
            self.protocol.connectionLost(Failure(reason))


class _Connector:
    def __init__(self, network, address, factory):
        self._destination = IPv4Address("TCP", *address)
        self.call = None

    def getDestination(self):
        return self._destination

    def stopConnecting(self):
        self.call.cancel()


class Network(Clock):
    """`servers`: address -> server factory, or None for a host that is there and does not answer.

    At any other address connections are refused. `dialled` holds (seconds, address) of every attempt.
    """

    HOST = "10.0.0.1"
    """Where clients are."""

    def __init__(self):
        super().__init__()
        self.servers = {}
        self.dialled = []
        self._ports = itertools.count(50000)

    def connectTCP(self, host, port, factory, timeout=30, bindAddress=None):
        address = host, port
        self.dialled.append((self.seconds(), address))
        connector = _Connector(self, address, factory)
        factory.doStart()
        factory.startedConnecting(connector)
        if self.servers.get(address, ()) is None:
            connector.call = self.callLater(timeout, self._failed, connector, factory, error.TimeoutError())
        elif address not in self.servers:
            connector.call = self.callLater(0, self._failed, connector, factory, error.ConnectionRefusedError())
        else:
            connector.call = self.callLater(0, self._connected, address, factory)
        return connector

    def _failed(self, connector, factory, reason):
        factory.clientConnectionFailed(connector, Failure(reason))

    def _connected(self, address, factory):
        here = self.HOST, next(self._ports)
        near, far = End(self, here, address), End(self, address, here)
        near.other, far.other = far, near
        far.protocol = self.servers[address].buildProtocol(far.getPeer())
        near.protocol = factory.buildProtocol(near.getPeer())
        far.protocol.makeConnection(far)
        near.protocol.makeConnection(near)

    # what else a reactor does

    def getThreadPool(self):
        return self

    def callInThreadWithCallback(self, on_result, function, *arguments, **keywords):
        """Threads there are none: it is done now."""
        try:
            result = function(*arguments, **keywords)
        except Exception:
            self.callLater(0, on_result, False, Failure())
        else:
            self.callLater(0, on_result, True, result)

    def callFromThread(self, function, *arguments, **keywords):
        self.callLater(0, function, *arguments, **keywords)

    # for tests

    def settle(self):
        """Let everything happen that takes no time."""
        for _ in range(100_000):
            if not any(call.getTime() <= self.seconds() for call in self.getDelayedCalls()):
                return
            self.advance(0)
        raise AssertionError("it never comes to rest")

    def wait(self, seconds, step=0.25):
        """Let that time pass."""
        self.settle()
        for _ in range(round(seconds / step)):
            self.advance(step)
            self.settle()
