"""The names and titles of the documents of others, to be searched as one types: a table of FTS5 in temporary space.

Safe to use from any thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from threading import Lock

from twisted.logger import Logger

from ..wire.search_terms import Term
from .fts import TOKENIZER, expressions, limited, ranked
from .words import name_words, rfc_number

CACHE = 8 * 2**10
"""KiB of the table that are kept in memory; the rest is in a temporary file."""
MAX_RANKED = 200
"""Names that are compared; of more, the first that were added."""

_COLUMNS: dict[str | None, str] = {None: "name title number", "name": "name", "title": "title", "rfc": "number"}
_WEIGHTS = "0, 5, 10, 20"


class KnownNames:
    """The table. What fails is logged, and finds nothing."""

    log = Logger()

    def __init__(self) -> None:
        self._lock = Lock()
        self._rows: dict[str, int] = {}
        self._db: sqlite3.Connection | None = None

    def update(self, added: Iterable[tuple[str, Iterable[str]]], removed: Iterable[str]) -> None:
        """Add documents (their names and titles), in place of those of the same names, and remove others."""
        with self._lock:
            try:
                db = self._db = self._db or _new()
                with db:
                    for name in removed:
                        self._remove(db, name)
                    for name, titles in added:
                        self._add(db, name, titles)
            except sqlite3.Error as e:
                self.log.warn("the names of others' documents cannot be searched: {why}", why=str(e))

    def search(self, terms: Sequence[Term], most: int) -> list[tuple[str, int]]:
        """Return the names of at most `most` documents that have all `terms`, and their weights, the best first."""
        parts = expressions(terms, _COLUMNS)
        with self._lock:
            if self._db is None or not parts:
                return []
            try:
                with limited(self._db):
                    return [(self._name(self._db, row), weight) for row, weight in _found(self._db, parts)[:most]]
            except sqlite3.OperationalError:  # it took too long
                return []

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            if self._db is not None:
                self._db.close()
            self._db, self._rows = None, {}

    def _add(self, db: sqlite3.Connection, name: str, titles: Iterable[str]) -> None:
        self._remove(db, name)
        number = rfc_number(name)
        values = name, name_words(name), "\n".join(titles), "" if number is None else str(number)
        row = db.execute("INSERT INTO known (document, name, title, number) VALUES (?, ?, ?, ?)", values).lastrowid
        self._rows[name] = row or 0

    def _remove(self, db: sqlite3.Connection, name: str) -> None:
        if (row := self._rows.pop(name, None)) is not None:
            db.execute("DELETE FROM known WHERE rowid = ?", (row,))

    @staticmethod
    def _name(db: sqlite3.Connection, row: int) -> str:
        return str(db.execute("SELECT document FROM known WHERE rowid = ?", (row,)).fetchone()[0])


def _found(db: sqlite3.Connection, parts: Sequence[str]) -> list[tuple[int, int]]:
    return ranked(db, "known", parts, _WEIGHTS, MAX_RANKED)


def _new() -> sqlite3.Connection:
    db = sqlite3.connect("", check_same_thread=False)
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = OFF")
    db.execute(f"PRAGMA cache_size = -{CACHE}")
    db.execute(
        f"CREATE VIRTUAL TABLE known USING fts5(document UNINDEXED, name, title, number, {TOKENIZER}, prefix = '2 3')"
    )
    return db
