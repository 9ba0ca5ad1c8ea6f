"""Connections that read requests and answer them in order: whatever the answers do, and whatever a client does."""

from __future__ import annotations

import platform
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.net import connection_state, factory, server
from p2p_twisted.net.caller import Caller
from p2p_twisted.net.factory import RequestFactory
from p2p_twisted.net.server import RequestConnection
from p2p_twisted.wire.errors import BadRequest, FileNotFound, Forbidden
from p2p_twisted.wire.messages import GetFile, GetIndex, Message, Request
from tests.support.peer_server import connect

ENVELOPE = b"Host 10.153.44.84\nOS Mac OS X\n\n"
OS_LINE = b"OS: " + platform.system().encode()


def get(name: bytes, version: bytes = b"1.1") -> bytes:
    """A request for the file `name`."""
    return b"GET FILE P2P_DI_%s\n%s%s\n\n" % (version, ENVELOPE, name)


def index(version: bytes = b"1.1") -> bytes:
    """A request for the index."""
    return b"GET INDEX P2P_DI_%s\n%s" % (version, ENVELOPE)


def answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an answer for a 1.1 client."""
    return b"%s P2P-CI/1.1\nHost: 10.153.15.5\n%s\nLength: %d\n\n%s" % (status, OS_LINE, len(body), body)


def answer_10(body: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an answer for a 1.0 client."""
    return b"%s P2P-CI/1.0\nHost: 10.153.15.5\n%s\n\n%s" % (status, OS_LINE, body)


class Connection(RequestConnection):
    """GET INDEX is answered at once; GET FILE as the name says: when `pending` fires, at once, or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: list[Deferred[Any]] = []
        self.asked: list[Message] = []

    def answer(self, request: Request, caller: Caller) -> Deferred[Any] | None:
        message = request.message
        self.asked.append(message)
        if isinstance(message, GetIndex):
            self.reply(b"index")
            return None
        if isinstance(message, GetFile):
            return getattr(self, message.name)(message)
        raise BadRequest("not here")

    def later(self, message: GetFile) -> Deferred[Any]:
        pending: Deferred[Any] = Deferred()
        self.pending.append(pending)
        return pending.addCallback(lambda body: self.reply(body))

    def now(self, message: GetFile) -> Deferred[None]:
        self.reply(b"now")
        return succeed(None)

    def big(self, message: GetFile) -> None:
        self.reply(b"x" * server.MAX_UNREAD)

    def missing(self, message: GetFile) -> None:
        raise FileNotFound("no such document here")

    def bad(self, message: GetFile) -> None:
        raise BadRequest("no, like this")

    def broken(self, message: GetFile) -> None:
        raise ZeroDivisionError

    def fire(self, result: bytes | Exception = b"later") -> None:
        """Let the oldest answer that is pending be `result`."""
        pending = self.pending.pop(0)
        if isinstance(result, Exception):
            pending.errback(result)
        else:
            pending.callback(result)


class Case(SynchronousTestCase):
    """`connect` makes a connection; `client` is what the client sends, `received` what it gets."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.factory = RequestFactory(self.clock, 1000, 1000)
        self.factory.protocol = cast(Any, Connection)
        self.factory.doStart()
        self.addCleanup(self.factory.doStop)
        self.connect()

    def connect(self) -> None:
        self.connection, self.transport = connect(self.factory)

    def client(self, data: bytes) -> None:
        self.connection.dataReceived(data)

    def received(self) -> bytes:
        return self.transport.received()

    def read(self) -> None:
        """The client reads all that there is."""
        while self.transport.producer is not None:
            self.transport.producer.resumeProducing()

    def lose(self, reason: type[Exception] = ConnectionDone) -> None:
        """Lose the connection as a real one does: the producer is stopped first, while it is still registered."""
        self.transport.disconnected = True
        if self.transport.producer is not None:
            self.transport.producer.stopProducing()
            self.transport.producer = None
        self.connection.connectionLost(Failure(reason()))

    def assert_goes_on(self) -> None:
        self.assertFalse(self.transport.ended or self.transport.aborted)
        self.client(index())
        self.assertEqual(self.received(), answer(b"index"))


class Answers(Case):
    """In order, each in its own version, at once or later."""

    def test_at_once_and_later(self) -> None:
        self.client(index() + get(b"later") + index() + get(b"later") + index())
        self.assertEqual(self.received(), answer(b"index"))
        self.connection.fire(b"first")
        self.assertEqual(self.received(), answer(b"first") + answer(b"index"))
        self.connection.fire(b"second")
        self.assertEqual(self.received(), answer(b"second") + answer(b"index"))
        self.assert_goes_on()

    def test_only_one_request_of_1_0_is_answered(self) -> None:
        self.client(index(b"1.0") + index(b"1.0") + index())
        self.assertEqual(self.received(), answer_10(b"index"))
        self.assertTrue(self.transport.ended)
        self.client(index())
        self.assertEqual(self.received(), b"")

    def test_bytes_after_a_1_0_request_are_ignored_also_while_it_is_answered(self) -> None:
        self.client(get(b"later", b"1.0") + b"NULL\n")
        self.client(b"NULL\n" + b"x" * 10000)
        self.assertEqual(self.received(), b"")
        self.connection.fire()
        self.assertEqual(self.received(), answer_10(b"later"))
        self.assertTrue(self.transport.ended)

    def test_1_0_is_the_last_on_a_connection_of_1_1(self) -> None:
        self.client(get(b"later") + index(b"1.0") + index())
        self.connection.fire()
        self.assertEqual(self.received(), answer(b"later") + answer_10(b"index"))
        self.assertTrue(self.transport.ended)

    def test_a_refusal_at_once_and_later(self) -> None:
        self.client(get(b"missing") + get(b"later") + get(b"later") + index())
        self.assertEqual(self.received(), answer(b"no such document here\n", b"100 FILE_NOT_FOUND"))
        self.connection.fire(Forbidden("not you"))
        self.assertEqual(self.received(), answer(b"not you\n", b"403 FORBIDDEN"))
        self.connection.fire()
        self.assertEqual(self.received(), answer(b"later") + answer(b"index"))
        self.assert_goes_on()

    def test_a_refusal_in_1_0(self) -> None:
        self.client(get(b"missing", b"1.0"))
        self.assertEqual(self.received(), answer_10(b"no such document here\n", b"100 FILE_NOT_FOUND"))
        self.assertTrue(self.transport.ended)

    def test_a_bad_request_is_the_last(self) -> None:
        refused = answer(b"no, like this\n", b"300 BAD_REQUEST")
        self.client(index() + get(b"bad") + index())
        self.assertEqual(self.received(), answer(b"index") + refused)
        self.assertTrue(self.transport.ended)
        self.connect()
        self.client(get(b"later") + index() + index())
        self.connection.fire(BadRequest("no, like this"))
        self.assertEqual(self.received(), refused)
        self.assertTrue(self.transport.ended)

    def test_an_invalid_request_is_refused_in_its_turn(self) -> None:
        self.client(get(b"later") + index() + b"rubbish\n\n" + index())
        self.assertEqual(self.received(), b"")
        self.assertFalse(self.transport.ended)
        self.connection.fire()
        received = self.received()
        self.assertTrue(received.startswith(answer(b"later") + answer(b"index") + b"300 BAD_REQUEST P2P-CI/1.1\n"))
        self.assertEqual(received.count(b"P2P-CI"), 3)
        self.assertTrue(self.transport.ended)

    def test_an_invalid_first_request(self) -> None:
        self.client(b"rubbish\n\n")
        received = self.received()
        self.assertTrue(received.startswith(answer_10(b"", b"300 BAD_REQUEST")), received)
        self.assertEqual(received.count(b"\n"), 5)
        self.assertTrue(self.transport.ended)

    def test_an_error_of_our_own_ends_the_connection_and_is_logged_once(self) -> None:
        for asked in (get(b"broken"), get(b"later")):
            self.connect()
            self.client(index() + asked + index())
            if self.connection.pending:
                self.connection.fire(ZeroDivisionError())
            self.assertEqual(self.received(), answer(b"index"))
            self.assertTrue(self.transport.aborted)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_many_that_wait_and_are_answered_at_once(self) -> None:
        """No recursion as deep as the queue is long."""
        self.client(get(b"later") + get(b"now") * 500)
        self.connection.fire()
        self.read()
        self.assertEqual(self.received(), answer(b"later") + answer(b"now") * 500)
        self.assert_goes_on()

    @settings(max_examples=100, deadline=None)
    @given(cuts=st.lists(st.integers(0, 2000), max_size=12), crlf=st.booleans())
    def test_it_does_not_matter_how_the_bytes_are_cut(self, cuts: list[int], crlf: bool) -> None:
        self.connect()
        data = index() + get(b"missing") + get(b"now") * 3 + get(b"missing", b"1.0") + b"NULL\nNULL\n"
        data = data.replace(b"\n", b"\r\n") if crlf else data
        ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
        for start, end in zip([0, *ends], ends, strict=False):
            self.client(data[start:end])
        missing = b"no such document here\n", b"100 FILE_NOT_FOUND"
        expected = answer(b"index") + answer(*missing) + answer(b"now") * 3 + answer_10(*missing)
        self.assertEqual(self.received(), expected)
        self.assertTrue(self.transport.ended)


class Bounds(Case):
    """Bounds on waiting requests, on their time and their size."""

    def test_requests_read_ahead(self) -> None:
        self.client(get(b"later") + index() * 200)
        self.assertEqual(self.transport.producerState, "paused")
        self.assertLessEqual(len(self.connection._waiting), server.MAX_WAITING)
        self.connection.fire()
        self.assertEqual(self.received(), answer(b"later") + answer(b"index") * 200)
        self.assertEqual(self.transport.producerState, "producing")
        self.assert_goes_on()

    def test_answers_that_nobody_reads(self) -> None:
        """A client that asks and asks and never reads gets no more than so much ahead of it."""
        for asked in (index(), get(b"missing"), get(b"big")):
            self.connect()
            biggest = server.MAX_UNREAD + 1000
            for _ in range(10000):
                self.client(asked)
                if self.transport.producerState == "paused":
                    break
            self.assertEqual(self.transport.producerState, "paused")
            self.assertLess(len(self.transport.value()), server.MAX_UNREAD + biggest)
            count = len(self.connection.asked) + server.MAX_WAITING
            self.read()
            self.assertEqual(self.received().count(b"P2P-CI/1.1"), count)
            self.assertEqual(self.transport.producerState, "producing")
            self.assert_goes_on()

    def test_nothing_is_answered_once_the_connection_is_lost(self) -> None:
        self.client(get(b"big") + index() + get(b"missing") + get(b"broken"))
        self.client(b"GET FILE")
        asked = len(self.connection.asked)
        self.lose(ConnectionLost)
        self.assertEqual(len(self.connection.asked), asked)
        self.assertEqual(self.factory.connections, set())

    def test_an_answer_that_comes_too_late(self) -> None:
        self.client(get(b"later") + index())
        self.lose()
        self.connection.fire()
        self.assertEqual(len(self.connection.asked), 1)
        self.client(get(b"later"))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_after_a_bad_request_the_rest_is_not_even_parted_into_lines(self) -> None:
        for before, count in ((b"", 1), (get(b"later"), 8), (get(b"later", b"1.0"), 7)):
            self.connect()
            parted: list[bytes] = []
            handle = self.connection.lineReceived

            def note(line: bytes, handle: Any = handle, parted: list[bytes] = parted) -> None:
                parted.append(line)
                handle(line)

            self.connection.lineReceived = note
            self.client(before + b"\n" * 65536)
            self.assertLessEqual(len(parted), count)

    def test_the_time_for_a_request(self) -> None:
        self.client(index())
        self.client(index()[:10])
        for byte in index()[10 : 10 + connection_state.REQUEST_TIMEOUT - 1]:
            self.clock.advance(1)
            self.client(bytes([byte]))
        self.assertFalse(self.transport.aborted)
        self.clock.advance(1)
        self.assertTrue(self.transport.aborted)

    def test_the_time_for_nothing(self) -> None:
        self.client(index() * 100)
        self.clock.pump([1] * (connection_state.IDLE_TIMEOUT - 1))
        self.assertFalse(self.transport.aborted)
        self.clock.advance(1)
        self.assertTrue(self.transport.aborted)

    def test_the_time_for_nothing_after_reading_was_paused(self) -> None:
        self.client(get(b"later") + index() * 100)
        self.connection.fire()
        self.clock.pump([1] * (connection_state.IDLE_TIMEOUT - 1))
        self.assertFalse(self.transport.aborted)

    def test_the_time_for_an_answer(self) -> None:
        self.client(get(b"later"))
        self.clock.pump([1] * (connection_state.STALL_TIMEOUT - 1))
        self.connection.touch()
        self.clock.pump([1] * (connection_state.STALL_TIMEOUT - 1))
        self.assertFalse(self.transport.aborted)
        self.clock.advance(1)
        self.assertTrue(self.transport.aborted)

    def test_many_connections(self) -> None:
        self.factory._max_connections = len(self.factory.connections) + 2
        hosts = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
        made = [connect(self.factory, host) for host in hosts]
        self.assertEqual([transport.aborted for _, transport in made], [False, False, False])
        self.assertTrue(self.transport.aborted, "the newest has the place of the one that was there first")
        self.assertEqual(len(self.factory.connections), self.factory._max_connections)
        for connection, _ in reversed(made):
            connection.dataReceived(index())
            connection.connectionLost(Failure(ConnectionDone()))
        self.assertIn(b"200 OK", made[2][1].received())
        self.assertEqual([connect(self.factory, host)[1].aborted for host in hosts], [False, False, False])

    def test_few_descriptors(self) -> None:
        """Half of what there is for connections is for others than the one who makes the most of them."""
        before = set(self.factory.connections)
        self.patch(factory, "max_connections", lambda most: len(before) + 6)
        hosts = ["10.0.0.1"] * 5 + ["10.0.0.2"] * 4
        admitted = [connect(self.factory, host)[1] for host in hosts]
        half = (len(before) + 6) // 2
        self.assertEqual(sum(not transport.aborted for transport in admitted[:5]), half)
        self.assertEqual(len(self.factory.connections), len(before) + 6)

    def test_when_the_port_closes(self) -> None:
        _, transport = connect(self.factory)
        self.factory.doStop()
        self.addCleanup(self.factory.doStart)
        self.assertTrue(transport.aborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class Ends(Case):
    """The client's side and ours close each in its time, and nothing that was sent is lost."""

    def half_close(self) -> None:
        self.connection.readConnectionLost()

    def test_a_client_that_closes_its_side_gets_what_it_asked_for(self) -> None:
        self.client(get(b"later") + index())
        self.half_close()
        self.assertFalse(self.transport.ended)
        self.connection.fire()
        self.assertEqual(self.received(), answer(b"later") + answer(b"index"))
        self.assertTrue(self.transport.disconnecting)

    def test_a_client_that_closes_its_side_and_asked_nothing(self) -> None:
        for begun in (b"", b"GET IND"):
            self.connect()
            self.client(begun)
            self.half_close()
            self.assertEqual(self.received(), b"")
            self.assertTrue(self.transport.disconnecting)

    def test_a_connection_that_lingers_closes_only_its_own_side(self) -> None:
        """Bytes that a client still sends do not reset the connection and destroy unread answers."""
        self.connection.lingers = True
        self.client(index(b"1.0"))
        self.assertTrue(self.transport.ended)
        self.assertFalse(self.transport.disconnecting)
        self.client(b"NULL\nNULL\n")
        self.half_close()
        self.assertTrue(self.transport.disconnecting)

    def test_a_bad_request_lingers(self) -> None:
        self.client(b"rubbish\n\n")
        self.assertFalse(self.transport.disconnecting)
        self.client(b"x" * 100000)
        self.half_close()
        self.assertTrue(self.transport.disconnecting)

    def test_a_client_that_never_closes(self) -> None:
        self.client(b"rubbish\n\n")
        self.clock.advance(connection_state.CLOSE_TIMEOUT - 1)
        self.connection.writeConnectionLost()
        self.clock.pump([1] * (connection_state.CLOSE_TIMEOUT - 1))
        self.assertFalse(self.transport.disconnecting)
        self.clock.advance(1)
        self.assertTrue(self.transport.disconnecting, "the kernel keeps what it has taken")
        self.assertFalse(self.transport.aborted)

    def test_a_client_that_never_reads(self) -> None:
        for lingers in (False, True):
            self.connect()
            self.connection.lingers = lingers
            self.client(index(b"1.0"))
            self.clock.pump([1] * (connection_state.CLOSE_TIMEOUT - 1))
            self.assertFalse(self.transport.aborted)
            self.clock.advance(1)
            self.assertTrue(self.transport.aborted)
