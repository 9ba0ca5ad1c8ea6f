"""Server and client against everything that the other side, time and the network can do, in any order (hypothesis)."""

from __future__ import annotations

import re
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from twisted.internet import error
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from p2p_twisted.net.caller import Caller
from p2p_twisted.net.client import ClientConnection
from p2p_twisted.net.connection_state import ABORTED, IDLE_TIMEOUT, LOST, STALL_TIMEOUT, Event
from p2p_twisted.net.errors import FetchError
from p2p_twisted.net.factory import RequestFactory
from p2p_twisted.net.server import MAX_WAITING, FastAnswer, RequestConnection
from p2p_twisted.wire.errors import BadRequest, FileNotFound, Forbidden, WireError
from p2p_twisted.wire.messages import GetFile, GetIndex, Request, Response, Version
from tests.support.strict_transport import StrictTLSTransport, StrictTransport

BOUNDED = settings(max_examples=150, stateful_step_count=40, deadline=None)
LONG = 200
"""Seconds in which any connection must have ended that nobody uses."""
MARK = re.compile(rb"<(\d+)>")
FAST = re.compile(rb"KeepAlive NULL P2P_DI_1\.([01])\nHost h\nOS o\n\ncookie:(\d+)\nport:1\n")

numbers = st.integers(0, 30)
rarely = st.sampled_from([False] * 7 + [True])
mostly = st.sampled_from([True] * 3 + [False])
seconds = st.sampled_from([1, 1, 1, 1, 2, 5, 9, 10, 29, 30, 59, 60, 119, 120])
sizes = st.sampled_from([0, 1, 10**4, 10**6]) | st.integers(0, 300)
versions = st.sampled_from([b"1.1"] * 5 + [b"1.0"])
garbage = st.sampled_from(
    [b"\n", b"\r\n", b"rubbish\n\n", b"GET ", b"x" * 9000, b"\xff\n", b"GET INDEX P2P_DI_1.1\n\n"]
)
kinds = st.sampled_from(["later"] * 4 + ["now", "soon", "big", "missing", "fast"] * 2 + ["bad", "broken"])


class Handler(RequestConnection):
    """Answers GET FILE as the first word of the name says; its number stands as a mark in the answer."""

    transport: StrictTransport  # type: ignore[assignment]  # it has of ITCPTransport what a server uses
    pending: Deferred[Any] | None = None
    untimely = 0
    """Number of requests received during another answer, or after the connection was lost."""

    def answer(self, request: Request, caller: Caller) -> Deferred[Any] | None:
        assert caller == Caller(("10.0.0.2", 50000))
        answering = self.pending is not None and not self.pending.called
        self.untimely += answering or self.transport.disconnected or self.transport.aborted
        message = request.message
        if not isinstance(message, GetFile):
            raise BadRequest("only files")
        kind, _, number = message.name.partition(" ")
        if kind == "now":
            self.reply(f"<{number}>".encode())
        elif kind == "big":
            return self.send(f"<{number}>".encode() + b"x" * 200_000)
        elif kind == "soon":
            return succeed(None).addCallback(lambda _: self.reply(f"<{number}>".encode()))
        elif kind == "later":
            self.pending = Deferred()
            self.pending.addErrback(self.refused, number)
            return self.pending.addCallback(lambda _: self.reply(f"<{number}>".encode()))
        elif kind == "broken":
            raise ZeroDivisionError
        else:
            raise (BadRequest if kind == "bad" else FileNotFound)(f"<{number}>")
        return None

    def refused(self, failure: Failure, number: str) -> None:
        """Put the number into a refusal."""
        if isinstance(failure.value, WireError):
            raise type(failure.value)(f"<{number}>")
        failure.raiseException()

    def fast_path(self, data: bytes, at: int) -> FastAnswer | None:
        """Answer a KeepAlive, whose cookie is the number."""
        match = FAST.match(data, at)
        if match is None:
            return None
        return match.end(), b"<%s>" % match[2], Version.V11 if match[1] == b"1" else Version.V10


class Machine(RuleBasedStateMachine):
    """Common to both: the clock, the log, and a transport that notes what a real one would not allow."""

    transport: StrictTransport

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.failures: list[Failure] = []
        self.observer = cast(ILogObserver, self.note)
        globalLogPublisher.addObserver(self.observer)

    def note(self, event: LogEvent) -> None:
        if event.get("log_failure") is not None:
            self.failures.append(event["log_failure"])

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.transport.turn()

    @invariant()
    def no_misuse(self) -> None:
        if hasattr(self, "transport"):
            assert self.transport.violations == []

    @invariant()
    def no_error_but_those_of_handlers(self) -> None:
        assert [failure for failure in self.failures if not failure.check(ZeroDivisionError)] == []

    def teardown(self) -> None:
        globalLogPublisher.removeObserver(self.observer)


class ServerMachine(Machine):
    """A client that sends what it likes, to a server whose handlers do what they like."""

    @initialize()
    def start(self) -> None:
        self.factory = RequestFactory(self.clock, 2, 2)
        self.factory.doStart()
        self.connect(False, False)

    @precondition(lambda self: self.transport.disconnected)
    @rule(lingers=st.booleans(), tls=rarely)
    def connect(self, lingers: bool, tls: bool) -> None:
        self.server = Handler()
        self.server.factory, self.server.lingers = self.factory, lingers
        self.transport = (StrictTLSTransport if tls else StrictTransport)(self.server)
        self.server.makeConnection(self.transport)
        self.incoming = b""
        """Bytes sent by the client and not yet received by the server."""
        self.requests = 0

    @rule(kind=kinds, version=versions, count=st.sampled_from([1, 1, 3, 100]), at_once=mostly)
    def send(self, kind: str, version: bytes, count: int, at_once: bool) -> None:
        for _ in range(count):
            if kind == "fast":
                head = b"KeepAlive NULL P2P_DI_%s\nHost h\nOS o\n\n" % version
                self.incoming += head + b"cookie:%d\nport:1\n" % self.requests
            else:
                head = b"GET FILE P2P_DI_%s\nHost h\nOS o\n\n" % version
                self.incoming += head + b"%s %d\n\n" % (kind.encode(), self.requests)
            self.requests += 1
        if at_once:
            self.deliver(10**6)

    @rule(data=garbage, really=rarely)
    def send_garbage(self, data: bytes, really: bool) -> None:
        self.incoming += data if really else b""

    @rule(size=sizes)
    def deliver(self, size: int) -> None:
        if self.transport.reads and self.incoming[:size]:
            data, self.incoming = self.incoming[:size], self.incoming[size:]
            self.server.dataReceived(data)

    @rule(really=rarely)
    def close_client_side(self, really: bool) -> None:
        if really and self.transport.reads:
            self.transport.receive_eof()

    @rule(size=sizes)
    def read(self, size: int) -> None:
        self.transport.read(size)

    @rule(seconds=seconds)
    def wait(self, seconds: int) -> None:
        self.pass_time(seconds)

    @precondition(lambda self: self.pending() is not None)
    @rule(result=st.sampled_from([None, None, None, FileNotFound, Forbidden, BadRequest, ZeroDivisionError]))
    def finish(self, result: type[Exception] | None) -> None:
        pending = self.pending()
        assert pending is not None
        pending.callback(None) if result is None else pending.errback(result("x"))

    @precondition(lambda self: self.pending() is not None)
    @rule()
    def progress(self) -> None:
        self.server.touch()

    @rule(reason=st.sampled_from([error.ConnectionLost, error.ConnectionDone]), really=rarely)
    def lose(self, reason: type[Exception], really: bool) -> None:
        if really:
            self.transport.lose(reason())

    @rule(really=rarely)
    def close_server_side(self, really: bool) -> None:
        if really:
            self.server.handle(Event.CLOSE)

    @rule(really=rarely)
    def stop(self, really: bool) -> None:
        if really:
            self.factory.doStop()
            self.factory.doStart()

    def pending(self) -> Deferred[Any] | None:
        pending = self.server.pending if hasattr(self, "server") else None
        return None if pending is None or pending.called else pending

    @invariant()
    def answers_are_in_order_and_once(self) -> None:
        if hasattr(self, "server"):
            answered = [int(number) for number in MARK.findall(self.transport.sent + self.transport.unsent)]
            assert answered == list(range(len(answered)))
            assert len(answered) <= self.requests
            assert not self.server.untimely

    @invariant()
    def it_is_counted_while_it_is_there(self) -> None:
        if hasattr(self, "server"):
            there = not self.transport.disconnected
            assert self.factory.connections == ({self.server} if there else set())
            assert len(self.factory.places.of("10.0.0.2")) == there
            assert (self.server._state is LOST) == (not there)
            assert len(self.server._waiting) <= MAX_WAITING
            assert self.transport.paused == self.server._state.paused
            if there and self.server._state is not ABORTED:
                assert self.clock.seconds() <= self.server.expires <= self.clock.seconds() + IDLE_TIMEOUT

    def teardown(self) -> None:
        super().teardown()
        if not hasattr(self, "server"):
            return
        ended = self.clock.seconds()
        while not self.transport.disconnected:
            self.pass_time(1)
            assert self.clock.seconds() - ended <= IDLE_TIMEOUT + STALL_TIMEOUT, self.server._state
        pending = self.pending()
        if pending is not None:  # an answer that comes too late
            pending.callback(None)
        self.it_is_counted_while_it_is_there()
        self.no_misuse()
        self.no_error_but_those_of_handlers()
        self.factory.doStop()
        assert self.clock.getDelayedCalls() == []


class Sink:
    """Keeps the body; raises when its patience with the bytes of it is at an end."""

    def __init__(self, limit: int) -> None:
        self.body, self.limit = b"", limit
        self.heads = 0

    def begin(self, response: Response) -> None:
        self.heads += 1

    def data(self, data: bytes) -> None:
        self.body += data
        if len(self.body) > self.limit:
            raise FetchError("enough")


class ClientMachine(Machine):
    """A server that sends what it likes, to a client that has any number of requests outstanding."""

    @initialize(version=st.sampled_from([None, Version.V11]))
    def connect(self, version: Version | None) -> None:
        self.client = ClientConnection(self.clock, None, version)
        self.transport = StrictTransport(self.client)
        self.client.makeConnection(self.transport)
        self.incoming = b""
        self.answered = 0
        """Number of whole answers that the server has sent."""
        self.spoilt = False
        """Whether the server has sent anything else."""
        self.sinks: list[Sink] = []
        self.outcomes: list[list[Any]] = []

    @precondition(lambda self: self.transport.disconnected)
    @rule(version=st.sampled_from([None, Version.V11]))
    def reconnect(self, version: Version | None) -> None:
        assert all(self.outcomes), "a request that never has an outcome"
        self.connect(version)

    @rule(limit=st.sampled_from([10**9, 10**9, 10**9, 5]))
    def ask(self, limit: int) -> None:
        sink, outcome = Sink(limit), list[Any]()
        self.sinks.append(sink)
        self.outcomes.append(outcome)
        self.client.request(GetFile(f"file {len(self.sinks)}"), sink).addBoth(outcome.append)

    @rule()
    def collect(self) -> None:
        outcome = list[Any]()
        self.sinks.append(Sink(10**9))
        self.outcomes.append(outcome)
        self.client.collect(GetIndex(), 10**6).addBoth(outcome.append)

    @precondition(lambda self: self.client.outstanding)
    @rule(version=versions, size=sizes, refused=rarely, count=st.sampled_from([1, 1, 3]), at_once=mostly)
    def answer(self, version: bytes, size: int, refused: bool, count: int, at_once: bool) -> None:
        for _ in range(min(count, self.client.outstanding)):
            status = b"100 FILE_NOT_FOUND" if refused else b"200 OK"
            body = b"<%d>" % self.answered + b"x" * min(size, 3000)
            self.incoming += b"%s P2P-CI/%s\nHost: h\nOS: o\nLength: %d\n\n%s" % (status, version, len(body), body)
            self.answered += 1
        self.spoilt = self.spoilt or version == b"1.0"  # all that follows is of the same body
        if at_once:
            self.deliver(10**6)

    @rule(data=garbage, really=rarely)
    def send_garbage(self, data: bytes, really: bool) -> None:
        if really:
            self.incoming += data
            self.spoilt = True

    @rule(size=sizes)
    def deliver(self, size: int) -> None:
        if self.transport.reads and self.incoming[:size]:
            data, self.incoming = self.incoming[:size], self.incoming[size:]
            self.client.dataReceived(data)
            self.transport.turn()

    @rule(why=st.sampled_from(["disk", "rate"]))
    def hold(self, why: str) -> None:
        self.client.hold(why)

    @rule(why=st.sampled_from(["disk", "rate"]))
    def release(self, why: str) -> None:
        self.client.release(why)

    @rule(seconds=seconds)
    def wait(self, seconds: int) -> None:
        self.pass_time(seconds)

    @rule(really=rarely)
    def close(self, really: bool) -> None:
        if really:
            self.client.close()

    @rule(really=rarely)
    def close_server_side(self, really: bool) -> None:
        if really and self.transport.reads:
            self.transport.receive_eof()

    @rule(really=rarely)
    def lose(self, really: bool) -> None:
        if really:
            self.transport.lose(error.ConnectionLost())

    @invariant()
    def each_request_has_at_most_one_outcome_in_order(self) -> None:
        if not hasattr(self, "client"):
            return
        fired = [len(outcome) for outcome in self.outcomes]
        assert fired == sorted(fired, reverse=True) and set(fired) <= {0, 1}
        assert self.client.outstanding == fired.count(0)
        for outcome in self.outcomes:
            assert not outcome or not isinstance(outcome[0], Failure) or outcome[0].check(FetchError)

    @invariant()
    def each_answer_goes_to_its_request(self) -> None:
        if not hasattr(self, "client") or self.spoilt:
            return
        for number, (sink, outcome) in enumerate(zip(self.sinks, self.outcomes, strict=True)):
            text = sink.body
            if outcome and isinstance(outcome[0], tuple):
                text = outcome[0][1]
            assert MARK.findall(text) in ([], [b"%d" % number])

    def teardown(self) -> None:
        super().teardown()
        if not hasattr(self, "client"):
            return
        for why in ("disk", "rate"):
            self.client.release(why)
        self.pass_time(LONG)
        assert all(self.outcomes), "a request that never has an outcome"
        self.client.close()
        late = list[Any]()
        self.client.request(GetIndex(), Sink(0)).addErrback(late.append)
        assert late and late[0].check(FetchError)
        self.transport.turn()
        assert self.transport.disconnected
        assert self.clock.getDelayedCalls() == []
        self.no_misuse()
        self.no_error_but_those_of_handlers()


TestServer = ServerMachine.TestCase
TestServer.settings = BOUNDED
TestClient = ClientMachine.TestCase
TestClient.settings = BOUNDED
