"""What the log says of transfers: one line for each file and client, however many pieces there were."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.index.search import Document
from p2p_twisted.net.caller import Caller
from p2p_twisted.net.errors import SourceError
from p2p_twisted.peer.downloads.model import CANCELLED, DONE, FAILED, THERE, DownloadFile
from p2p_twisted.peer.transfer_log import IDLE, MAX_LINES, MAX_OPEN, MINUTE, SentLog, log_fetched

CLIENT, OTHER = (Caller(("192.0.2.7", port)) for port in (1234, 1235))


class Sender:
    def __init__(self, sent):
        self.sent = sent


class LogTestCase(SynchronousTestCase):
    def setUp(self):
        self.lines = []
        observer = lambda event: self.lines.append(formatEvent(event))  # noqa: E731
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)


class Sent(LogTestCase):
    def setUp(self):
        super().setUp()
        self.clock = Clock()
        self.log = SentLog(self.clock, lambda sha256: f"{sha256}.txt")

    def send(self, sha256, size, seconds=0.0, whole=True, client=CLIENT):
        """Send `size` bytes of a file in one answer that takes so many seconds."""
        done = Deferred()
        self.log.sending(client, sha256, Sender(size), done)
        self.clock.advance(seconds)
        done.callback(whole)

    def test_pieces_are_one_line_once_the_client_asks_no_more(self):
        for _ in range(100):
            self.send("a", 50, 0.02)
        self.clock.advance(IDLE / 2)
        self.assertEqual(self.lines, [])
        self.clock.advance(IDLE / 2)
        self.clock.advance(IDLE)
        self.assertEqual(self.lines, ["sent 'a.txt' to 192.0.2.7:1234: 5000 bytes in 2.0 s"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_connection_that_ends_is_one_line_for_each_file(self):
        self.send("a", 1)
        self.send("b", 2, 1.0)
        self.send("c", 3, client=OTHER)
        self.log.gone(CLIENT)
        self.assertEqual(
            self.lines,
            ["sent 'a.txt' to 192.0.2.7:1234: 1 bytes in 0.0 s", "sent 'b.txt' to 192.0.2.7:1234: 2 bytes in 1.0 s"],
        )
        self.log.gone(OTHER)
        self.assertEqual((len(self.lines), self.clock.getDelayedCalls()), (3, []))

    def test_a_slow_answer_is_not_idle(self):
        done = Deferred()
        self.log.sending(CLIENT, "a", Sender(7), done)
        self.clock.pump([IDLE] * 10)
        self.assertEqual(self.lines, [])
        done.callback(True)
        self.clock.pump([IDLE] * 2)
        self.assertEqual(self.lines, ["sent 'a.txt' to 192.0.2.7:1234: 7 bytes in 50.0 s"])

    def test_what_was_cut_short_is_said(self):
        self.send("a", 5, whole=False)
        self.log.gone(CLIENT)
        self.assertEqual(self.lines, ["sent 'a.txt' to 192.0.2.7:1234: 5 bytes in 0.0 s, cut short"])

    def test_a_name_cannot_look_like_another_line(self):
        self.send("\u202egpj\u2066", 1)
        self.log.gone(CLIENT)
        self.assertTrue(self.lines[0].startswith("sent '\\u202egpj\\u2066.txt' to"))

    def test_a_client_that_asks_for_everything_costs_no_more_than_so_much_memory(self):
        for number in range(MAX_OPEN + 2):
            self.send(str(number), 1)
        self.assertEqual([line.split()[1] for line in self.lines], ["'0.txt'", "'1.txt'"])

    def test_clients_without_end_do_not_fill_the_disk(self):
        for _ in range(2 * MAX_LINES):
            self.send("a", 1)
            self.log.gone(CLIENT)
        self.assertEqual(len(self.lines), MAX_LINES + 1)
        self.assertIn("the rest of them is not logged", self.lines[-1])
        self.clock.advance(MINUTE)
        self.send("a", 1)
        self.log.gone(CLIENT)
        self.assertEqual(len(self.lines), MAX_LINES + 2)


class Fetched(LogTestCase):
    def file(self, sizes, state, error=None):
        """An item that got so many bytes from each of some peers, and ended so."""
        file = DownloadFile("a.txt", Document("a.txt", "", 12, "ab" * 32))
        file.begin()
        for port, size in enumerate(sizes):
            file.came(f"192.0.2.7:{port}", size)
        file.end(state, error)
        file.started = file.ended - 2
        return file

    def test_what_came_is_a_line_with_its_sources(self):
        log_fetched(self.file([12, 0], DONE))
        log_fetched(self.file([4, 2, 2, 2, 2], DONE))
        self.assertEqual(
            self.lines,
            [
                "fetched 'a.txt': 12 bytes in 2.0 s from 192.0.2.7:0",
                "fetched 'a.txt': 12 bytes in 2.0 s from 192.0.2.7:0, 192.0.2.7:1, 192.0.2.7:2 and 2 more",
            ],
        )

    def test_what_was_copied_here_came_from_nobody(self):
        log_fetched(self.file([], DONE))
        self.assertEqual(self.lines, ["fetched 'a.txt': 12 bytes in 2.0 s from this machine"])

    def test_what_did_not_come_is_a_line_with_the_reason(self):
        log_fetched(self.file([5], FAILED, SourceError("nothing came for 30 s")))
        log_fetched(self.file([5], CANCELLED))
        self.assertEqual(
            self.lines,
            ["not fetched: 'a.txt': nothing came for 30 s", "not fetched: 'a.txt': cancelled after 5 bytes"],
        )

    def test_what_was_there_is_none(self):
        log_fetched(self.file([], THERE))
        self.assertEqual(self.lines, [])
