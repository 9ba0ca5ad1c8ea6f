"""One SHA-256, but several sizes or piece lists: the genuine content is fetched, whatever the others do."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from p2p_twisted.index.search import Document
from p2p_twisted.peer.downloads import disputed
from p2p_twisted.peer.downloads.disputed import Contenders, swarm_variants
from p2p_twisted.peer.downloads.model import DONE, DownloadFile
from p2p_twisted.peer.serving.content_store import OpenFile
from p2p_twisted.swarm.errors import NameTaken, NoProgress, WrongContent
from p2p_twisted.wire.records import IndexRecord
from tests.peer.downloads.test_runner import BIG, OTHER, Case, at
from tests.support.memory_network import ScriptedFactory

SHA256 = hashlib.sha256(BIG).hexdigest()
LISTS = ["ab" * 32, "cd" * 32]


class Disputed(Case):
    """A genuine holder of BIG, and liars."""

    def setUp(self) -> None:
        super().setUp()
        self.peer(1, doc=BIG)

    def liar(self, number: int, data: bytes, **forged: Any) -> None:
        """Start a peer that says that `data` has the SHA-256 of BIG, and serves it as that."""
        factory = self.peer(number, doc=data)
        store: Any = factory.content_store
        true, file = store.record, store.library.get("doc")
        store.record = lambda file, host: replace(true(file, host), sha256=SHA256, **forged)
        store.find = lambda *_: file
        store.piece_list = lambda *_: file.pieces or bytes.fromhex(SHA256)
        store.open = lambda *_: OpenFile(store.library.open(file), file.size, SHA256, None)

    def silent(self, number: int, size: int, pieces: str) -> None:
        """Start a peer that says that it has the content, and answers nothing but that."""
        host, port = at(number)
        line = f"doc\t\t\t{host}\t{port}\t7200\t{size}\t{SHA256}\t{pieces}\n".encode()
        head = b"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: %d\nIndex: x.1\n\n" % len(line)
        self.serve(
            number, ScriptedFactory(lambda said: head + line if b"GET INDEX" in said and b"Since" not in said else b"")
        )

    def check(self, **more: Any) -> None:
        download = self.fetch("doc", **more)
        self.assertEqual((download.state, self.errors(download)), (DONE, {}))
        self.assertEqual((self.into / "doc").read_bytes(), BIG)
        self.assertEqual([path.name for path in self.into.iterdir()], ["doc"])

    def test_a_false_list_of_most_holders(self) -> None:
        for number in (2, 3):
            self.liar(number, OTHER)
        self.check()

    def test_a_false_size_of_most_holders(self) -> None:
        for number in (2, 3):
            self.liar(number, BIG[:100_000])
        self.check()

    def test_one_piece_instead_of_many(self) -> None:
        for number in (2, 3):
            self.liar(number, b"short")
        self.check()

    def test_an_empty_file(self) -> None:
        for number in (2, 3):
            self.liar(number, b"")
        self.check()

    def test_a_size_that_no_disk_holds(self) -> None:
        for number in (2, 3):
            self.liar(number, OTHER, size=2**62)
        self.check()

    def test_all_of_it_at_once(self) -> None:
        self.liar(2, OTHER)
        self.liar(3, BIG[:100_000])
        self.liar(4, b"")
        self.liar(5, OTHER, size=2**40)
        self.silent(6, len(BIG), LISTS[0])
        self.check()

    def test_holders_that_are_silent(self) -> None:
        for number in (2, 3):
            self.silent(number, len(BIG), LISTS[0])
        self.silent(4, 10, "-")
        self.silent(5, 10, "-")
        self.check()

    def test_fetched_whole(self) -> None:
        for number in (2, 3):
            self.liar(number, OTHER)
        self.liar(4, b"short")
        self.check(swarm=False, seconds=30)

    def test_it_is_there_already(self) -> None:
        for number in (2, 3):
            self.liar(number, b"short")
        self.into.mkdir()
        (self.into / "doc").write_bytes(BIG)
        self.check()

    def test_none_is_right(self) -> None:
        """The genuine holder leaves."""
        self.liar(2, OTHER)
        self.liar(3, b"short")
        download = self.fetch("doc", holders=[at(2), at(3)])
        self.assertEqual(self.errors(download), {"doc": "checksum"})
        self.assertEqual(self.files(), {})


def record(port: int, size: int, pieces: str) -> IndexRecord:
    return IndexRecord("doc", "", "10.0.1.1", port, 7200, size, SHA256, pieces)


def test_variants_that_a_swarm_can_fetch() -> None:
    holders = [
        *(record(port, 100_000, "") for port in range(1, 9)),
        record(9, 300_000, LISTS[0]),
        record(10, 300_000, LISTS[1]),
        record(11, 300_000, LISTS[1]),
        record(12, 2**62, LISTS[1]),
        IndexRecord("doc", "", "10.0.1.1", 13, 7200),
    ]
    document = Document("doc", "", 300_000, SHA256, holders)
    assert [(one.size, one.piece_list) for one in swarm_variants(document)] == [
        (300_000, LISTS[1]),
        (300_000, LISTS[0]),
    ]
    assert [len(one.holders) for one in swarm_variants(document)] == [2, 1]
    assert swarm_variants(None) == []


def test_each_is_tried_in_each_round_until_it_has_failed_for_good() -> None:
    document = Document("doc", "", 300_000, SHA256, [record(1, 300_000, LISTS[0]), record(2, 10, "")])
    file = DownloadFile("doc", document)
    contenders = Contenders([file])
    rounds = contenders.rounds()
    first, second = (next(iter(next(rounds)[0].values())) for _ in range(2))
    assert {first.size, second.size} == {300_000, 10}
    assert contenders.failed(file, first, NoProgress(""))
    assert contenders.failed(file, second, WrongContent(""))
    assert not contenders.failed(file, first, NameTaken(""))
    assert [([one.size for one in trial.values()], patience) for trial, patience in rounds] == [
        ([first.size], patience) for patience in disputed.PATIENCE[1:]
    ]
    assert [*Contenders([]).rounds()] == []
