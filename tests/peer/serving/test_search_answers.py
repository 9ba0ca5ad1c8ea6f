"""The answers to SEARCH INDEX: what is found, and who may find it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from p2p_twisted.index.fulltext import FullText
from p2p_twisted.peer.serving import search_answers
from p2p_twisted.peer.serving.factory import PeerFactory
from p2p_twisted.peer.serving.search_answers import SearchAnswers
from p2p_twisted.peer.text_indexer import PAUSE, TextIndexer
from p2p_twisted.wire.search import Hit, parse_hit
from tests.support.memory_network import Network
from tests.support.peer_server import connect, make_factory

FILES = {
    "public.txt": b"The elapsed time is obfuscated.",
    "team/plan.txt": b"The elapsed time is for alice: xyzzy.",
    "team/more.txt": b"The elapsed time is for alice too.",
    "board/deal.txt": b"The elapsed time is for bob: plugh.",
}
AUDIENCES = {"team": frozenset({"alice"}), "board": frozenset({"bob"})}


class Rig:
    """A peer that shares FILES, and answers searches."""

    def __init__(self, folder: Path) -> None:
        self.network = Network()
        reactor: Any = self.network
        made: list[PeerFactory] = []
        making = make_factory(folder / "share", FILES, self.network, reactor=self.network, audiences=AUDIENCES)
        Deferred.fromCoroutine(making).addCallback(made.append)
        self.network.settle()
        [self.factory] = made
        self.library = self.factory.content_store.library
        fulltext = FullText(folder / "fulltext.sqlite")
        self.indexer = TextIndexer(reactor, self.library, fulltext)
        self.indexer.start()
        self.network.wait(PAUSE)
        self.answers = SearchAnswers(reactor, self.library, fulltext)
        self.factory.search = self.answers.answer

    def ask(self, text: str, name: str | None = None, limit: int | None = None, version: str = "1.1") -> str:
        """Return the answer, head included."""
        protocol, transport = connect(self.factory, name=name)
        header = f"Limit: {limit}\n" if limit else ""
        protocol.dataReceived(f"SEARCH INDEX P2P_DI_{version}\nHost h\nOS o\n{header}\n{text}\n".encode())
        self.network.settle()
        return bytes(transport.value()).decode()

    def hits(self, text: str, name: str | None = None, limit: int | None = None) -> list[Hit]:
        head, _, body = self.ask(text, name, limit).partition("\n\n")
        assert head.startswith("200 OK")
        return [parse_hit(line) for line in body.splitlines()]

    def names(self, text: str, name: str | None = None, limit: int | None = None) -> list[str]:
        return sorted(hit.name for hit in self.hits(text, name, limit))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    found = Rig(tmp_path)
    yield found
    Deferred.fromCoroutine(found.indexer.stop())
    found.network.settle()


@pytest.mark.parametrize(
    ("reader", "found"),
    [
        (None, ["public.txt"]),
        ("mallory", ["public.txt"]),
        ("alice", ["more.txt", "plan.txt", "public.txt"]),
        ("bob", ["deal.txt", "public.txt"]),
    ],
)
def test_private_documents_are_found_by_their_readers_alone(rig: Rig, reader: str | None, found: list[str]) -> None:
    assert rig.names('"elapsed time"', reader) == found


@pytest.mark.parametrize("text", ["xyzzy", "plan", "name:plan", "title:xyzzy", "pla*", "xyzzy obfuscated"])
def test_strangers_get_the_same_as_if_there_were_no_private_document(rig: Rig, text: str) -> None:
    for reader in (None, "mallory", "bob"):
        assert rig.hits(text, reader) == []


def test_what_strangers_get_does_not_depend_on_private_documents(rig: Rig, tmp_path: Path) -> None:
    before = rig.ask("elapsed time")
    rig.library.apply([], ["plan.txt", "more.txt", "deal.txt"])
    rig.network.wait(PAUSE)
    assert rig.ask("elapsed time") == before


def test_what_one_reader_gets_does_not_depend_on_the_documents_of_another(rig: Rig) -> None:
    before = rig.ask("elapsed time", "alice")
    rig.library.apply([], ["deal.txt"])
    rig.network.wait(PAUSE)
    assert rig.ask("elapsed time", "alice") == before


def test_a_client_of_1_0_finds_nothing(rig: Rig) -> None:
    assert rig.ask("elapsed", "alice", version="1.0").startswith("300 ")


def test_the_best_come_first_and_no_more_than_asked_for(rig: Rig) -> None:
    assert len(rig.hits("elapsed", "alice", limit=2)) == 2
    weights = [hit.weight for hit in rig.hits("elapsed", "alice")]
    assert weights == sorted(weights, reverse=True)


def test_a_document_that_has_changed_is_not_shown_as_it_was(rig: Rig) -> None:
    file = rig.library.get("public.txt")
    assert file is not None
    rig.library._files["public.txt"] = rig.library._public["public.txt"] = type(file)(
        file.name, file.path, file.size, file.mtime_ns, "f" * 64, file.pieces, file.title
    )
    assert rig.hits("obfuscated") == []


def test_a_document_that_has_become_private_is_found_no_more(rig: Rig) -> None:
    file = rig.library.get("public.txt")
    assert file is not None
    fields = file.name, file.path, file.size, file.mtime_ns, file.sha256, file.pieces, file.title, file.inode
    rig.library.apply([type(file)(*fields, frozenset({"alice"}))], [])
    assert rig.hits("obfuscated") == []
    rig.network.wait(PAUSE)
    assert rig.hits("obfuscated") == []
    assert rig.names("obfuscated", "alice") == ["public.txt"]


def test_too_many_searches_are_refused(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_answers, "MAX_WAITING", 0)
    answer = rig.ask("elapsed")
    assert answer.startswith("403 ") and "Retry-After: 1\n" in answer


def test_a_peer_without_a_search_says_so(tmp_path: Path, rig: Rig) -> None:
    rig.factory.search = search_answers.no_search
    assert rig.ask("elapsed").startswith("403 ")
