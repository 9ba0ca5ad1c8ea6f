"""The answers of a peer's server, byte for byte, and its treatment of hostile clients."""

from __future__ import annotations

import platform
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from p2p_twisted.net import connection_state, server
from p2p_twisted.wire.records import IndexRecord
from p2p_twisted.wire.visible import MAX_SHOWN, has_invisible
from tests.support.peer_server import connect, make_factory

HEAD_10 = f"200 OK P2P-CI/1.0\nHost: 10.153.15.5\nOS: {platform.system()}\n\n".encode()
MODIFIED = "2026-11-26 02:20:11"
ENVELOPE = b"Host 10.153.44.84\nOS Mac OS X\n\n"
INDEX = b"GET INDEX P2P_DI_1.0\n" + ENVELOPE
FILE = b"GET FILE P2P_DI_1.0\n" + ENVELOPE
TEXT = b"Some text\n\nand more of it\n"


def refusal(status, phrase):
    return f"{status} {phrase} P2P-CI/1.0\nHost: 10.153.15.5\nOS: {platform.system()}\n\n".encode()


class Case(TestCase):
    """Each test has a server with three files."""

    FILES = {"rfc8446.txt.pdf": TEXT, "sub/notes.txt": b"notes", "empty": b""}

    def setUp(self):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)

        async def make() -> None:
            self.factory = await make_factory(folder / "shared", self.FILES)
            self.clock = cast(Any, self.factory.clock)
            self.factory.doStart()
            self.addCleanup(self.factory.doStop)

        return Deferred.fromCoroutine(make())

    def ask(self, data):
        """The whole answer to `data` on a connection of its own, and the transport."""
        protocol, transport = connect(self.factory)
        protocol.dataReceived(data)
        while transport.producer is not None:
            transport.producer.resumeProducing()
        return transport.received(), transport


class Exact10(Case):
    """The bytes of 1.0: four lines, then the data, then the close."""

    def test_file(self) -> None:
        answer, transport = self.ask(FILE + b"rfc8446.txt\npdf\n")
        self.assertEqual(answer, HEAD_10 + TEXT)
        self.assertTrue(transport.ended)

    def test_file_with_crlf_and_in_one_byte_pieces(self) -> None:
        protocol, transport = connect(self.factory)
        for byte in (FILE + b"rfc8446.txt\npdf\n").replace(b"\n", b"\r\n"):
            protocol.dataReceived(bytes([byte]))
        while transport.producer is not None:
            transport.producer.resumeProducing()
        self.assertEqual(transport.received(), HEAD_10 + TEXT)

    def test_a_file_in_a_folder_and_one_without_type(self) -> None:
        self.assertEqual(self.ask(FILE + b"sub/notes\ntxt\n")[0], HEAD_10 + b"notes")
        self.assertEqual(self.ask(FILE + b"empty\n\n")[0], HEAD_10)

    def test_index_ignores_the_lines_that_existing_clients_append(self) -> None:
        for tail in (b"", b"NULL\nNULL\n"):
            for document in (b"INDEX", b"Index"):
                answer, transport = self.ask(INDEX.replace(b"INDEX", document) + tail)
                self.assertTrue(answer.startswith(HEAD_10))
                lines = answer[len(HEAD_10) :].decode().splitlines()
                self.assertEqual([line.split("\t")[0] for line in sorted(lines)], ["empty", "rfc8446.txt", "sub/notes"])
                self.assertTrue(all(line.split("\t")[3:] == ["10.153.15.5", "4394", "7200"] for line in lines))
                self.assertTrue(transport.ended)

    def test_an_index_has_the_name_of_the_site_in_1_1_only(self) -> None:
        self.factory.site = "lyon-2"
        self.assertIn(b"\nSite: lyon-2\n", self.ask(INDEX.replace(b"DI_1.0", b"DI_1.1"))[0])
        self.assertNotIn(b"Site", self.ask(INDEX)[0])
        self.assertNotIn(b"Site", self.ask(FILE + b"rfc8446.txt\npdf\n")[0])

    def test_index_tells_what_was_learnt_with_its_holder(self) -> None:
        holder = ("10.1.1.1", 4395)
        index = self.factory.content_store.index
        self.factory.content_store.now = lambda: 100.0
        index.learn(holder, [IndexRecord("far.txt", "Far", *holder, 7200)], 0.0)
        self.assertIn(b"far\ttxt\tFar\t10.1.1.1\t4395\t7100\n", self.ask(INDEX)[0])

    def test_unknown_file(self) -> None:
        for name in (b"nothing\ntxt\n", b"../secret\n\n", b"/etc/passwd\n\n", b"sub/../rfc8446.txt\npdf\n", b"sub\n\n"):
            answer, transport = self.ask(FILE + name)
            self.assertTrue(answer.startswith(refusal(100, "FILE_NOT_FOUND")), answer)
            self.assertEqual(answer.count(b"\n"), 5)
            self.assertTrue(transport.ended)

    def test_a_file_that_has_changed_since_it_was_read(self):
        (self.factory.content_store.library.folders[0] / "rfc8446.txt.pdf").write_bytes(
            b"longer than it was before, at least"
        )
        self.assertTrue(self.ask(FILE + b"rfc8446.txt\npdf\n")[0].startswith(refusal(100, "FILE_NOT_FOUND")))
        return self.factory.content_store.library.stop()

    def test_a_refusal_repeats_no_more_of_a_name_than_people_can_read(self) -> None:
        for name in ("photo\u202egpj", "zero\u200bwidth", "x" * 1000, "\U000e0041" * 200):
            answer, _ = self.ask(FILE + f"{name}\nexe\n".encode())
            self.assertTrue(answer.startswith(refusal(100, "FILE_NOT_FOUND")), answer)
            self.assertEqual(answer.count(b"\n"), 5)
            said = answer.splitlines()[-1].decode()
            self.assertFalse(has_invisible(said))
            self.assertLess(len(said), MAX_SHOWN + 10)

    def test_bad_requests(self) -> None:
        bad = [
            b"GET NOTHING P2P_DI_1.0\n" + ENVELOPE,
            b"KeepAlive NULL P2P_DI_1.0\n" + ENVELOPE + b"cookie:4\nport:4394\n",
            b"\n",
            b"GET INDEX P2P_DI_3.0\n" + ENVELOPE,
            FILE + b"na\x07me\ntxt\n",
            FILE + b"\xff\xfe\ntxt\n",
            b"GET INDEX P2P_DI_1.0\nHost a\nHost b\nOS x\n\n",
            b"x" * 9000 + b"\n",
            b"x" * 20000,
        ]
        for data in bad:
            answer, transport = self.ask(data)
            self.assertTrue(answer.startswith(refusal(300, "BAD_REQUEST")), data[:40])
            self.assertEqual(answer.count(b"\n"), 5)
            self.assertTrue(transport.ended)
        self.assertEqual(self.flushLoggedErrors(), [])


class Pipelined11(Case):
    """1.1: the connection stays, answers come in order and with their length."""

    def head(self, **headers):
        lines = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in headers.items())
        return f"200 OK P2P-CI/1.1\nHost: 10.153.15.5\nOS: {platform.system()}\n{lines}\n".encode()

    def test_two_files_and_a_range_on_one_connection(self) -> None:
        sha = self.factory.content_store.library.get("rfc8446.txt.pdf").sha256
        other = self.factory.content_store.library.get("sub/notes.txt").sha256
        ask = b"GET FILE P2P_DI_1.1\n" + ENVELOPE[:-1]
        answer, transport = self.ask(
            ask
            + b"\nrfc8446.txt\npdf\n"
            + ask
            + b"Range: 5-8\nLength: 16\n\nrfc8446.txt\npdf\n"
            + ask
            + b"\nsub/notes\ntxt\n"
        )
        expected = self.head(Length=len(TEXT), Size=len(TEXT), SHA_256=sha, Modified=MODIFIED) + TEXT
        expected += self.head(Length=4, Size=len(TEXT), SHA_256=sha, Range="5-8", Modified=MODIFIED) + TEXT[5:9]
        expected += self.head(Length=5, Size=5, SHA_256=other, Modified=MODIFIED) + b"notes"
        self.assertEqual(answer, expected)
        self.assertFalse(transport.ended)

    def test_a_file_is_found_by_its_hash_under_any_name(self) -> None:
        sha = self.factory.content_store.library.get("sub/notes.txt").sha256
        ask = b"GET FILE P2P_DI_1.1\n" + ENVELOPE[:-1] + b"SHA-256: %s\n\nother\nname\n"
        self.assertTrue(self.ask(ask % sha.encode())[0].endswith(b"\n\nnotes"))
        self.assertTrue(self.ask(ask % (b"0" * 64))[0].startswith(b"100 FILE_NOT_FOUND P2P-CI/1.1\n"))

    def test_a_refusal_keeps_the_connection_a_bad_request_ends_it(self) -> None:
        ask = b"GET FILE P2P_DI_1.1\n" + ENVELOPE
        answer, transport = self.ask(ask + b"nothing\n\n" + ask + b"sub/notes\ntxt\n")
        self.assertTrue(answer.startswith(b"100 FILE_NOT_FOUND P2P-CI/1.1") and answer.endswith(b"notes"))
        self.assertFalse(transport.ended)
        answer, transport = self.ask(ask + b"sub/notes\ntxt\n" + b"rubbish\n\n")
        self.assertIn(b"notes300 BAD_REQUEST P2P-CI/1.1\n", answer)
        self.assertTrue(transport.ended)

    def test_a_range_beyond_the_end(self) -> None:
        ask = b"GET FILE P2P_DI_1.1\n" + ENVELOPE[:-1] + b"Range: 0-5\n\nsub/notes\ntxt\n"
        self.assertTrue(self.ask(ask)[0].startswith(b"300 BAD_REQUEST P2P-CI/1.1\n"))


class Bounds(Case):
    """Time and number are bounded for a client that means harm, or is broken."""

    def aborted_after(self, seconds, data=b""):
        protocol, transport = connect(self.factory)
        protocol.dataReceived(data)
        self.clock.pump([1] * (seconds - 1))
        before = transport.aborted or transport.ended
        self.clock.pump([1, 1])
        return before, transport.aborted

    def test_a_request_has_an_absolute_deadline(self) -> None:
        protocol, transport = connect(self.factory)
        for byte in b"GET FILE P2P_DI_1.1\nHost a\nOS":  # one byte a second does not help
            protocol.dataReceived(bytes([byte]))
            self.clock.advance(1)
        self.clock.pump([1] * 3)
        self.assertTrue(transport.aborted)

    def test_silence(self) -> None:
        self.assertEqual(self.aborted_after(connection_state.REQUEST_TIMEOUT), (False, True))

    def test_idle_after_an_answer(self) -> None:
        asked = b"GET INDEX P2P_DI_1.1\n" + ENVELOPE
        self.assertEqual(self.aborted_after(connection_state.IDLE_TIMEOUT, asked), (False, True))

    def test_a_reader_that_never_reads(self) -> None:
        protocol, transport = connect(self.factory)
        protocol.dataReceived(FILE + b"rfc8446.txt\npdf\n")
        self.clock.pump([1] * (connection_state.STALL_TIMEOUT + 1))
        self.assertTrue(transport.aborted)
        transport.producer.stopProducing()
        protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.factory.connections, set())
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_requests_read_ahead_are_bounded(self) -> None:
        protocol, transport = connect(self.factory)
        one = b"GET FILE P2P_DI_1.1\n" + ENVELOPE + b"sub/notes\ntxt\n"
        protocol.dataReceived(one * 200)
        self.assertEqual(transport.producerState, "paused")
        self.assertLessEqual(len(protocol._waiting), server.MAX_WAITING)
        while transport.producer is not None:
            transport.producer.resumeProducing()
        self.assertEqual(transport.received().count(b"\nnotes"), 200)
        self.assertEqual(transport.producerState, "producing")

    def test_connections_of_one_address(self) -> None:
        self.factory._max_per_host = 2
        made = [connect(self.factory)[1] for _ in range(3)]
        self.assertEqual([t.aborted for t in made], [True, False, False])
        self.assertFalse(connect(self.factory, "192.168.1.2")[1].aborted)

    def test_a_connection_reset_while_it_waits_for_its_turn(self) -> None:
        """Nothing is said or closed on what is no longer there."""
        self.patch(self.factory.piece_source.queues[True], "_give_turns", lambda: None)
        protocol, transport = connect(self.factory)
        want = b"%064x 0\n" % 1
        protocol.dataReceived(b"GET NEXT P2P_DI_1.1\n" + ENVELOPE[:-1] + b"Length: %d\n\n%s" % (len(want), want))
        transport.disconnected = True
        protocol.connectionLost(Failure(ConnectionDone()))
        self.clock.pump([0.02] * 60)
        self.assertEqual((transport.received(), transport.ended, transport.aborted), (b"", False, False))
        self.assertEqual(self.flushLoggedErrors(), [])
