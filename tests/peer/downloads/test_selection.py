"""What holders say of themselves decides what a document is; hearsay only says whom to ask."""

from __future__ import annotations

import hashlib
from typing import Any

from twisted.internet.defer import Deferred, succeed

from p2p_twisted.peer.downloads.model import DONE, Download
from p2p_twisted.peer.peers.known_peer import CURRENT
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.records import IndexRecord
from tests.peer.downloads.test_runner import BIG, OTHER, Case, at

LIAR = ("10.0.9.9", 4999)


def rumour(name: str, data: bytes, holder: Address, ttl: int = TTL) -> IndexRecord:
    return IndexRecord(name, "", *holder, ttl, len(data), hashlib.sha256(data).hexdigest(), "ab" * 32)


class Hearsay(Case):
    """Nothing is known but what others tell: the peers have not been asked yet."""

    def setUp(self) -> None:
        super().setUp()
        discovery: Any = self.discovery
        discovery.refresh = lambda *_: succeed(None)

    def tell(self, *records: IndexRecord, teller: Address = LIAR) -> None:
        self.discovery.index.learn(teller, records, self.network.seconds())

    def dialled(self) -> set[Address]:
        return {address for _, address in self.network.dialled}

    def test_a_holder_that_others_name_is_asked_itself(self) -> None:
        self.peer(1, doc=BIG)
        self.tell(rumour("doc", OTHER, at(1)))
        download = self.fetch("doc")
        self.assertEqual((download.state, (self.into / "doc").read_bytes() == BIG), (DONE, True))

    def test_a_true_holder_behind_many_false_ones(self) -> None:
        self.peer(1, doc=BIG)
        false = [(f"10.7.{number // 250}.{number % 250 + 1}", 4000) for number in range(1000)]
        self.tell(*(rumour("doc", OTHER, holder) for holder in false))
        self.tell(rumour("doc", BIG, at(1)), teller=("10.0.9.8", 4998))
        download = self.fetch("doc", seconds=3)
        self.assertEqual(download.state, DONE)
        self.assertEqual(self.dialled() & set(false), set())

    def test_in_a_download_of_all(self) -> None:
        self.peer(1, doc=BIG)
        self.peer(2, small=b"2")
        self.tell(rumour("doc", OTHER, at(1)), rumour("never", OTHER, at(1)), rumour("small", b"2", at(2)))
        download = self.fetch()
        self.assertEqual((download.state, sorted(file.name for file in download.files)), (DONE, ["doc", "small"]))
        self.assertEqual(self.files()["small"], b"2")

    def test_no_byte_counts_of_what_no_holder_confirms(self) -> None:
        self.peer(1, other=BIG)
        self.tell(rumour("doc", BIG, at(1)), rumour("doc", BIG, ("10.0.1.77", 4077)))
        download = self.fetch("doc")
        self.assertEqual((self.errors(download), self.into.exists()), ({"doc": "no-holder"}, False))

    def test_by_its_hash(self) -> None:
        self.peer(1, doc=BIG)
        self.tell(rumour("doc", BIG, at(1)))
        download = self.fetch(f"doc@{hashlib.sha256(BIG).hexdigest()[:8]}")
        self.assertEqual(download.state, DONE)

    def test_only_from_a_peer_that_is_not_known_yet(self) -> None:
        self.peer(1, doc=BIG)
        self.peer(2, doc=OTHER)
        download = self.fetch("doc", holders=[at(2)])
        self.assertEqual((download.state, (self.into / "doc").read_bytes() == OTHER), (DONE, True))


class BesideHearsay(Case):
    """What a stranger tells of others changes nothing of what those say themselves."""

    def test_a_false_content_at_a_third_peer(self) -> None:
        self.peer(1, doc=BIG)
        self.peer(2, other=b"2")
        index, now = self.discovery.index, self.network.seconds
        index.learn(LIAR, [rumour("doc", OTHER, holder) for holder in (at(1), at(2), at(3))], now())
        download = self.fetch("doc")
        self.assertEqual((download.state, (self.into / "doc").read_bytes() == BIG), (DONE, True))
        index.learn(LIAR, [rumour("doc", OTHER, holder, ttl) for holder, ttl in ((at(1), 1), (at(2), TTL))], now())
        download = self.fetch("doc", "other", overwrite=True)
        self.assertEqual(self.errors(download), {})
        self.assertEqual(self.files()["other"], b"2")


class Meanwhile(Case):
    """A download of all of which the peers are known as they are: nobody is waited for."""

    def setUp(self) -> None:
        super().setUp()
        self.peer(1, one=b"1")
        self.network.wait(10)
        self.refreshed: Deferred[None] = Deferred()
        discovery: Any = self.discovery
        self.refresh, discovery.refresh = self.discovery.refresh, lambda *_: self.refreshed

    def done(self, download: Download) -> dict[str, bool]:
        return {file.name: file.state == DONE for file in download.files}

    def test_what_is_known_is_fetched_and_then_what_else_there_is(self) -> None:
        download = self.fetch(seconds=1)
        self.assertEqual((self.done(download), download.has_ended), ({"one": True}, False))
        self.peer(2, two=b"2")
        self.refresh().chainDeferred(self.refreshed)
        self.network.wait(10)
        self.assertEqual((self.done(download), download.state), ({"one": True, "two": True}, DONE))

    def test_a_peer_that_is_not_followed_is_waited_for(self) -> None:
        del self.network.servers[at(1)]
        self.discovery.peers[at(1)].subscription.close()
        self.network.wait(2 * CURRENT)
        self.discovery.peers[at(1)].failures = 0
        self.assertEqual(self.done(self.fetch(seconds=1)), {})
