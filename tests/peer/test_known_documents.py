"""The documents of others as a search finds them, while the index changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from p2p_twisted.events.types import IndexChanged
from p2p_twisted.index.ranking import Result
from p2p_twisted.peer.known_documents import INTERVAL, KnownDocuments
from p2p_twisted.peer.serving.content_store import ContentStore
from p2p_twisted.peer.serving.factory import PeerFactory
from p2p_twisted.wire.records import IndexRecord
from p2p_twisted.wire.search_terms import as_typed
from tests.support.memory_network import Network
from tests.support.peer_server import make_factory

HOLDER, OTHER = ("192.0.2.1", 65400), ("192.0.2.2", 65400)


def a_record(name: str, title: str, holder: tuple[str, int] = HOLDER, sha256: str = "a" * 64) -> IndexRecord:
    return IndexRecord(name, title, *holder, 7200, 5, sha256, "")


class Rig:
    """A peer that shares one document and knows of others."""

    def __init__(self, folder: Path) -> None:
        self.network = Network()
        reactor: Any = self.network
        made: list[PeerFactory] = []
        making = make_factory(
            folder / "share", {"own.txt": b"own"}, self.network, self.network.seconds, reactor=self.network
        )
        Deferred.fromCoroutine(making).addCallback(made.append)
        self.network.settle()
        self.store: ContentStore = made[0].content_store
        self.known = KnownDocuments(reactor, self.store)

    def learn(self, *records: IndexRecord, source: tuple[str, int] = HOLDER) -> None:
        self.store.index.learn(source, records, self.network.seconds())
        self.network.advance(INTERVAL)

    def names(self, text: str) -> list[str]:
        return [result.name for result in self.search(text)]

    def search(self, text: str) -> list[Result]:
        found: list[list[Result]] = []
        Deferred.fromCoroutine(self.known.search(as_typed(text), 10)).addCallback(found.append)
        self.network.settle()
        return found[0]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    found = Rig(tmp_path)
    yield found
    Deferred.fromCoroutine(found.known.stop())
    found.network.settle()


def test_what_comes_and_goes(rig: Rig) -> None:
    assert rig.names("slow") == []
    rig.learn(a_record("a.txt", "The slow start"), a_record("b.txt", "Another"))
    assert rig.names("slow") == ["a.txt"]
    rig.learn(a_record("c.txt", "How slow"))
    assert rig.names("slow") == ["c.txt"]


def test_a_title_that_changes(rig: Rig) -> None:
    rig.learn(a_record("a.txt", "The slow start"))
    assert rig.names("slow") == ["a.txt"]
    change = a_record("a.txt", "The quick end", sha256="b" * 64)
    rig.store.index.put(HOLDER, change, rig.network.seconds())
    rig.store.library.publisher.publish(IndexChanged(HOLDER, (change,)))
    rig.network.advance(INTERVAL)
    assert (rig.names("slow"), rig.names("quick")) == ([], ["a.txt"])


def test_the_document_of_a_result_has_all_holders(rig: Rig) -> None:
    rig.learn(a_record("a.txt", "The slow start"))
    [result] = rig.search("slow")
    result.peers = [OTHER, HOLDER]
    document = rig.known.document(result, "10.0.0.1")
    assert [(holder.host, holder.port) for holder in document.holders] == [HOLDER, OTHER]
    assert document.is_first_hand


def test_hearsay_is_shown_as_such(rig: Rig) -> None:
    rig.learn(a_record("a.txt", "The slow start", OTHER))
    [result] = rig.search("slow")
    document = rig.known.document(result, "10.0.0.1")
    assert ([holder.host for holder in document.holders], document.is_first_hand) == ([OTHER[0]], False)


def test_an_own_document(rig: Rig) -> None:
    own = rig.store.library.get("own.txt")
    assert own is not None
    document = rig.known.document(Result(own.name, own.title, own.size, own.sha256, 5), "10.0.0.1")
    assert [holder.host for holder in document.holders] == ["10.0.0.1"]
