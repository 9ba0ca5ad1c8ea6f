"""The full text of this peer's own documents, in an SQLite file that is made anew if it is damaged.

Safe to use from any thread; what it does may take seconds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TypeVar

from twisted.logger import Logger

from ..config.database import DAMAGE, open_database
from ..wire.search import RfcFacts
from ..wire.search_terms import Term
from . import text_tables
from .text_tables import FORMAT, PRIVATE, PUBLIC, SCHEMA, Entry, Match

MAX_BYTES = 2**30
"""Largest file; documents for which there is no room are found by name and title alone."""

_PAGE = 4096
_T = TypeVar("_T")


class FullText:
    """The texts in the file `path`; `open` it first. If it cannot be used, nothing is found and nothing kept."""

    log = Logger()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._db: sqlite3.Connection | None = None
        self._warned: set[str] = set()

    def exists(self) -> bool:
        """Return whether there is a file."""
        return self._path.exists()

    def open(self) -> dict[str, Entry]:
        """Open the file; return the documents in it by name, without their texts."""
        with self._lock:
            try:
                self._db = self._checked()
            except DAMAGE as e:
                self._start_anew(e)
        found: list[Entry] = self._work(text_tables.entries, [])
        return {entry.name: entry for entry in found}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
            self._db = None

    def put(self, entry: Entry) -> None:
        """Add a document, in place of one of the same name; without its text if there is no room for that."""
        if not self._work(lambda db: text_tables.put(db, entry), False):
            self._work(lambda db: text_tables.put(db, replace(entry, text="")), False)

    def remove(self, names: Iterable[str]) -> None:
        """Remove documents."""
        self._work(lambda db: text_tables.remove_all(db, names), None)

    def same_content(self, sha256: str) -> Entry | None:
        """Return a document with this content, its text included; None if there is none."""
        return self._work(lambda db: text_tables.same_content(db, sha256), None)

    def search(self, terms: Sequence[Term], most: int) -> list[Match]:
        """Return at most `most` documents for everybody that have all `terms`, the best first."""
        return self._search(PUBLIC, terms, most, lambda entry: True)

    def search_private(self, terms: Sequence[Term], most: int, visible: Mapping[str, str]) -> list[Match]:
        """Return at most `most` of the private documents `visible` (name -> SHA-256) that have all `terms`."""
        return self._search(PRIVATE, terms, most, lambda entry: visible.get(entry.name) == entry.sha256)

    def relations(self) -> list[RfcFacts]:
        """Return the facts of the RFCs that obsolete or update others."""
        return self._work(text_tables.relations, [])

    def _search(self, table: str, terms: Sequence[Term], most: int, wanted: Callable[[Entry], bool]) -> list[Match]:
        return self._work(lambda db: text_tables.search(db, table, terms, most, wanted), [])

    # the file

    def _work(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        """Return the result of `work`, done in a transaction; `otherwise` if the file fails."""
        with self._lock:
            if self._db is None:
                return otherwise
            try:
                with self._db:
                    return work(self._db)
            except sqlite3.OperationalError as e:  # full, locked, or too slow
                self._warn(str(e))
            except DAMAGE as e:
                self._start_anew(e)
            return otherwise

    def _warn(self, what: str) -> None:
        """Log a failure once; it may come with each of many documents."""
        if what not in self._warned:
            self._warned.add(what)
            self.log.warn("full text {path}: {what}", path=str(self._path), what=what)

    def _checked(self) -> sqlite3.Connection:
        """Return the opened file, with its tables. Raises one of DAMAGE if it is damaged, or of another format."""
        return open_database(self._path, SCHEMA, FORMAT, (f"max_page_count = {MAX_BYTES // _PAGE}",), any_thread=True)

    def _start_anew(self, why: Exception) -> None:
        """Remove a file that cannot be used, and begin another; if that fails too, do without."""
        if self._db is not None:
            self._db.close()
        self._db = None
        self.log.warn("full text {path}: {why}; texts are read again", path=str(self._path), why=str(why))
        try:
            for end in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + end).unlink(missing_ok=True)
            self._db = self._checked()
        except DAMAGE as e:
            self.log.warn("full text {path}: {why}; no text is found", path=str(self._path), why=str(e))
