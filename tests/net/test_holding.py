"""A connection whose data is taken slowly: nothing is looked at meanwhile, and nothing is lost."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost

from p2p_twisted.net.client import STALL_TIMEOUT
from p2p_twisted.net.errors import Garbled, Stalled, Unreachable
from p2p_twisted.wire.messages import GetIndex, Response, Version
from tests.net.test_client import FILE, Case, Recorder, v10, v11


class Slow(Recorder):
    """A sink that is ready for more when the last of its Deferreds fires."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Deferred[None]] = []

    def data(self, data: bytes) -> Any:
        super().data(data)
        self.waiting.append(Deferred())
        return self.waiting[-1]


class Holding(Case):
    def setUp(self) -> None:
        super().setUp()
        self.connect(Version.V11)
        self.sink = Slow()

    @property
    def is_read(self) -> bool:
        return bool(self.transport.producerState == "producing")

    def ready(self) -> None:
        self.sink.waiting.pop().callback(None)

    def test_it_is_not_read_while_the_sink_is_busy(self) -> None:
        outcome = self.ask(FILE, self.sink)
        self.receive(v11(b"abcd")[:-2])
        self.assertFalse(self.is_read)
        self.receive(b"cd")  # it was on its way
        self.assertEqual(self.sink.body, b"ab")
        self.ready()
        self.assertEqual((self.sink.body, self.is_read, outcome), (b"abcd", False, []))
        self.ready()
        self.assertEqual((self.is_read, len(outcome)), (True, 1))

    def test_the_next_answer_waits(self) -> None:
        outcomes = [self.ask(FILE, self.sink), self.ask(FILE)]
        self.receive(v11(b"one") + v11(b"two"))
        self.assertEqual([len(outcome) for outcome in outcomes], [0, 0])
        self.ready()
        self.assertEqual([len(outcome) for outcome in outcomes], [1, 1])

    def test_other_reasons_to_hold_it_stay(self) -> None:
        self.ask(FILE, self.sink)
        self.connection.hold("rate")
        self.receive(v11(b"one"))
        self.ready()
        self.assertFalse(self.is_read)
        self.connection.release("rate")
        self.assertTrue(self.is_read)

    def test_a_body_of_1_0_whose_end_comes_meanwhile(self) -> None:
        self.connect()
        outcome = self.ask(FILE, self.sink)
        self.receive(v10(b"ab"))
        self.receive(b"cd")
        self.lose(ConnectionDone)
        self.assertEqual((self.sink.body, outcome), (b"ab", []))
        self.ready()
        self.assertEqual((self.sink.body, outcome), (b"abcd", []))
        self.ready()
        self.assertEqual(len(outcome), 1)
        self.assertTrue(self.connection.is_closed_by_server)

    def test_a_connection_that_breaks_meanwhile(self) -> None:
        outcome = self.ask(FILE, self.sink)
        self.receive(v11(b"abcd")[:-2])
        self.lose(ConnectionLost)
        self.assert_fails(outcome, Unreachable)
        self.ready()
        self.assertEqual(self.sink.body, b"ab")

    def test_the_server_has_not_stalled_while_the_sink_is_busy(self) -> None:
        outcome = self.ask(FILE, self.sink)
        self.receive(v11(b"abcd")[:-2])
        self.clock.pump([1] * 3 * STALL_TIMEOUT)
        self.assertEqual(outcome, [])
        self.ready()
        self.clock.pump([1] * (STALL_TIMEOUT + 1))
        self.assert_fails(outcome, Stalled)

    def test_a_sink_that_rejects_later(self) -> None:
        error = Garbled("no such thing")
        outcome, other = self.ask(FILE, self.sink), self.ask(FILE)
        self.receive(v11(b"abcd"))
        self.sink.waiting.pop().errback(error)
        self.assertIs(self.assert_fails(outcome, Garbled), error)
        self.assert_fails(other, Unreachable)
        self.assertTrue(self.transport.aborted)

    def test_a_follower_takes_one_answer_at_a_time(self) -> None:
        heads: list[Response] = []
        waiting: list[Deferred[None]] = []

        def on_response(head: Response) -> Deferred[None]:
            heads.append(head)
            waiting.append(Deferred())
            return waiting[-1]

        self.connection.follow(GetIndex("0", follow=True), Recorder(), on_response).addErrback(lambda _: None)
        self.receive(v11(b"") * 3)
        for count in (1, 2, 3):
            self.assertEqual((len(heads), self.is_read), (count, False))
            waiting.pop().callback(None)
        self.assertTrue(self.is_read)
        self.connection.close()


class AtOnce(Case):
    """Long answers that come in one read are taken one after the other, whole."""

    def test_none_waits(self) -> None:
        bodies = [bytes([number]) * 20_000 for number in range(5)]
        self.connect(Version.V11)
        sinks = [Recorder() for _ in bodies]
        for sink in sinks:
            self.connection.request(FILE, sink)
        data = b"".join(map(v11, bodies))
        for start, end in ((0, 30_000), (30_000, 30_010), (30_010, len(data))):
            self.receive(data[start:end])
        self.assertEqual([sink.body for sink in sinks], bodies)

    def test_the_first_is_waited_for(self) -> None:
        self.connect(Version.V11)
        slow, other = Slow(), Recorder()
        self.connection.request(FILE, slow)
        self.connection.request(FILE, other)
        self.receive(v11(b"a" * 20_000) + v11(b"b" * 20_000))
        self.assertEqual((slow.body, other.body), (b"a" * 20_000, b""))
        slow.waiting.pop().callback(None)
        self.assertEqual(other.body, b"b" * 20_000)
