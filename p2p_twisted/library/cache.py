"""What is known of files hashed before, in an SQLite file, so that a restart hashes nothing again.

Safe to use from any thread: one connection, and one lock held for each piece of work. The cache is a convenience: once
it is open, whatever happens to its file is logged, and costs no more than hashing again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import NamedTuple, TypeVar

from twisted.logger import Logger

from ..folders import make_database_private

FORMAT = 1
"""Raised whenever rows written before no longer say what would be found today, for instance better titles."""

_TABLE = """
CREATE TABLE hashes (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, inode INTEGER, sha256 TEXT, pieces BLOB, title TEXT
) WITHOUT ROWID
"""
_SEP = os.fsencode(os.sep)
_T = TypeVar("_T")


class Stamp(NamedTuple):
    """What tells, without reading it, that a file is still the same: size in bytes, time of change in ns, inode."""

    size: int
    mtime_ns: int
    inode: int


class Hashes(NamedTuple):
    """What reading a file gave: SHA-256 in hex, 32 bytes for each piece (b"" if at most one), title or ""."""

    sha256: str
    pieces: bytes
    title: str


class HashCache:
    """Hashes by path and stamp, kept in the SQLite file `path`.

    A broken file is set aside as ``NAME.broken`` and a new one started. Raises sqlite3.OperationalError if the file
    can neither be opened nor made. Open it after daemonizing: an SQLite connection must not be carried over a fork.
    """

    log = Logger()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        try:
            self._db = self._open()
        except sqlite3.DatabaseError as e:
            if not _is_broken(e):
                raise
            self._db = self._start_anew(e)

    def get(self, path: str, stamp: Stamp) -> Hashes | None:
        """The hashes of the file at `path`, if they were put with just this stamp."""
        query = "SELECT sha256, pieces, title FROM hashes WHERE path = ? AND size = ? AND mtime_ns = ? AND inode = ?"
        row = self._work(lambda db: db.execute(query, (os.fsencode(path), *stamp)).fetchone(), None)
        return Hashes(*row) if row else None

    def put(self, rows: Iterable[tuple[str, Stamp, Hashes]]) -> None:
        """Remember these files, in one transaction, in place of what was known of the same paths."""
        values = [(os.fsencode(path), *stamp, *hashes) for path, stamp, hashes in rows]
        self._work(lambda db: db.executemany("INSERT OR REPLACE INTO hashes VALUES (?,?,?,?,?,?,?)", values), None)

    def prune(self, folder: str, present: set[str]) -> None:
        """Forget the files below `folder` that are neither `present` nor on the disk."""
        below, beyond = (os.fsencode(folder.rstrip(os.sep)) + end for end in (_SEP, bytes([_SEP[0] + 1])))
        query = "SELECT path FROM hashes WHERE path > ? AND path < ?"
        known: list[tuple[bytes]] = self._work(lambda db: db.execute(query, (below, beyond)).fetchall(), [])
        gone = [(path,) for (path,) in known if os.fsdecode(path) not in present and not os.path.lexists(path)]
        self._work(lambda db: db.executemany("DELETE FROM hashes WHERE path = ?", gone), None)

    def close(self) -> None:
        """Close the file. What is asked afterwards is not known, what is put is not kept."""
        with self._lock:
            self._db.close()

    def _work(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        """The result of `work`, done in a transaction; `otherwise` when the file lets us down."""
        with self._lock:
            try:
                with self._db:
                    return work(self._db)
            except sqlite3.DatabaseError as e:
                if _is_broken(e):
                    self._db = self._start_anew(e)
                else:
                    self.log.warn("hash cache {path}: {error}", path=str(self._path), error=e)
                return otherwise

    def _open(self) -> sqlite3.Connection:
        make_database_private(self._path)
        db = sqlite3.connect(self._path, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            if db.execute("PRAGMA user_version").fetchone() != (FORMAT,):
                db.executescript(f"DROP TABLE IF EXISTS hashes; {_TABLE}; PRAGMA user_version = {FORMAT}")
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    def _start_anew(self, why: sqlite3.DatabaseError) -> sqlite3.Connection:
        """Set the broken file aside; its write-ahead log must not meet the new one."""
        self.log.warn("hash cache {path} is broken ({why}), starting anew", path=str(self._path), why=why)
        if hasattr(self, "_db"):
            self._db.close()
        self._path.replace(f"{self._path}.broken")
        for companion in ("-wal", "-shm"):
            Path(f"{self._path}{companion}").unlink(missing_ok=True)
        return self._open()


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is no database (any more); its subclasses mean locked, full, closed and the like."""
    return type(error) is sqlite3.DatabaseError
