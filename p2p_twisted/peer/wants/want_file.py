"""The wants of a peer and the files that were fetched for them, in an SQLite file of the state folder.

For the reactor's thread: each call is one short transaction. What it cannot write is logged. Then a file may count as
one that was not fetched for a want, and stays as it is.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from twisted.logger import Logger

from ...config.database import DAMAGE, open_database
from ...library.cache import Stamp
from ...wire.address import Address
from .want import Want

FORMAT = 1

_SCHEMA = f"""
CREATE TABLE wants (id TEXT PRIMARY KEY, pattern TEXT, folder BLOB, holder TEXT, deletes INTEGER);
CREATE TABLE kept (
    name TEXT, folder BLOB, sha256 TEXT, stamp TEXT, holders TEXT, coming TEXT, PRIMARY KEY (name, folder)
) WITHOUT ROWID;
PRAGMA user_version = {FORMAT};
"""
_T = TypeVar("_T")


@dataclass(frozen=True)
class Content:
    """A content, and the peers that had it when it was fetched, less those that have removed theirs."""

    sha256: str
    holders: frozenset[Address]


@dataclass(frozen=True)
class KeptFile:
    """A file that was fetched for a want: what it `is`, with the `stamp` that it had then; and what is `coming` to it.

    If the peer was killed, it may be either.
    """

    here: Content | None
    stamp: Stamp | None
    coming: Content | None


class WantFile:
    """The file ``wants.sqlite``; `open` it first. One that is broken is set aside."""

    log = Logger()

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "wants.sqlite"
        self._db: sqlite3.Connection | None = None
        self._names: dict[Path, set[str]] = {}

    def open(self) -> None:
        """Open the file. If that fails, it is empty until the next start, and nothing is kept."""
        try:
            self._db = self._opened()
        except DAMAGE as e:
            self.log.warn("{path} is broken ({why}); wants begin anew", path=str(self._path), why=str(e))
            self._db = self._anew()

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
        self._db, self._names = None, {}

    # wants

    def wants(self) -> list[Want]:
        """Return the wants, in the order in which they were added."""
        return self._work(lambda db: [_want(*row) for row in db.execute("SELECT * FROM wants ORDER BY rowid")], [])

    def add(self, want: Want) -> None:
        """Add a want, in place of one with the same id. Raises sqlite3.Error."""
        holder = None if want.holder is None else json.dumps(want.holder)
        values = want.id, want.pattern, os.fsencode(want.directory), holder, want.deletes
        self._execute("INSERT OR REPLACE INTO wants VALUES (?, ?, ?, ?, ?)", values)

    def remove(self, id_: str) -> None:
        """Remove a want. Raises sqlite3.Error."""
        self._execute("DELETE FROM wants WHERE id = ?", (id_,))

    def _execute(self, statement: str, values: tuple[object, ...]) -> None:
        if self._db is None:
            raise sqlite3.OperationalError(f"{self._path} could not be opened")
        with self._db:
            self._db.execute(statement, values)

    # files

    def names(self, folder: Path) -> Collection[str]:
        """Return the names of the files that were, or are, fetched for wants to `folder`; a live view."""
        return self._names_in(folder)

    def _names_in(self, folder: Path) -> set[str]:
        if folder not in self._names:
            query, key = "SELECT name FROM kept WHERE folder = ?", (os.fsencode(folder),)
            self._names[folder] = self._work(lambda db: {str(name) for (name,) in db.execute(query, key)}, set())
        return self._names[folder]

    def get(self, folder: Path, name: str) -> KeptFile | None:
        """Return what is known of the file `name` below `folder`; None if it was not fetched for a want."""
        query = "SELECT sha256, stamp, holders, coming FROM kept WHERE name = ? AND folder = ?"
        row = self._work(lambda db: db.execute(query, (name, os.fsencode(folder))).fetchone(), None)
        return None if row is None else _kept_file(*row)

    def put(self, folder: Path, files: Iterable[tuple[str, KeptFile]]) -> None:
        """Note files below `folder` by name, in place of what was known of them."""
        rows = [(name, os.fsencode(folder), *_columns(file)) for name, file in files]
        if self._work(lambda db: db.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?, ?)", rows), None):
            self._names_in(folder).update(str(row[0]) for row in rows)

    def forget(self, folder: Path, names: Iterable[str]) -> None:
        """Forget files below `folder`."""
        rows = [(name, os.fsencode(folder)) for name in names]
        self._names_in(folder).difference_update(name for name, _ in rows)
        self._work(lambda db: db.executemany("DELETE FROM kept WHERE name = ? AND folder = ?", rows), None)

    # the file

    def _work(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        """Return the result of `work`, done in a transaction; `otherwise` if the file fails."""
        if self._db is None:
            return otherwise
        try:
            with self._db:
                return work(self._db)
        except DAMAGE as e:
            self.log.warn("{path}: {why}", path=str(self._path), why=str(e))
            return otherwise

    def _opened(self) -> sqlite3.Connection:
        return open_database(self._path, _SCHEMA, FORMAT)

    def _anew(self) -> sqlite3.Connection | None:
        try:
            self._path.replace(f"{self._path}.broken")
            for end in ("-wal", "-shm"):
                Path(f"{self._path}{end}").unlink(missing_ok=True)
            return self._opened()
        except DAMAGE as e:
            self.log.warn("{path}: {why}; wants are not kept", path=str(self._path), why=str(e))
            return None


def _want(id_: str, pattern: str, folder: bytes, holder: str | None, deletes: int) -> Want:
    return Want(id_, pattern, Path(os.fsdecode(folder)), None if holder is None else _address(holder), bool(deletes))


def _address(text: str) -> Address:
    host, port = json.loads(text)
    return str(host), int(port)


def _columns(file: KeptFile) -> tuple[str | None, ...]:
    here = file.here
    return (
        None if here is None else here.sha256,
        None if file.stamp is None else json.dumps(file.stamp),
        None if here is None else json.dumps(sorted(here.holders)),
        None if file.coming is None else json.dumps([file.coming.sha256, sorted(file.coming.holders)]),
    )


def _kept_file(sha256: str | None, stamp: str | None, holders: str | None, coming: str | None) -> KeptFile:
    return KeptFile(
        None if sha256 is None or holders is None else Content(sha256, _addresses(json.loads(holders))),
        None if stamp is None else Stamp(*json.loads(stamp)),
        None if coming is None else _content(*json.loads(coming)),
    )


def _content(sha256: str, holders: Any) -> Content:
    return Content(sha256, _addresses(holders))


def _addresses(values: Iterable[tuple[str, int]]) -> frozenset[Address]:
    return frozenset((host, port) for host, port in values)
