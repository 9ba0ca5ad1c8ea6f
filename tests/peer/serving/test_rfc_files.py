"""RFCs by number, and the answers to the requests of the course handout."""

from __future__ import annotations

import platform
import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from p2p_twisted.wire.errors import FileNotFound
from p2p_twisted.wire.records import IndexRecord
from tests.support.peer_server import connect, make_factory
from tests.support.protocol_text import blocks, sent

TITLE = b"A Standard for the Transmission of IP Datagrams on Avian Carriers"
HEAD = b"\r\nHost: 10.153.15.5\r\nOS: Mac OS 10.4.1\r\n\r\n"
INDEX = b"GET RFC-Index P2P-DI/1.0" + HEAD
RFC = b"GET RFC %d P2P-DI/1.0" + HEAD


class Case(TestCase):
    """Each test has a server with `FILES`; those in the folder secret are for one reader."""

    FILES = {"rfc1149.txt": TITLE}

    def setUp(self) -> Any:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "shared" / "secret").mkdir(parents=True)

        async def make() -> None:
            audiences = {"secret": frozenset({"ann"})}
            self.factory = await make_factory(self.folder / "shared", self.FILES, audiences=audiences)
            self.factory.doStart()
            self.addCleanup(self.factory.doStop)

        return Deferred.fromCoroutine(make())

    def ask(self, data: bytes, name: str | None = None) -> tuple[bytes, bytes]:
        """Return head and body of the answer to a client whose certificate has `name`."""
        protocol, transport = connect(self.factory, name=name)
        protocol.dataReceived(data)
        while transport.producer is not None:
            transport.producer.resumeProducing()
        self.assertTrue(transport.ended)
        head, _, body = transport.received().partition(b"\r\n\r\n")
        return head, body


class Examples(Case):
    def test_a_peer_answers_as_the_examples_do(self) -> None:
        self.factory.content_store.advertise = "10.153.44.86"
        examples = [block for block in blocks("none") if block.startswith("H->")]
        self.assertEqual(len(examples), 3)
        for block in examples:
            head, body = self.ask(sent(block, "H->P").replace(b"\n", b"\r\n"))
            said = (head + b"\r\n\r\n" + body).replace(b"10.153.15.5", b"10.153.44.86")
            said = said.replace(platform.system().encode(), b"Linux")
            self.assertEqual(said, sent(block, "P->H").replace(b"\n", b"\r\n"))


class Choice(Case):
    FILES = {
        "rfc1.pdf": b"%PDF of 1",
        "a/rfc1.txt": b"text of 1 in a",
        "b/b/rfc1.txt": b"text of 1 in b",
        "rfc2.pdf": b"pdf of 2",
        "secret/rfc3.txt": b"three",
        "notes.txt": b"Notes",
    }

    def test_a_text_with_a_short_name_first(self) -> None:
        self.assertEqual(self.ask(RFC % 1)[1], b"text of 1 in a")
        self.assertEqual(self.ask(RFC % 2)[1], b"pdf of 2")

    def test_the_index_has_rfcs_only_and_of_others_too(self) -> None:
        self.factory.content_store.index.learn(
            ("10.0.0.9", 65400),
            [IndexRecord("rfc9.txt", "Nine", "10.0.0.9", 65400, 7200), IndexRecord("x", "", "10.0.0.9", 65400, 7200)],
            self.factory.content_store.now(),
        )
        records = [line.split(b"\t") for line in self.ask(INDEX)[1].split(b"\r\n")[:-1]]
        self.assertEqual(sorted(record[0] for record in records), [b"1", b"1", b"1", b"2", b"9"])
        self.assertEqual({len(record) for record in records}, {4})
        self.assertEqual(records[-1][:3], [b"9", b"Nine", b"10.0.0.9"])

    def test_private_documents_are_not_there(self) -> None:
        for name in (None, "ann"):
            self.assertNotIn(b"\r\n3\t", b"\r\n" + self.ask(INDEX, name)[1])
            self.assertEqual(self.ask(RFC % 3, name)[0].split(b"\r\n")[0], b"P2P-DI/1.0 404 Not Found")

    def test_a_request_of_1_1_may_come_before(self) -> None:
        protocol, transport = connect(self.factory)
        protocol.dataReceived(b"CANCEL FILE P2P_DI_1.1\nHost a\nOS b\nSHA-256: " + b"0" * 64 + b"\nRange: 0-1\n\n")
        protocol.dataReceived(RFC % 4 + b"ignored")
        self.assertTrue(transport.received().startswith(b"200 OK P2P-CI/1.1\n"))

    async def test_changes_of_the_library(self) -> None:
        library, find = self.factory.content_store.library, self.factory.rfc_files.find
        (self.folder / "shared" / "a" / "rfc1.txt").unlink()
        (self.folder / "shared" / "rfc2.txt").write_bytes(b"text of 2")
        await library.scan()
        self.assertEqual([find(number).name for number in (1, 2)], ["b/b/rfc1.txt", "rfc2.txt"])
        (self.folder / "shared" / "rfc2.txt").unlink()
        (self.folder / "shared" / "rfc2.pdf").unlink()
        await library.scan()
        with self.assertRaises(FileNotFound):
            find(2)
