"""The client's connection, with servers that are well, old, slow, broken or hostile."""

from __future__ import annotations

import platform
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.net import client
from p2p_twisted.net.client import ClientConnection
from p2p_twisted.net.errors import LOST, FetchError, Garbled, Refused, Stalled, Unreachable
from p2p_twisted.net.receiving import Countdown
from p2p_twisted.swarm.errors import DiskFull
from p2p_twisted.wire.limits import MAX_HEAD_LINES, MAX_LINE
from p2p_twisted.wire.messages import GetFile, GetIndex, KeepAlive, Message, PQuery, Response, Version
from tests.support.peer_server import Transport

SHA = "ab" * 32
FILE = GetFile("rfc8446.txt.pdf", (5, 8), SHA)
OS_LINE = f"OS {platform.system()}\n".encode()
SERVER = b"Host: 10.0.0.2\nOS: Linux\n"


def v11(body: bytes, status: bytes = b"200 OK", headers: bytes = b"") -> bytes:
    """An answer of a 1.1 server."""
    return b"%s P2P-CI/1.1\n%sLength: %d\n%s\n%s" % (status, SERVER, len(body), headers, body)


def v10(body: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer of a 1.0 server."""
    return b"%s P2P-CI/1.0\n%s\n%s" % (status, SERVER, body)


class Recorder:
    """A sink that keeps what it is given, and raises `error` at the call `fails_at` (begin is 1, data 2 and on)."""

    def __init__(self, fails_at: int = 0, error: Exception | None = None) -> None:
        self.heads: list[Response] = []
        self.body = b""
        self._calls = 0
        self._fails_at, self._error = fails_at, error

    def _called(self) -> None:
        self._calls += 1
        if self._calls == self._fails_at:
            assert self._error is not None
            raise self._error

    def begin(self, response: Response) -> None:
        self._called()
        self.heads.append(response)

    def data(self, data: bytes) -> None:
        self._called()
        self.body += data


class Case(SynchronousTestCase):
    """`connect` makes a connection; `ask` keeps what its Deferred fires with in the list that it returns."""

    def setUp(self) -> None:
        self.clock = Clock()

    def connect(self, version: Version | None = None, host: str | None = None) -> ClientConnection:
        """A new connection to a server of that `version` (None: not known), and its transport."""
        self.connection = ClientConnection(self.clock, host, version)
        self.transport = Transport(IPv4Address("TCP", "10.0.0.1", 50000), IPv4Address("TCP", "10.0.0.2", 4394))
        self.connection.makeConnection(self.transport)
        return self.connection

    def ask(self, message: Message = GetIndex(), sink: Recorder | None = None) -> list[Any]:  # noqa: B008
        outcome: list[Any] = []
        self.connection.request(message, sink or Recorder()).addBoth(outcome.append)
        return outcome

    def receive(self, data: bytes) -> None:
        self.connection.dataReceived(data)

    def lose(self, reason: type[Exception] = ConnectionDone) -> None:
        self.connection.connectionLost(Failure(reason()))

    def assert_fails(self, outcome: list[Any], kind: type[Exception], text: str = "") -> Any:
        self.assertEqual(len(outcome), 1, "not fired, or more than once")
        self.assertIsInstance(outcome[0], Failure)
        error = outcome[0].value
        self.assertIs(type(error), kind, error)
        self.assertIn(text, str(error))
        return error


class Says(Case):
    """Requests: nothing that a 1.0 server does not know until the server has answered in 1.1."""

    BARE = b"GET FILE P2P_DI_1.1\nHost 10.0.0.1\n" + OS_LINE + b"\nrfc8446.txt\npdf\n"
    FULL = (
        b"GET FILE P2P_DI_1.1\nHost 10.0.0.1\n"
        + OS_LINE
        + b"SHA-256: %s\nRange: 5-8\nLength: 16\n\nrfc8446.txt\npdf\n" % SHA.encode()
    )

    def test_first_contact_has_no_headers(self) -> None:
        self.connect()
        self.ask(FILE)
        self.assertEqual(self.transport.received(), self.BARE)
        self.ask(FILE)  # nothing is known yet
        self.assertEqual(self.transport.received(), self.BARE)
        self.receive(v11(b""))
        self.ask(FILE)
        self.assertEqual(self.transport.received(), self.FULL)

    def test_first_contact_with_an_rs(self) -> None:
        self.connect()
        self.ask(PQuery(6, 4396, 10, ("10.0.0.9", 5)))
        bare = b"PQuery NULL P2P_DI_1.1\nHost 10.0.0.1\n" + OS_LINE
        self.assertEqual(self.transport.received(), bare + b"\ncookie:6\nport:4396\n")
        self.receive(v11(b""))
        self.ask(PQuery(6, 4396, 10, ("10.0.0.9", 5)))
        expected = bare + b"Limit: 10\nAfter: 10.0.0.9 5\nLength: 19\n\ncookie:6\nport:4396\n"
        self.assertEqual(self.transport.received(), expected)

    def test_a_server_that_is_known_to_speak_1_1(self) -> None:
        self.connect(Version.V11)
        self.ask(FILE)
        self.assertEqual(self.transport.received(), self.FULL)

    def test_a_host_of_its_own(self) -> None:
        self.connect(host="peer.example.org")
        self.ask(KeepAlive(4, 4394))
        expected = b"KeepAlive NULL P2P_DI_1.1\nHost peer.example.org\n" + OS_LINE + b"\ncookie:4\nport:4394\n"
        self.assertEqual(self.transport.received(), expected)


class Understands(Case):
    """Responses go to their requests, in order."""

    def test_answers_in_the_order_of_the_asks(self) -> None:
        self.connect()
        sinks = [Recorder() for _ in range(3)]
        outcomes = [self.ask(FILE, sink) for sink in sinks]
        self.assertEqual(self.connection.outstanding, 3)
        self.receive(v11(b"first", headers=b"Size: 9\nRange: 0-4\n") + v11(b"") + v11(b"200 OK P2P-CI/1.1\n\n"))
        self.assertEqual([sink.body for sink in sinks], [b"first", b"", b"200 OK P2P-CI/1.1\n\n"])
        self.assertEqual([[outcome[0]] for outcome in outcomes], [sink.heads for sink in sinks])
        self.assertEqual((outcomes[0][0].size, outcomes[0][0].byte_range), (9, (0, 4)))
        self.assertEqual(self.connection.outstanding, 0)
        self.assertTrue(self.connection.usable)
        self.assertFalse(self.transport.aborted)

    def test_fires_when_the_body_is_complete_and_not_before(self) -> None:
        self.connect()
        sink = Recorder()
        outcome = self.ask(FILE, sink)
        self.receive(v11(b"body")[:-1])
        self.assertEqual((outcome, sink.body), ([], b"bod"))
        self.receive(b"y")
        self.assertEqual(len(outcome), 1)

    def test_asked_again_from_within_an_answer(self) -> None:
        connection = self.connect()
        outcome: list[Any] = []
        first = connection.collect(GetIndex(), 100)
        first.addCallback(lambda _: connection.collect(GetIndex(), 100)).addCallback(outcome.append)
        self.receive(v11(b"one") + v11(b"two"))
        self.assertEqual(outcome[0][1], b"two")

    def test_closed_from_within_an_answer(self) -> None:
        connection = self.connect()
        connection.collect(GetIndex(), 100).addCallback(lambda _: connection.close())
        later = self.ask()
        self.receive(v11(b"one") + v11(b"two"))
        self.assert_fails(later, Unreachable, "closed by this side")
        self.assertTrue(self.transport.aborted)

    def test_a_1_0_server_ends_a_body_by_closing(self) -> None:
        connection = self.connect()
        sink = Recorder()
        outcome = self.ask(FILE, sink)
        self.receive(v10(b"bytes"))
        self.assertEqual(outcome, [])
        self.assertFalse(connection.usable)
        self.receive(b" and\n\nmore")
        self.lose()
        self.assertEqual((outcome, sink.body), (sink.heads, b"bytes and\n\nmore"))
        self.assertEqual((outcome[0].version, outcome[0].length), (Version.V10, None))

    def test_a_1_0_body_cut_off_by_a_reset_is_not_complete(self) -> None:
        self.connect()
        outcome = self.ask(FILE)
        self.receive(v10(b"bytes"))
        self.lose(ConnectionLost)
        self.assert_fails(outcome, Unreachable)

    def test_a_1_0_head_cut_off(self) -> None:
        self.connect()
        outcome = self.ask(FILE)
        self.receive(v10(b"")[:-1])
        self.lose()
        self.assert_fails(outcome, Unreachable)

    def test_a_1_0_refusal(self) -> None:
        self.connect()
        sink = Recorder()
        outcome = self.ask(FILE, sink)
        self.receive(v10(b"no such document here\n", b"100 FILE_NOT_FOUND"))
        self.lose()
        error = self.assert_fails(outcome, Refused, "100: no such document here")
        self.assertEqual((error.status, error.reason), (Refused.NOT_FOUND, "no such document here"))
        self.assertEqual((sink.heads, sink.body), ([], b""))

    def test_a_1_1_refusal_concerns_one_request(self) -> None:
        self.connect()
        refused, sink = self.ask(FILE), Recorder()
        granted = self.ask(FILE, sink)
        self.receive(v11(b"who are you?\nnever mind\n", b"403 FORBIDDEN") + v11(b"data"))
        error = self.assert_fails(refused, Refused)
        self.assertEqual((error.status, error.reason), (Refused.FORBIDDEN, "who are you?"))
        self.assertEqual((len(granted), sink.body), (1, b"data"))
        self.assertTrue(self.connection.usable)

    def test_the_reason_of_a_refusal_is_fit_to_be_shown(self) -> None:
        self.connect()
        outcome = self.ask(FILE)
        self.receive(v11(b"\x1b[31mred\x07\xff\xe2\x80\xa8x\n", b"300 BAD_REQUEST"))
        self.assertEqual(self.assert_fails(outcome, Refused).reason, "[31mred\N{REPLACEMENT CHARACTER}x")

    def test_collect(self) -> None:
        connection = self.connect()
        outcome: list[Any] = []
        connection.collect(GetIndex(), 4).addCallback(outcome.append)
        self.receive(v11(b"body"))
        self.assertEqual((outcome[0][0].length, outcome[0][1]), (4, b"body"))

    def test_an_ask_that_is_cancelled_keeps_its_place(self) -> None:
        connection = self.connect()
        cancelled = connection.collect(GetIndex(), 10)
        sink = Recorder()
        outcome = self.ask(FILE, sink)
        cancelled.addErrback(lambda failure: None)
        cancelled.cancel()
        self.receive(v11(b"not mine") + v11(b"mine"))
        self.assertEqual((len(outcome), sink.body), (1, b"mine"))

    @settings(max_examples=200, deadline=None)
    @given(cuts=st.lists(st.integers(0, 1000), max_size=12), crlf=st.booleans())
    def test_it_does_not_matter_how_the_bytes_are_cut(self, cuts: list[int], crlf: bool) -> None:
        self.setUp()
        self.connect()
        sinks = [Recorder() for _ in range(4)]
        outcomes = [self.ask(FILE, sink) for sink in sinks]
        head = v11(b"")
        stream = b"".join(
            [
                v11(b"one\n\n200 OK"),
                v11(b"gone\n", b"100 FILE_NOT_FOUND"),
                head.replace(b"\n", b"\r\n") if crlf else head,
                v11(b"last\r\n"),
            ]
        )
        ends = sorted({min(cut, len(stream)) for cut in cuts} | {len(stream)})
        for start, end in zip([0, *ends], ends, strict=False):
            self.receive(stream[start:end])
        self.assertEqual([sink.body for sink in sinks], [b"one\n\n200 OK", b"", b"", b"last\r\n"])
        self.assertEqual([len(outcome) for outcome in outcomes], [1] * 4)
        self.assert_fails(outcomes[1], Refused, "100: gone")
        self.assertFalse(self.transport.aborted)

    @settings(max_examples=50, deadline=None)
    @given(cuts=st.lists(st.integers(0, 100), max_size=12))
    def test_nor_for_a_1_0_server(self, cuts: list[int]) -> None:
        self.setUp()
        self.connect()
        sink, stream = Recorder(), v10(b"all of\nit")
        outcome = self.ask(FILE, sink)
        ends = sorted({min(cut, len(stream)) for cut in cuts} | {len(stream)})
        for start, end in zip([0, *ends], ends, strict=False):
            self.receive(stream[start:end])
        self.lose()
        self.assertEqual((len(outcome), sink.body), (1, b"all of\nit"))


class Ends(Case):
    """Every outstanding ask fails when the connection does, and none is forgotten."""

    def test_a_server_that_closes_without_an_answer(self) -> None:
        hint = f"{LOST} before any answer; if the other end speaks TLS, use --tls DIR"
        for error, version, text in [
            (ConnectionDone, None, hint),
            (ConnectionDone, Version.V11, LOST),  # it has answered over another connection
            (ConnectionLost, None, LOST),
        ]:
            self.connect(version=version)
            outcome = self.ask()
            self.lose(error)
            self.assertEqual(str(self.assert_fails(outcome, Unreachable)), text)

    def test_a_lost_connection(self) -> None:
        self.connect()
        outcomes = [self.ask() for _ in range(3)]
        self.receive(v11(b"one") + v11(b"two")[:-1])
        self.lose(ConnectionLost)
        self.assertEqual(len(outcomes[0]), 1)
        for outcome in outcomes[1:]:
            self.assert_fails(outcome, Unreachable, "the connection was lost")
        self.assertFalse(self.connection.usable)
        self.assert_fails(self.ask(), Unreachable)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_closing(self) -> None:
        connection = self.connect()
        outcome = self.ask()
        connection.close()
        self.assert_fails(outcome, Unreachable, "closed by this side")
        self.assertTrue(self.transport.aborted)
        self.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_silence(self) -> None:
        self.connect()
        outcomes = [self.ask(), self.ask()]
        self.clock.pump([1] * (client.STALL_TIMEOUT - 1))
        self.assertEqual(outcomes, [[], []])
        self.clock.advance(1)
        for outcome in outcomes:
            self.assert_fails(outcome, Stalled)
        self.assertTrue(self.transport.aborted)

    def test_the_timeout_starts_with_the_request_and_not_with_the_connection(self) -> None:
        self.connect()
        first = self.ask()
        self.receive(v11(b""))
        self.clock.pump([1] * 10 * client.STALL_TIMEOUT)
        self.assertEqual(len(first), 1)
        second = self.ask()
        self.clock.pump([1] * (client.STALL_TIMEOUT - 1))
        self.assertEqual(second, [])
        self.clock.advance(1)
        self.assert_fails(second, Stalled)

    def test_a_slow_but_steady_body_is_waited_for(self) -> None:
        self.connect()
        outcome = self.ask()
        blocks = 20
        self.receive(v11(b"x" * client.MIN_PROGRESS * blocks)[: -client.MIN_PROGRESS * blocks])
        for _ in range(blocks):
            self.clock.pump([1] * (client.STALL_TIMEOUT - 1))
            self.assertEqual(outcome, [])
            self.receive(b"x" * client.MIN_PROGRESS)
        self.assertEqual(len(outcome), 1)

    def test_answers_are_progress_however_short(self) -> None:
        self.connect()
        outcomes = [self.ask() for _ in range(10)]
        for _ in outcomes:
            self.clock.pump([1] * (client.STALL_TIMEOUT - 1))
            self.receive(v11(b""))
        self.assertEqual([len(outcome) for outcome in outcomes], [1] * 10)

    def test_a_byte_now_and_then_is_not(self) -> None:
        self.connect()
        outcome = self.ask()
        for _ in range(client.STALL_TIMEOUT):
            self.receive(b"2")
            self.clock.advance(1)
        self.assert_fails(outcome, Stalled)

    def test_a_collected_body_must_arrive_in_time(self) -> None:
        connection = self.connect()
        outcome: list[Any] = []
        connection.collect(GetIndex(), 2**30).addBoth(outcome.append)
        self.receive(v11(b"x" * 2**20)[: -(2**20)].replace(b"1048576", b"1073741824"))
        for _ in range(client.COLLECT_TIMEOUT):
            self.assertEqual(outcome, [])
            self.receive(b"x" * client.MIN_PROGRESS)
            self.clock.advance(1)
        self.assert_fails(outcome, Stalled)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_time_in_which_this_process_was_stopped_does_not_count(self) -> None:
        """The clock has gone on when it goes on, and what has come meanwhile is read after that."""
        connection = self.connect()
        outcomes: list[list[Any]] = [self.ask(), []]
        connection.collect(GetIndex(), 10).addBoth(outcomes[1].append)
        self.clock.pump([1] * (client.STALL_TIMEOUT - 2))
        self.clock.advance(10 * client.COLLECT_TIMEOUT)
        self.assertEqual(outcomes, [[], []])
        self.receive(v11(b"") + v11(b""))
        self.assertEqual([len(outcome) for outcome in outcomes], [1, 1])
        self.assertFalse(self.transport.aborted)
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_requests_one_after_the_other_need_one_delayed_call(self) -> None:
        """To make and cancel one for each would take longer than to read the answer."""
        self.connect()
        calls = set()
        for _ in range(10):
            self.ask()
            calls |= set(self.clock.getDelayedCalls())
            self.receive(v11(b""))
        self.assertEqual(len(calls), 1)

    def test_countdowns_tick_together(self) -> None:
        """So that a hundred connections wake the reactor as often as one does."""
        for late in (0.1, 0.3, 0.4):
            self.clock.advance(late)
            Countdown(self.clock, lambda: None).start(2)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_a_countdown_that_another_stops_when_it_expires_does_not(self) -> None:
        expired: list[int] = []

        def expire(number: int) -> None:
            expired.append(number)
            countdowns[1 - number].stop()

        countdowns = [Countdown(self.clock, partial(expire, number)) for number in (0, 1)]
        for countdown in countdowns:
            countdown.start(1)
        self.clock.advance(1)
        self.assertEqual((len(expired), self.clock.getDelayedCalls()), (1, []))

    def test_a_countdown_may_start_again_when_it_expires(self) -> None:
        expired: list[float] = []

        def expire() -> None:
            expired.append(self.clock.seconds())
            countdown.start(2)

        countdown = Countdown(self.clock, expire)
        countdown.start(1)
        self.clock.pump([1] * 5)
        self.assertEqual(expired, [1, 3, 5])

    def test_stopped_and_then_nothing_comes(self) -> None:
        self.connect()
        outcome = self.ask()
        self.clock.advance(10 * client.STALL_TIMEOUT)
        self.clock.pump([1] * (client.STALL_TIMEOUT - 2))
        self.assertEqual(outcome, [])
        self.clock.advance(1)
        self.assert_fails(outcome, Stalled)

    def test_nothing_is_left_to_do_after_a_collect(self) -> None:
        connection = self.connect()
        connection.collect(GetIndex(), 10)
        self.receive(v11(b"x"))
        connection.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_sink_that_has_enough(self) -> None:
        for call, data in ((1, b""), (2, b"abc"), (3, b"abc")):
            self.connect()
            error = DiskFull("no room for it")
            outcome = self.ask(FILE, Recorder(call, error))
            other = self.ask(FILE)
            self.receive(v11(b"abcdef")[:-6] + data)
            if call == 3:
                self.receive(b"def")
            self.assertIs(self.assert_fails(outcome, DiskFull), error)
            self.assert_fails(other, Unreachable, "because of another answer: no room for it")
            self.assertTrue(self.transport.aborted)

    def test_a_sink_that_closes_the_connection(self) -> None:
        connection = self.connect()

        class Closing(Recorder):
            def data(self, data: bytes) -> None:
                connection.close()

        outcome = self.ask(FILE, Closing())
        self.receive(v11(b"abc") + v11(b"def"))
        self.assert_fails(outcome, Unreachable, "closed by this side")

    def test_nothing_of_what_comes_after_the_end_is_looked_at(self) -> None:
        self.connect()
        sink = Recorder(2, DiskFull("no room for it"))
        self.ask(FILE, sink)
        self.receive(v11(b"abc")[:-2])
        self.receive(b"bc" + v11(b"more"))
        self.assertEqual(sink.body, b"")


class Hostile(Case):
    """Anything but a response to a request is Garbled, and the connection is aborted."""

    HEAD = v11(b"")[:-1]
    ANSWERS = {
        "no status line": b"hello\n\n",
        "an HTTP answer": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        "an SMTP greeting": b"220 mail.example.org ESMTP\r\n\r\n",
        "an empty first line": b"\n",
        "an unknown status": b"500 OOPS P2P-CI/1.1\nLength: 0\n\n",
        "a newer version": b"200 OK P2P-CI/2.0\nLength: 0\n\n",
        "bytes": bytes(range(256)) + b"\n\n",
        "no length": b"200 OK P2P-CI/1.1\n" + SERVER + b"\n",
        "a negative length": HEAD.replace(b"Length: 0", b"Length: -1") + b"\n",
        "a length in other digits": HEAD.replace(b"Length: 0", "Length: ٤".encode()) + b"\n",
        "a length with a sign": HEAD.replace(b"Length: 0", b"Length: +1") + b"\n",
        "a huge length": HEAD.replace(b"Length: 0", b"Length: " + b"9" * 30) + b"\n",
        "two lengths": HEAD + b"Length: 0\n\n",
        "a range of another length": HEAD + b"Range: 0-9\n\n",
        "a hash that is none": HEAD + b"SHA-256: " + b"z" * 64 + b"\n\n",
        "a long line without an end": b"200 " + b"x" * (MAX_LINE + 1),
        "a long line": b"200 " + b"x" * MAX_LINE + b"\n",
        "an endless head": b"200 OK P2P-CI/1.1\n" + b"".join(b"H%d: x\n" % n for n in range(MAX_HEAD_LINES + 1)),
        "a big head": b"200 OK P2P-CI/1.1\n" + (b"X" * 60 + b": " + b"x" * 8000 + b"\n") * 3,
        "a refusal that does not end": v11(b"x" * 5000, b"403 FORBIDDEN"),
        "more than was promised": v11(b"body") + b"and more\n",
        "an answer too many": v11(b"") + v11(b""),
    }

    def test_invalid_responses_fail(self) -> None:
        for what, data in self.ANSWERS.items():
            for step in (len(data), 100):
                self.connect()
                outcomes = [self.ask()]
                for start in range(0, len(data), step):
                    self.receive(data[start : start + step])
                if what.startswith(("more than", "an answer too")):
                    self.assertEqual(len(outcomes.pop()), 1, what)
                self.assertTrue(self.transport.aborted, what)
                for outcome in [*outcomes, self.ask()]:
                    self.assert_fails(outcome, Garbled)
                self.lose(ConnectionLost)
                self.assertEqual(self.clock.getDelayedCalls(), [], what)

    def test_a_refusal_in_1_0_that_does_not_end(self) -> None:
        self.connect()
        outcome = self.ask()
        self.receive(v10(b"x" * 4000, b"403 FORBIDDEN"))
        self.assertEqual(outcome, [])
        self.receive(b"x" * 4000)
        self.assert_fails(outcome, Garbled)

    def test_more_than_is_collected(self) -> None:
        for head, body in ((v11(b"12345")[:-5], b""), (v10(b""), b"12345")):
            connection = self.connect()
            outcome: list[Any] = []
            connection.collect(GetIndex(), 4).addBoth(outcome.append)
            self.receive(head + body)
            self.assert_fails(outcome, Garbled, "the 4")
            self.assertTrue(self.transport.aborted)

    def test_it_speaks_before_it_is_asked(self) -> None:
        self.connect()
        self.receive(v11(b"surprise"))
        self.assertTrue(self.transport.aborted)
        self.assert_fails(self.ask(), Garbled)

    def test_many_lines_at_once_cost_little(self) -> None:
        """After the first line that is wrong, the rest is not even parted into lines."""
        self.connect()
        self.ask()
        parted: list[bytes] = []
        handle = self.connection.lineReceived

        def note(line: bytes) -> None:
            parted.append(line)
            handle(line)

        self.connection.lineReceived = note
        self.receive(b"\n" * 65536)
        self.assertEqual(parted, [b""])

    @settings(max_examples=200, deadline=None)
    @given(data=st.lists(st.one_of(st.binary(max_size=80), st.sampled_from([v11(b"x"), v10(b"y"), b"\n", b"200 OK "]))))
    def test_anything_at_all(self, data: list[bytes]) -> None:
        """No bytes raise; each ask is answered once, by the end of the connection at the latest."""
        self.setUp()
        self.connect()
        outcomes = [self.ask(), self.ask()]
        for part in data:
            self.receive(part)
        self.lose(ConnectionLost)
        for outcome in outcomes:
            self.assertEqual(len(outcome), 1)
            if isinstance(outcome[0], Failure):
                self.assertIsInstance(outcome[0].value, FetchError)
