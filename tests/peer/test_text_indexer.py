"""The full text follows the library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from p2p_twisted.index.fulltext import FullText
from p2p_twisted.library.cache import HashCache
from p2p_twisted.library.catalogue import SharedFile
from p2p_twisted.library.extraction import Extractor
from p2p_twisted.library.shared import Library
from p2p_twisted.peer.text_indexer import MAX_PAUSE, PAUSE, TextIndexer
from p2p_twisted.wire.search_terms import parse_terms
from tests.support.captured_log import captured_log
from tests.support.memory_network import Network
from tests.support.sample_documents import pdf_of


class Rig:
    """A library, and its texts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "share"
        self.folder.mkdir(exist_ok=True)
        self.network = Network()
        self.fulltext = FullText(folder / "fulltext.sqlite")
        reactor: Any = self.network
        self.library = Library(reactor, [self.folder], HashCache(folder / "hashes.sqlite"))
        self.indexer = TextIndexer(reactor, self.library, self.fulltext)

    def start(self) -> None:
        self.indexer.start()
        self.scan()
        self.indexer.scanned()
        self.network.wait(PAUSE)

    def scan(self) -> None:
        self.library.scan()
        self.network.wait(PAUSE)

    def stop(self) -> None:
        Deferred.fromCoroutine(self.indexer.stop())
        self.network.wait(PAUSE)

    def names(self, search: str) -> list[str]:
        return [match.entry.name for match in self.fulltext.search(parse_terms(search), 10)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    found = Rig(tmp_path)
    yield found
    found.stop()


def test_no_file_is_made_without_documents(rig: Rig, tmp_path: Path) -> None:
    rig.start()
    assert not (tmp_path / "fulltext.sqlite").exists()
    (rig.folder / "a.txt").write_text("the first words")
    rig.scan()
    assert rig.names("first") == ["a.txt"]


def test_what_is_added_changed_and_removed(rig: Rig) -> None:
    (rig.folder / "a.txt").write_text("the first words")
    rig.start()
    assert rig.names("first") == ["a.txt"]
    (rig.folder / "b.pdf").write_bytes(pdf_of("other words"))
    (rig.folder / "a.txt").write_text("something else altogether")
    rig.scan()
    assert (rig.names("first"), rig.names("altogether"), rig.names("other")) == ([], ["a.txt"], ["b.pdf"])
    (rig.folder / "a.txt").unlink()
    rig.scan()
    assert rig.names("altogether") == []


def test_a_restart_reads_nothing_again_and_forgets_what_is_gone(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.txt", "b.txt"):
        (rig.folder / name).write_text(f"words in {name}")
    rig.start()
    rig.stop()
    (rig.folder / "b.txt").unlink()
    monkeypatch.setattr(Extractor, "read", None)
    again = Rig(tmp_path)
    again.start()
    assert again.names("words") == ["a.txt"]
    again.stop()


def test_a_file_under_a_new_name_is_not_read_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    (rig.folder / "a.txt").write_text("the same words")
    rig.start()
    monkeypatch.setattr(Extractor, "read", None)
    (rig.folder / "b.txt").write_text("the same words")
    rig.scan()
    assert sorted(rig.names("same")) == ["a.txt", "b.txt"]


def test_a_broken_pdf_is_found_by_its_name_and_said_to_be_broken(rig: Rig) -> None:
    (rig.folder / "broken\u202efdp.pdf").write_bytes(b"%PDF-1.4\nnothing of the kind")
    with captured_log() as log:
        rig.start()
    assert rig.names("broken") == ["broken\u202efdp.pdf"]
    [event] = [event for event in log if "why" in event]
    assert (event["name"], event["why"]) == ("broken\\u202efdp.pdf", "is broken")


def test_a_file_that_vanishes_is_read_when_it_is_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(file: SharedFile) -> int:
        raise FileNotFoundError

    (rig.folder / "a.txt").write_text("words")
    monkeypatch.setattr(rig.library, "open", gone)
    rig.start()
    assert rig.names("words") == []
    monkeypatch.undo()
    (rig.folder / "a.txt").write_text("other words")
    rig.scan()
    assert rig.names("words") == ["a.txt"]


def test_stopping_ends_the_reader(rig: Rig) -> None:
    (rig.folder / "a.txt").write_text("words")
    rig.start()
    assert rig.indexer._extractor._process is None
    rig.stop()
    (rig.folder / "b.txt").write_text("words")
    rig.scan()
    assert rig.names("words") == []


def test_it_waits_for_the_end_of_many_changes_but_not_for_ever(rig: Rig) -> None:
    rig.start()
    for number in range(int(MAX_PAUSE)):
        assert rig.names("words") == []
        (rig.folder / f"{number}.txt").write_text(f"words {number}")
        rig.library.scan()
        rig.network.wait(1)
    rig.network.wait(1)
    assert rig.names("words")
