"""The ways to close: what a client that is still sending gets, over TCP and under TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock, deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import alsoProvides

from p2p_twisted.net.caller import Caller
from p2p_twisted.net.connection_state import CLOSE_TIMEOUT
from p2p_twisted.net.factory import RequestFactory
from p2p_twisted.net.server import RequestConnection
from p2p_twisted.net.stateful import StatefulConnection
from p2p_twisted.net.tls import Tls
from p2p_twisted.wire.messages import Request
from tests.support.peer_server import connect
from tests.support.swarm_ca import SwarmCA
from tests.support.tls_strangers import context

INDEX = b"GET INDEX P2P_DI_1.%d\nHost 127.0.0.1\nOS Linux\n\n"
BODY = b"x" * 1_000_000
"""More than the buffers of a connection take at once."""


class Connection(RequestConnection):
    """Answers every request with BODY; its 1.0 clients may go on sending."""

    lingers = True

    def answer(self, request: Request, caller: Caller) -> Deferred[Any] | None:
        return self.send(BODY)


def make_factory(clock: Clock) -> RequestFactory:
    factory = RequestFactory(clock, 10, 10)
    factory.protocol = Connection
    return factory


class WithoutHalfClose(SynchronousTestCase):
    """A transport in memory that says it is TLS, or has no half-close at all."""

    def lingering(self, change: Callable[[Any], None]) -> Any:
        """Return the transport of a connection that has answered a 1.0 client, once the answer is read."""
        self.clock = Clock()
        factory = make_factory(self.clock)
        factory.doStart()
        self.addCleanup(factory.doStop)
        self.connection, transport = connect(factory)
        change(transport)
        self.connection.dataReceived(INDEX % 0)
        while transport.producer is not None:
            transport.producer.resumeProducing()
        self.assertTrue(transport.value().endswith(BODY))
        return transport

    def without(self, transport: Any) -> None:
        self.patch(type(transport), "loseWriteConnection", None)
        del type(transport).loseWriteConnection

    def test_it_closes_after_the_client_had_time_to(self) -> None:
        transport = self.lingering(self.without)
        self.connection.dataReceived(b"NULL\n")
        self.clock.pump([1] * (CLOSE_TIMEOUT - 1))
        self.assertFalse(transport.ended or transport.aborted)
        self.clock.advance(1)
        self.assertTrue(transport.disconnecting)
        self.assert_aborted_later(transport, CLOSE_TIMEOUT)

    def test_under_tls_its_own_end_is_announced_at_once(self) -> None:
        transport = self.lingering(lambda transport: alsoProvides(transport, ISSLTransport))
        self.assertTrue(transport.disconnecting, "TLS sends its close_notify, and waits for that of the client")
        self.connection.dataReceived(b"NULL\n")
        self.assert_aborted_later(transport, 2 * CLOSE_TIMEOUT)

    def assert_aborted_later(self, transport: Any, seconds: int) -> None:
        """Check that the connection is aborted in so many seconds: the client never closes it."""
        self.clock.pump([1] * (seconds - 1))
        self.assertFalse(transport.aborted)
        self.clock.advance(1)
        self.assertTrue(transport.aborted)

    def test_a_client_that_reads_nothing(self) -> None:
        clock = Clock()
        factory = make_factory(clock)
        factory.doStart()
        self.addCleanup(factory.doStop)
        connection, transport = connect(factory)
        alsoProvides(transport, ISSLTransport)
        connection.dataReceived(b"rubbish\n\n")
        clock.pump([1] * (CLOSE_TIMEOUT - 1))
        self.assertFalse(transport.aborted)
        clock.advance(1)
        self.assertTrue(transport.aborted)


class RealSockets(TestCase):
    """A server on TLS, and on TCP, with a client of the standard library in a thread."""

    timeout = 60

    def setUp(self) -> None:
        self.clock = Clock()
        self.factory = make_factory(self.clock)

    def listen(self, factory: Any) -> int:
        port: Any = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return int(port.getHost().port)

    def listen_tls(self) -> int:
        folder = Path(self.mktemp()).absolute()
        self.member = SwarmCA(folder).issue("member")
        return self.listen(Tls(self.member).serve(self.factory))

    async def closed(self, client: Callable[[Event], None]) -> None:
        """Run `client` until it has ended and the server has no connection left.

        The time of the server passes once `client` has set the Event that it is given.
        """
        answered = Event()
        done = deferToThread(client, answered)
        while self.factory.connections or not done.called:
            await deferLater(reactor, 0.01)
            if answered.is_set():
                self.clock.advance(1)
        await done

    def test_a_1_0_client_under_tls_gets_everything_and_a_proper_end(self) -> Deferred[None]:
        port = self.listen_tls()

        def client(answered: Event) -> None:
            with connected(port, self.member) as connection, connection.makefile("rb") as answer:
                connection.sendall(INDEX % 0)
                for line in range(100):  # goes on sending while the answer comes
                    connection.sendall(b"NULL %d\n" % line)
                self.assertEqual(read_head(answer)[0], b"200 OK P2P-CI/1.0\n")
                self.assertEqual(answer.read(), BODY)  # raises SSLEOFError if the end of TLS is not announced
                connection.sendall(b"NULL\n" * 1000)  # no reset: the server reads on

        return Deferred.fromCoroutine(self.closed(client)).addCallback(self.no_time_has_passed)

    def test_a_refusal_under_tls_reaches_a_client_that_goes_on_sending(self) -> Deferred[None]:
        port = self.listen_tls()

        def client(answered: Event) -> None:
            with connected(port, self.member) as connection, connection.makefile("rb") as answer:
                connection.sendall(b"rubbish\n\n" + b"x" * 500_000)
                self.assertEqual(read_head(answer)[0], b"300 BAD_REQUEST P2P-CI/1.0\n")
                answered.set()
                self.assertTrue(answer.read().endswith(b"\n"))

        return Deferred.fromCoroutine(self.closed(client))

    def test_a_1_1_client_under_tls_that_closes_first(self) -> Deferred[None]:
        port = self.listen_tls()

        def client(answered: Event) -> None:
            with connected(port, self.member) as connection, connection.makefile("rb") as answer:
                for _ in range(3):
                    connection.sendall(INDEX % 1)
                    self.assertIn(b"Length: %d\n" % len(BODY), read_head(answer))
                    self.assertEqual(answer.read(len(BODY)), BODY)
                connection.unwrap()

        return Deferred.fromCoroutine(self.closed(client)).addCallback(self.no_time_has_passed)

    def test_over_tcp_this_side_is_closed_at_once_and_input_still_read(self) -> Deferred[None]:
        port = self.listen(self.factory)

        def client(answered: Event) -> None:
            with socket.create_connection(("127.0.0.1", port), 30) as connection, connection.makefile("rb") as answer:
                connection.sendall(INDEX % 0)
                read_head(answer)
                self.assertEqual(answer.read(), BODY)
                connection.sendall(b"NULL\n" * 1000)  # no reset: the server reads on

        return Deferred.fromCoroutine(self.closed(client)).addCallback(self.no_time_has_passed)

    def test_over_tcp_a_1_1_client_that_has_read_all_and_closes_costs_no_other_turn(self) -> Deferred[None]:
        port, closed = self.listen(self.factory), list[bool]()

        def note(connection: Connection) -> None:
            transport: Any = connection.transport
            StatefulConnection.readConnectionLost(connection)
            closed.append(transport.disconnected)

        self.patch(Connection, "readConnectionLost", note)

        def client(answered: Event) -> None:
            with socket.create_connection(("127.0.0.1", port), 30) as connection, connection.makefile("rb") as answer:
                connection.sendall(INDEX % 1)
                read_head(answer)
                self.assertEqual(answer.read(len(BODY)), BODY)

        done = Deferred.fromCoroutine(self.closed(client)).addCallback(self.no_time_has_passed)
        return done.addCallback(lambda _: self.assertEqual(closed, [True]))

    def no_time_has_passed(self, result: None) -> None:
        self.assertEqual(self.clock.seconds(), 0)


def read_head(answer: BinaryIO) -> list[bytes]:
    """Return the lines of a head, without the empty one after them."""
    return list(iter(answer.readline, b"\n"))


def connected(port: int, member: Path) -> ssl.SSLSocket:
    """Return a TLS connection to this machine that takes a TCP end without an end of TLS for an error."""
    plain = socket.create_connection(("127.0.0.1", port), 30)
    return context(member, server=False).wrap_socket(plain, suppress_ragged_eofs=False)
