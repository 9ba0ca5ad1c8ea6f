"""Ranges sent to a connection, added up to one event for each file."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import TransferServed
from p2p_twisted.net.caller import Caller
from p2p_twisted.peer.serving.uploads import IDLE_TIMEOUT, MAX_FILES, Uploads


class Connection:
    def __init__(self, port: int) -> None:
        self.caller = Caller(("192.0.2.7", port))
        self.sending = 0


class AddingUp(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        publisher = Publisher()
        self.events: list[TransferServed] = []
        publisher.subscribe(TransferServed, self.events.append)
        self.uploads = Uploads(self.clock, lambda sha256, reader: f"{sha256}.txt", publisher)
        self.client, self.other = Connection(1234), Connection(1235)

    def send(
        self, sha256: str, size: int, seconds: float = 0.0, complete: bool = True, to: Connection | None = None
    ) -> None:
        """Send a range of `size` bytes in that time."""
        connection = to or self.client
        started = self.clock.seconds()
        connection.sending += 1
        self.clock.advance(seconds)
        connection.sending -= 1
        self.uploads.add(connection, sha256, size, started, complete)

    def event(self, sha256: str, size: int, seconds: float, complete: bool = True) -> TransferServed:
        return TransferServed(("192.0.2.7", 1234), f"{sha256}.txt", sha256, size, seconds, complete)

    def test_pieces_are_one_event_once_the_connection_is_idle(self) -> None:
        for _ in range(128):
            self.send("a", 50, 1 / 64)
        self.clock.advance(IDLE_TIMEOUT / 2)
        self.assertEqual(self.events, [])
        self.clock.advance(IDLE_TIMEOUT / 2)
        self.clock.advance(IDLE_TIMEOUT)
        self.assertEqual(self.events, [self.event("a", 6400, 2.0)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_was_sent_to_each_host(self) -> None:
        self.assertEqual(self.uploads.by_host(), {})
        self.send("a", 5)
        self.assertEqual(self.uploads.by_host(), {"192.0.2.7": 5})
        self.uploads.close(self.client)
        self.send("b", 7, to=self.other)
        self.assertEqual(self.uploads.by_host(), {"192.0.2.7": 12})

    def test_a_connection_that_ends_is_one_event_for_each_file(self) -> None:
        self.send("a", 1)
        self.send("b", 2, 1.0)
        self.send("c", 3, to=self.other)
        self.uploads.close(self.client)
        self.assertEqual(self.events, [self.event("a", 1, 0.0), self.event("b", 2, 1.0)])
        self.uploads.close(self.other)
        self.assertEqual((len(self.events), self.clock.getDelayedCalls()), (3, []))

    def test_a_slow_answer_is_not_idle(self) -> None:
        self.send("a", 7)
        self.client.sending += 1
        self.clock.pump([IDLE_TIMEOUT] * 10)
        self.assertEqual(self.events, [])
        self.client.sending -= 1
        self.uploads.add(self.client, "a", 7, 0.0, True)
        self.clock.pump([IDLE_TIMEOUT] * 2)
        self.assertEqual(self.events, [self.event("a", 14, 50.0)])

    def test_a_range_that_was_cut_short(self) -> None:
        self.send("a", 5)
        self.send("a", 5, complete=False)
        self.uploads.close(self.client)
        self.assertEqual(self.events, [self.event("a", 10, 0.0, complete=False)])

    def test_a_client_that_requests_everything_costs_bounded_memory(self) -> None:
        for number in range(MAX_FILES + 2):
            self.send(str(number), 1)
        self.assertEqual([event.name for event in self.events], ["0.txt", "1.txt"])
