"""The log of transfers: one line for each file served over a connection, and for each file fetched."""

from __future__ import annotations

import time
from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import TransferServed
from p2p_twisted.index.search import Document
from p2p_twisted.peer.downloads.model import CANCELLED, DONE, FAILED, THERE, DownloadFile
from p2p_twisted.peer.transfer_log import LINES_INTERVAL, MAX_LINES, TransferLog
from p2p_twisted.swarm.errors import DownloadError, PeersFailed


class LogTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.lines: list[str] = []

        @implementer(ILogObserver)
        def observer(event: LogEvent) -> None:
            self.lines.append(formatEvent(event))

        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)


class Served(LogTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock, self.publisher = Clock(), Publisher()
        self.log = TransferLog(self.clock, self.publisher)

    def serve(self, name: str = "a.txt", complete: bool = True) -> None:
        self.publisher.publish(TransferServed(("192.0.2.7", 1234), name, "ab" * 32, 5, 2.0, complete))

    def test_a_line_for_each(self) -> None:
        self.serve()
        self.serve(complete=False)
        line = "sent 'a.txt' to 192.0.2.7:1234: 5 bytes in 2.0 s"
        self.assertEqual(self.lines, [line, f"{line}, cut short"])

    def test_a_name_cannot_look_like_another_line(self) -> None:
        self.serve("\u202egpj\u2066.txt")
        self.assertTrue(self.lines[0].startswith("sent '\\u202egpj\\u2066.txt' to"))

    def test_clients_without_end_do_not_fill_the_disk(self) -> None:
        for _ in range(2 * MAX_LINES):
            self.serve()
        self.assertEqual(len(self.lines), MAX_LINES + 1)
        self.assertIn("the rest are not logged", self.lines[-1])
        self.clock.advance(LINES_INTERVAL)
        self.serve()
        self.assertEqual(len(self.lines), MAX_LINES + 2)


class Fetched(LogTestCase):
    def fetch(self, sizes: Sequence[int], state: str, error: DownloadError | None = None) -> None:
        """End a file in `state` after so many bytes from each of some peers, within two seconds."""
        publisher = Publisher()
        TransferLog(Clock(), publisher)
        file = DownloadFile("a.txt", Document("a.txt", "", 12, "ab" * 32), publisher=publisher)
        file.start()
        for port, size in enumerate(sizes):
            file.receive(("192.0.2.7", port), size)
        file.started = time.time() - 2
        file.end(state, error)

    def test_a_fetched_file_is_a_line_with_its_sources(self) -> None:
        self.fetch([12, 0], DONE)
        self.fetch([4, 2, 2, 2, 2], DONE)
        self.assertEqual(
            self.lines,
            [
                "fetched 'a.txt': 12 bytes in 2.0 s from 192.0.2.7:0",
                "fetched 'a.txt': 12 bytes in 2.0 s from 192.0.2.7:0, 192.0.2.7:1, 192.0.2.7:2 and 2 more",
            ],
        )

    def test_a_local_copy_is_a_line_without_sources(self) -> None:
        self.fetch([], DONE)
        self.assertEqual(self.lines, ["fetched 'a.txt': 12 bytes in 2.0 s from this machine"])

    def test_a_failed_file_is_a_line_with_the_reason(self) -> None:
        self.fetch([5], FAILED, PeersFailed("nothing came for 30 s"))
        self.fetch([5], CANCELLED)
        self.assertEqual(
            self.lines,
            ["not fetched: 'a.txt': nothing came for 30 s", "not fetched: 'a.txt': cancelled after 5 bytes"],
        )

    def test_an_existing_file_is_not_logged(self) -> None:
        self.fetch([], THERE)
        self.assertEqual(self.lines, [])
