"""``GET events``: the events of a peer as a stream, on a virtual clock and without a network."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.events import types
from p2p_twisted.events.history import MAX_EVENTS
from p2p_twisted.events.publisher import Publisher
from p2p_twisted.web.api.events import PROGRESS_INTERVAL, PeerEventLog
from p2p_twisted.web.api.peer import peer_root
from p2p_twisted.web.api.schema import Settings
from p2p_twisted.web.http.access import Access
from p2p_twisted.web.http.site import ControlSite
from p2p_twisted.web.sse import SEND_INTERVAL
from tests.support.fake_facades import FakePeer
from tests.support.http_client import KEY, parse

SOURCE = ("127.0.0.1", 65402)
SHA256 = "ab" * 32
SEEN = types.PeerSeen(SOURCE)
Received = tuple[int, str, dict[str, Any]]


class EventsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, self.events = Clock(), Publisher()
        self.log = PeerEventLog(self.events, self.clock)
        self.site = ControlSite(peer_root(FakePeer(), Settings([]), self.log), Access(KEY), self.clock)

    def read(self, query: str = "", extra: str = "", host: str = "localhost") -> StringTransport:
        """Connect a reader; return what it receives."""
        channel, transport = self.site.buildProtocol(None), StringTransport()
        channel.makeConnection(transport)
        channel.dataReceived(f"GET /api/v1/events{query} HTTP/1.1\r\nHost: {host}\r\n{extra}\r\n".encode())
        return transport

    def received(self, reader: StringTransport) -> list[Received]:
        self.clock.advance(SEND_INTERVAL)
        return received(reader)

    def test_changes_of_indexes_are_told_together(self) -> None:
        self.events.publish(types.IndexReceived(SOURCE))  # nobody reads yet
        reader = self.read()
        for _ in range(3):
            self.events.publish(types.IndexChanged(SOURCE, ()))
        self.events.publish(types.IndexReceived(("10.0.0.1", 5)))
        self.clock.advance(PROGRESS_INTERVAL)
        told = [(name, data) for _, name, data in self.received(reader)]
        self.assertEqual(told, [("index-updated", {"peers": ["10.0.0.1:5", "127.0.0.1:65402"]})])

    def test_only_events_from_now_on(self) -> None:
        self.events.publish(SEEN)
        reader = self.read()
        self.assertEqual(parse(reader.value()).headers["Content-Type"], "text/event-stream")
        self.assertEqual(self.received(reader), [])
        self.events.publish(types.PeerGone(SOURCE))
        self.assertEqual([event[1:] for event in self.received(reader)], [("peer-gone", {"peer": "127.0.0.1:65402"})])

    def test_the_fields_of_an_event(self) -> None:
        reader = self.read()
        self.events.publish(types.DownloadStarted("1", ("a.txt",), Path("/srv/new")))
        self.events.publish(types.DownloadStarted("2", None, Path("/srv/new")))
        self.events.publish(types.DownloadEnded("1", "failed", "no-holder", "no peer has a.txt"))
        self.assertEqual(
            [event[1:] for event in self.received(reader)],
            [
                ("download-started", {"download": "1", "names": ["a.txt"], "directory": "/srv/new"}),
                ("download-started", {"download": "2", "names": None, "directory": "/srv/new"}),
                (
                    "download-ended",
                    {"download": "1", "state": "failed", "kind": "no-holder", "text": "no peer has a.txt"},
                ),
            ],
        )

    def test_addresses_in_a_list(self) -> None:
        reader = self.read()
        for sources in ((), (SOURCE, ("192.0.2.7", 1))):
            self.events.publish(types.FileEnded("1", "a.txt", "done", size=5, sources=sources))
        self.assertEqual(
            [event[2]["sources"] for event in self.received(reader)], [[], ["127.0.0.1:65402", "192.0.2.7:1"]]
        )

    def test_a_reader_that_comes_back(self) -> None:
        first = self.read()
        for _ in range(3):
            self.events.publish(SEEN)
        numbers = [number for number, _, _ in self.received(first)]
        self.assertEqual(numbers, [numbers[0], numbers[0] + 1, numbers[0] + 2])
        for again in (
            self.read(extra=f"Last-Event-ID: {numbers[0]}\r\n"),
            self.read(f"?since={numbers[0]}"),
            self.read("?since=0", extra=f"Last-Event-ID: {numbers[0]}\r\n"),
        ):
            self.assertEqual([number for number, _, _ in self.received(again)], numbers[1:])

    def test_a_reader_that_is_too_far_behind_gets_a_reset(self) -> None:
        first = self.read()
        for _ in range(2 * MAX_EVENTS):
            self.events.publish(SEEN)
        number = self.received(first)[0][0]
        events = self.received(self.read(f"?since={number}"))
        self.assertEqual(events[0][1:], ("reset", {}))
        self.assertEqual([after - before for (before, *_), (after, *_) in pairwise(events)], [1] * (len(events) - 1))
        self.assertEqual({kind for _, kind, _ in events[1:]}, {"peer-seen"})
        self.assertEqual(events[-1][0], self.received(first)[-1][0])

    def test_a_number_of_another_run_is_a_reset(self) -> None:
        self.events.publish(SEEN)
        for number in 1, 2**60:
            self.assertEqual(
                [kind for _, kind, _ in self.received(self.read(f"?since={number}"))], ["reset", "peer-seen"]
            )

    def test_a_slow_reader_that_was_overtaken(self) -> None:
        reader = self.read()
        producer(reader).pauseProducing()
        for _ in range(2 * MAX_EVENTS):
            self.events.publish(SEEN)
        self.assertEqual(self.received(reader), [])
        producer(reader).resumeProducing()
        self.assertEqual([kind for _, kind, _ in self.received(reader)][:2], ["reset", "peer-seen"])

    def test_the_events_of_one_download(self) -> None:
        reader = self.read("?download=1")
        for download in "1", "2":
            self.events.publish(types.FileStarted(download, "a.txt"))
        self.events.publish(SEEN)
        self.assertEqual(
            [event[1:] for event in self.received(reader)], [("file-started", {"download": "1", "name": "a.txt"})]
        )

    def test_the_events_of_some_types(self) -> None:
        reader = self.read("?types=peer-seen,download-ended&download=1")
        other = self.read("?types=peer-seen,peer-gone")
        for event in (SEEN, types.PeerGone(SOURCE), types.FileStarted("1", "a.txt"), types.DownloadEnded("1", "done")):
            self.events.publish(event)
        self.assertEqual([kind for _, kind, _ in self.received(reader)], ["download-ended"])
        self.assertEqual([kind for _, kind, _ in self.received(other)], ["peer-seen", "peer-gone"])

    def test_events_are_written_together(self) -> None:
        reader = self.read()
        before = len(reader.value())
        for _ in range(10):
            self.events.publish(SEEN)
        self.assertEqual(len(reader.value()), before)
        self.clock.advance(0)
        self.assertEqual((len(received(reader)), self.clock.getDelayedCalls()[1:]), (10, []))

    def test_events_are_written_at_intervals(self) -> None:
        reader = self.read()
        counts = []
        for _ in range(3):
            self.events.publish(SEEN)
            self.clock.advance(SEND_INTERVAL / 2)
            counts.append(len(received(reader)))
        self.assertEqual(counts, [1, 1, 3])

    def test_progress_is_added_up(self) -> None:
        reader = self.read()
        for piece in range(1000):
            self.events.publish(types.FileProgress("1", "a.txt", 10, SOURCE))
            self.events.publish(types.PieceVerified(SHA256, piece, 10, SOURCE, False))
            self.clock.advance(PROGRESS_INTERVAL / 100)
        self.clock.advance(PROGRESS_INTERVAL)
        events = self.received(reader)
        progress = [data for _, kind, data in events if kind == "file-progress"]
        self.assertTrue(10 <= len(progress) <= 11)
        self.assertEqual(sum(one["sources"]["127.0.0.1:65402"] for one in progress), 10_000)
        pieces = [data["sources"]["127.0.0.1:65402"] for _, kind, data in events if kind == "pieces-verified"]
        self.assertEqual([piece for some in pieces for piece in some], list(range(1000)))

    def test_the_end_of_a_file_is_behind_its_progress(self) -> None:
        reader = self.read()
        self.events.publish(types.FileProgress("1", "a.txt", 10, SOURCE))
        self.events.publish(types.FileProgress("1", "b.txt", 20, SOURCE))
        self.events.publish(types.FileEnded("1", "a.txt", "done"))
        self.events.publish(types.DownloadEnded("1", "done"))
        names = [(kind, data.get("name")) for _, kind, data in self.received(reader)]
        expected = [("file-progress", "a.txt"), ("file-ended", "a.txt"), ("file-progress", "b.txt")]
        self.assertEqual(names, [*expected, ("download-ended", None)])
        self.clock.advance(1)
        self.assertEqual(len(self.received(reader)), 4)

    def test_progress_without_readers_is_not_kept(self) -> None:
        self.events.publish(types.FileProgress("1", "a.txt", 10, SOURCE))
        self.events.publish(types.PieceVerified(SHA256, 0, 10, SOURCE, False))
        self.assertEqual((self.clock.getDelayedCalls(), self.log.history.kept), ([], []))

    def test_the_guard(self) -> None:
        self.assertIn(b" 403 ", self.read(host="elsewhere.example").value())
        for query in "?since=x", "?since=-1", "?number=1", "?types=", "?types=peer-seen,nothing":
            self.assertIn(b" 400 ", self.read(query).value(), query)
        self.assertIn(b" 400 ", self.read(extra="Last-Event-ID: x\r\n").value())


def producer(reader: StringTransport) -> Any:
    return reader.producer


def received(reader: StringTransport) -> list[Received]:
    """The number, name and data of each event that has arrived."""
    body = b"".join(reader.value().partition(b"\r\n\r\n")[2].split(b"\r\n")[1::2]).decode()
    found = []
    for block in body.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "id" in fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found
