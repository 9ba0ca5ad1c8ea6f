"""The hashes of files read before, in an SQLite file, so that a restart hashes nothing again.

Safe to use from any thread: one connection, and one lock held for each piece of work. The cache is a convenience: once
it is open, every failure of its file is logged and costs no more than hashing again. A disk may change a row without
SQLite noticing, and a wrong hash would be announced to everybody, so each row carries a checksum.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import NamedTuple, TypeVar

from twisted.logger import Logger

from ..config.database import make_tables
from ..config.folders import make_database_private

FORMAT = 2
"""Raise it when rows written before no longer match what would be found today, for instance better titles."""

PAGE = 100
"""Rows that `rows` reads at a time: with a query that stays open, the write-ahead log would grow."""

# All columns are bytes: numbers of any size fit, and a damaged text fails its checksum, not the query.
_TABLE = """CREATE TABLE hashes (
    path BLOB PRIMARY KEY, stamp BLOB, sha256 BLOB, pieces BLOB, title BLOB, checksum BLOB
) WITHOUT ROWID"""
_SEP = os.fsencode(os.sep)
_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""Errors of the module sqlite3; the second where its text repeats a damaged schema."""
_T = TypeVar("_T")


class Stamp(NamedTuple):
    """A file's identity without reading it: size in bytes, time of change in nanoseconds, inode."""

    size: int
    mtime_ns: int
    inode: int


class Hashes(NamedTuple):
    """The result of reading a file: SHA-256 in hex, 32 bytes for each piece (b"" if at most one), title or ""."""

    sha256: str
    pieces: bytes
    title: str


class HashCache:
    """Hashes by path and stamp, kept in the SQLite file `path`.

    A broken file is set aside as ``NAME.broken`` and a new one started. Raises sqlite3.OperationalError if the file
    can neither be opened nor made. After a fork, `reopen` it before use: SQLite's locks are not carried over.
    """

    log = Logger()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._warned: set[str] = set()
        self._lock = Lock()
        try:
            self._db = self._open()
        except _ERRORS as e:
            if not _is_broken(e):
                raise
            self._db = self._start_anew(e)

    def reopen(self) -> None:
        """Open the file again if there was a fork. If that fails, nothing is found and nothing is kept."""
        if self._process == os.getpid():
            return
        with self._lock:
            self._db.close()
            try:
                self._db = self._open()
            except _ERRORS as e:
                self._warn(str(e))

    def get(self, path: str, stamp: Stamp) -> Hashes | None:
        """Return the hashes of the file at `path`, None unless an undamaged row has them for this stamp."""
        query = "SELECT stamp, sha256, pieces, title, checksum FROM hashes WHERE path = ?"
        key = os.fsencode(path)
        row = self._work(lambda db: db.execute(query, (key,)).fetchone(), None)
        if row is None:
            return None
        if not all(isinstance(value, bytes) for value in row) or row[-1] != _checksum(key, *row[:-1]):
            self._warn("a row is damaged; its file is read again")
            return None
        if row[0] != _stamp_text(stamp):
            return None
        return Hashes(row[1].decode(), row[2], row[3].decode("utf-8", "surrogatepass"))

    def put(self, rows: Iterable[tuple[str, Stamp, Hashes]]) -> None:
        """Put these files in one transaction, replacing the rows of the same paths."""
        values = [_row(*row) for row in rows]
        self._change("INSERT OR REPLACE INTO hashes VALUES (?,?,?,?,?,?)", values)

    def prune(self, folder: str, present: set[str]) -> None:
        """Forget the files below `folder` that are neither `present` nor on the disk."""
        below, beyond = (os.fsencode(folder.rstrip(os.sep)) + end for end in (_SEP, bytes([_SEP[0] + 1])))
        query = "SELECT path FROM hashes WHERE path > ? AND path < ?"
        known: list[tuple[bytes]] = self._work(lambda db: db.execute(query, (below, beyond)).fetchall(), [])
        gone = [(path,) for (path,) in known if os.fsdecode(path) not in present and not os.path.lexists(path)]
        self._change("DELETE FROM hashes WHERE path = ?", gone)

    def close(self) -> None:
        """Close the file. Later look-ups find nothing, and later puts are not kept."""
        with self._lock:
            self._db.close()

    def _change(self, statement: str, rows: Sequence[tuple[bytes, ...]]) -> None:
        """Execute `statement` for each of `rows`. Its cursor ends here, under the lock: threads share the statement."""
        self._work(lambda db: db.executemany(statement, rows).close(), None)

    def _work(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        """Return the result of `work`, done in a transaction; `otherwise` if the file fails."""
        with self._lock:
            try:
                with self._db:
                    return work(self._db)
            except _ERRORS as e:
                if _is_broken(e):
                    self._replace_broken(e)
                else:
                    self._warn(str(e))
                return otherwise

    def _warn(self, what: str) -> None:
        """Log a failure once; it may come with each of many files."""
        if what not in self._warned:
            self._warned.add(what)
            self.log.warn("hash cache {path}: {what}", path=str(self._path), what=what)

    def _open(self) -> sqlite3.Connection:
        self._process = os.getpid()
        make_database_private(self._path)
        db = sqlite3.connect(self._path, check_same_thread=False)
        try:
            db.text_factory = bytes
            schema = db.execute("SELECT sql FROM sqlite_master WHERE name = 'hashes'").fetchone()
            if db.execute("PRAGMA user_version").fetchone() != (FORMAT,) or schema != (_TABLE.encode(),):
                make_tables(db, f"DROP TABLE IF EXISTS hashes; {_TABLE}; PRAGMA user_version = {FORMAT}")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
        except _ERRORS:
            db.close()
            raise
        return db

    def _replace_broken(self, why: Exception) -> None:
        """Start with an empty file while in use; if that fails too, keep the hashes in memory until the next start."""
        self._db.close()
        try:
            self._db = self._start_anew(why)
        except (OSError, *_ERRORS) as e:
            self._warn(f"no new one can be made ({e}); hashes are kept in memory")
            self._db = sqlite3.connect(":memory:", check_same_thread=False)
            self._db.text_factory = bytes
            self._db.execute(_TABLE)

    def _start_anew(self, why: Exception) -> sqlite3.Connection:
        """Set the broken file aside; its write-ahead log must not meet the new one."""
        self.log.warn("hash cache {path} is broken ({why}); a new one is started", path=str(self._path), why=why)
        self._path.replace(f"{self._path}.broken")
        for companion in ("-wal", "-shm"):
            Path(f"{self._path}{companion}").unlink(missing_ok=True)
        return self._open()


def rows(path: Path) -> Iterator[tuple[str, Stamp, str]]:
    """Yield the path, the stamp and the SHA-256 of each undamaged row of the cache in the file `path`, without writing.

    Raises sqlite3.Error. The process that the cache belongs to may write meanwhile.
    """
    query = "SELECT path, stamp, sha256, pieces, title, checksum FROM hashes WHERE path > ? ORDER BY path LIMIT ?"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        after = b""
        while page := db.execute(query, (after, PAGE)).fetchall():
            after = page[-1][0]
            for key, *values, checksum in page:
                if all(isinstance(value, bytes) for value in values) and checksum == _checksum(key, *values):
                    yield os.fsdecode(key), Stamp(*map(int, values[0].split())), values[1].decode()


def _row(path: str, stamp: Stamp, hashes: Hashes) -> tuple[bytes, ...]:
    fields = (
        os.fsencode(path),
        _stamp_text(stamp),
        hashes.sha256.encode(),
        hashes.pieces,
        hashes.title.encode("utf-8", "surrogatepass"),
    )
    return *fields, _checksum(*fields)


def _stamp_text(stamp: Stamp) -> bytes:
    return " ".join(map(str, stamp)).encode()


def _checksum(*fields: bytes) -> bytes:
    """Bind the fields of a row together; their lengths are hashed too, so that no byte can change sides."""
    digest = hashlib.sha256()
    for field in fields:
        digest.update(b"%d:%b" % (len(field), field))
    return digest.digest()[:16]


def _is_broken(error: Exception) -> bool:
    """Return whether the file is no database, or one that can never be used; other errors mean locked, full or closed.

    A damaged head shows as a format of the future, or as a read-only one.
    """
    return type(error) in (sqlite3.DatabaseError, UnicodeDecodeError) or str(error) in (
        "unsupported file format",
        "attempt to write a readonly database",
    )
