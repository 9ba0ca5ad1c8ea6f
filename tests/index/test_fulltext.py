"""The full text of own documents: what is found, and in which order; a file that is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent

from p2p_twisted.index import fts, fulltext
from p2p_twisted.index.fulltext import FullText
from p2p_twisted.index.text_tables import Entry
from p2p_twisted.wire.search import MAX_WEIGHT, RfcFacts
from p2p_twisted.wire.search_terms import parse_terms
from tests.support.captured_log import captured_log

TLS = Entry(
    "rfc/rfc8446.txt",
    "The Transport Layer Security (TLS) Protocol Version 1.3",
    340,
    "a" * 64,
    True,
    RfcFacts(8446, "Standards Track", "2018-08", "E. Rescorla", (5246, 6961), (5705,)),
    "Handshake messages are sent in order. The elapsed time is obfuscated.",
)
OLD_TLS = Entry(
    "rfc/rfc5246.txt", "TLS 1.2", 200, "b" * 64, True, RfcFacts(5246, date="2008-08", authors="T. Dierks; E. Rescorla")
)
NOTES = Entry("notes/Zürich.md", "Notes", 20, "c" * 64, True, text="The train is late. TLS was not spoken of.")
SECRET = Entry("secret/plan.txt", "The plan", 20, "d" * 64, False, text="The elapsed time is a secret: xyzzy.")


@pytest.fixture
def texts(tmp_path: Path) -> Iterator[FullText]:
    found = FullText(tmp_path / "fulltext.sqlite")
    found.open()
    for entry in (TLS, OLD_TLS, NOTES, SECRET):
        found.put(entry)
    yield found
    found.close()


def said(log: EventLoggingObserver) -> str:
    return "\n".join(filter(None, map(formatEvent, log)))


def names(texts: FullText, search: str, most: int = 10) -> list[str]:
    return [match.entry.name for match in texts.search(parse_terms(search), most)]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ('"elapsed time"', [TLS]),
        ("time elapsed", [TLS]),
        ('"time elapsed"', []),
        ("handshake train", []),
        ("zurich", [NOTES]),
        ("8446", [TLS]),
        ("rfc8446", [TLS]),
        ("rfc8446.txt", [TLS]),
        ("rfc:8446", [TLS]),
        ("rfc:5246", [OLD_TLS, TLS]),
        ("obsoletes:5246", [TLS]),
        ("updates:5705", [TLS]),
        ("updates:5246", []),
        ("author:rescorla", [OLD_TLS, TLS]),
        ("author:handshake", []),
        ("title:handshake", []),
        ("date:2018-08", [TLS]),
        ("august 2018", [TLS]),
        ("name:notes", [NOTES]),
        ("hand*", [TLS]),
        ("han", []),
        ("xyzzy", []),
        ("NEAR AND OR NOT", []),
        ("' ; drop", []),
    ],
)
def test_what_is_found(texts: FullText, search: str, found: list[Entry]) -> None:
    assert sorted(names(texts, search)) == sorted(entry.name for entry in found)


def test_a_title_comes_before_a_body(texts: FullText) -> None:
    assert names(texts, "tls")[-1] == NOTES.name
    assert names(texts, "tls", 1) == names(texts, "tls")[:1]


def test_a_match_says_what_it_is_and_where(texts: FullText) -> None:
    [match] = texts.search(parse_terms('"elapsed time"'), 10)
    assert match.entry == replace(TLS, text="")
    assert 0 < match.weight <= MAX_WEIGHT
    [(first, last)] = match.passage.marks
    assert match.passage.text[first : last + 1] == "elapsed time"


def test_private_documents_are_found_by_those_who_may_know_of_them(texts: FullText) -> None:
    terms = parse_terms("xyzzy")
    assert texts.search_private(terms, 10, {}) == []
    assert texts.search_private(terms, 10, {SECRET.name: "e" * 64}) == []
    [match] = texts.search_private(terms, 10, {SECRET.name: SECRET.sha256})
    assert match.entry.name == SECRET.name


def test_a_private_document_changes_nothing_in_what_strangers_see(texts: FullText) -> None:
    before = texts.search(parse_terms("elapsed time"), 10)
    for number in range(20):
        texts.put(replace(SECRET, name=f"secret/{number}", text="elapsed time " * number))
    assert texts.search(parse_terms("elapsed time"), 10) == before


def test_a_document_that_changes(texts: FullText) -> None:
    texts.put(replace(TLS, sha256="e" * 64, text="Something else"))
    assert names(texts, "handshake") == []
    assert names(texts, "something") == [TLS.name]
    texts.put(replace(TLS, is_public=False))
    assert names(texts, "rfc:8446") == []
    texts.remove([TLS.name, "unknown"])
    assert texts.search_private(parse_terms("rfc:8446"), 10, {TLS.name: TLS.sha256}) == []


def test_a_content_that_is_there_under_another_name(texts: FullText) -> None:
    assert texts.same_content(TLS.sha256) == TLS
    assert texts.same_content(SECRET.sha256) == SECRET
    assert texts.same_content("f" * 64) is None


def test_it_is_there_again_after_a_restart(tmp_path: Path, texts: FullText) -> None:
    texts.close()
    assert names(texts, "tls") == []
    again = FullText(tmp_path / "fulltext.sqlite")
    known = again.open()
    assert known[TLS.name] == replace(TLS, text="") and len(known) == 4
    assert names(again, "handshake") == [TLS.name]
    again.close()


def garbage(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)


def another_format(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()


def a_hole(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [garbage, another_format, a_hole])
def test_a_damaged_file_is_made_anew(tmp_path: Path, texts: FullText, damage: Callable[[Path], None]) -> None:
    texts.close()
    damage(tmp_path / "fulltext.sqlite")
    again = FullText(tmp_path / "fulltext.sqlite")
    with captured_log() as log:
        assert again.open() == {}
    assert "texts are read again" in said(log)
    again.put(TLS)
    assert names(again, "handshake") == [TLS.name]
    again.close()


def test_a_file_that_cannot_be_made_costs_no_more_than_the_search(tmp_path: Path) -> None:
    texts = FullText(tmp_path / "no such folder" / "fulltext.sqlite")
    with captured_log() as log:
        assert texts.open() == {}
    assert "no text is found" in said(log)
    texts.put(TLS)
    assert names(texts, "tls") == []


def test_a_full_file_takes_no_more_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fulltext, "MAX_BYTES", 200 * 4096)
    texts = FullText(tmp_path / "fulltext.sqlite")
    texts.open()
    with captured_log() as log:
        texts.put(replace(TLS, text="word " * 400_000))
    assert "full" in said(log)
    assert names(texts, "word") == []
    assert names(texts, "rfc:8446") == [TLS.name]
    texts.close()


def test_a_search_that_takes_too_long_finds_nothing(texts: FullText, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fts, "TIMEOUT", -1)
    monkeypatch.setattr(fts, "STEPS", 1)
    with captured_log():
        assert names(texts, "tls") == []
    monkeypatch.undo()
    assert names(texts, "tls")


def test_nobody_else_may_read_the_file(tmp_path: Path, texts: FullText) -> None:
    assert (tmp_path / "fulltext.sqlite").stat().st_mode & 0o077 == 0
