"""The tables of the full text: what is kept of a document, and how it is found.

What everybody may know and what only some may know are two tables: nothing that is told to strangers, not even how well
a document fits, depends on private ones.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..wire.search import RfcFacts
from ..wire.search_terms import Term
from .fts import MAX_RANKED, TOKENIZER, expressions, limited, ranked
from .passage import Passage, passage_of
from .words import date_words, name_words

FORMAT = 1
"""Raise it when what was written before is no longer what would be written today."""

PUBLIC, PRIVATE = "public_text", "private_text"
"""The tables."""

_FTS = "name, title, number, date, authors, obsoletes, updates, body"
SCHEMA = f"""
CREATE TABLE document (
    id INTEGER PRIMARY KEY, name TEXT UNIQUE, title TEXT, size INTEGER, sha256 TEXT, is_public INTEGER,
    number INTEGER, category TEXT, date TEXT, authors TEXT, obsoletes TEXT, updates TEXT
);
CREATE INDEX by_content ON document (sha256);
CREATE VIRTUAL TABLE {PUBLIC} USING fts5({_FTS}, {TOKENIZER});
CREATE VIRTUAL TABLE {PRIVATE} USING fts5({_FTS}, {TOKENIZER});
PRAGMA user_version = {FORMAT};
"""
_COLUMNS: dict[str | None, str] = {
    None: "name title number date authors body",
    "name": "name",
    "title": "title",
    "author": "authors",
    "date": "date",
    "rfc": "number obsoletes updates",
    "obsoletes": "obsoletes",
    "updates": "updates",
}
_WEIGHTS = "5, 10, 20, 2, 5, 1, 1, 1"
"""How much each column counts: a title more than a body."""
_DOCUMENT = "name, title, size, sha256, is_public, number, category, date, authors, obsoletes, updates"


@dataclass(frozen=True)
class Entry:
    """A document of this peer: what is told of it, whether to everybody, and its text, "" if it has none."""

    name: str
    title: str
    size: int
    sha256: str
    is_public: bool
    facts: RfcFacts = field(default_factory=RfcFacts)
    text: str = ""


@dataclass(frozen=True)
class Match:
    """A document that was found, without its text; `weight` says how well it fits, as in a `wire.search.Hit`."""

    entry: Entry
    weight: int
    passage: Passage


def put(db: sqlite3.Connection, entry: Entry) -> bool:
    """Add a document, in place of one of the same name. Return True."""
    remove(db, entry.name)
    facts = entry.facts
    obsoletes, updates = _text(facts.obsoletes), _text(facts.updates)
    row = (entry.name, entry.title, entry.size, entry.sha256, entry.is_public, facts.number, facts.category)
    values = (*row, facts.date, facts.authors, obsoletes, updates)
    cursor = db.execute(f"INSERT INTO document ({_DOCUMENT}) VALUES ({_places(values)})", values)
    number = "" if facts.number is None else str(facts.number)
    words = (cursor.lastrowid, name_words(entry.name), entry.title, number, date_words(facts.date), facts.authors)
    texts = (*words, obsoletes, updates, entry.text)
    db.execute(f"INSERT INTO {_table(entry.is_public)} (rowid, {_FTS}) VALUES ({_places(texts)})", texts)
    return True


def remove(db: sqlite3.Connection, name: str) -> None:
    """Remove a document, if it is there."""
    for row, is_public in db.execute("SELECT id, is_public FROM document WHERE name = ?", (name,)).fetchall():
        db.execute(f"DELETE FROM {_table(is_public)} WHERE rowid = ?", (row,))
        db.execute("DELETE FROM document WHERE id = ?", (row,))


def remove_all(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """Remove documents."""
    for name in names:
        remove(db, name)


def entries(db: sqlite3.Connection) -> list[Entry]:
    """Return all documents, without their texts."""
    return [_entry(row) for row in db.execute(f"SELECT {_DOCUMENT} FROM document")]


def relations(db: sqlite3.Connection) -> list[RfcFacts]:
    """Return the facts of the RFCs that obsolete or update others."""
    query = f"SELECT {_DOCUMENT} FROM document WHERE obsoletes != '' OR updates != ''"
    return [_entry(row).facts for row in db.execute(query)]


def same_content(db: sqlite3.Connection, sha256: str) -> Entry | None:
    """Return a document with this content, its text included; None if there is none."""
    row = db.execute(f"SELECT id, {_DOCUMENT} FROM document WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone()
    if row is None:
        return None
    entry = _entry(row[1:])
    return replace(entry, text=_text_of(db, entry, row[0]))


def search(
    db: sqlite3.Connection, table: str, terms: Sequence[Term], most: int, is_wanted: Callable[[Entry], bool]
) -> list[Match]:
    """Return at most `most` documents of `table` that have all `terms` and that `is_wanted`, the best first.

    Raises sqlite3.OperationalError when it takes too long.
    """
    parts = expressions(terms, _COLUMNS)
    if not parts:
        return []
    with limited(db):
        found: list[Match] = []
        for row, weight in ranked(db, table, parts, _WEIGHTS, MAX_RANKED):
            entry = _entry(db.execute(f"SELECT {_DOCUMENT} FROM document WHERE id = ?", (row,)).fetchone())
            if is_wanted(entry):
                found.append(Match(entry, weight, passage_of(_text_of(db, entry, row), terms)))
            if len(found) >= most:
                break
        return found


def _text_of(db: sqlite3.Connection, entry: Entry, row: int) -> str:
    found = db.execute(f"SELECT body FROM {_table(entry.is_public)} WHERE rowid = ?", (row,)).fetchone()
    return "" if found is None else str(found[0])


def _entry(row: tuple[Any, ...]) -> Entry:
    name, title, size, sha256, is_public, number, category, date, authors, obsoletes, updates = row
    facts = RfcFacts(number, category, date, authors, _numbers(obsoletes), _numbers(updates))
    return Entry(name, title, int(size), sha256, bool(is_public), facts)


def _table(is_public: bool) -> str:
    return PUBLIC if is_public else PRIVATE


def _places(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _text(numbers: tuple[int, ...]) -> str:
    return " ".join(map(str, numbers))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))
