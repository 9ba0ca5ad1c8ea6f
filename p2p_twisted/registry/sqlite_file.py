"""The SQLite file of a registry: its table, how it is opened, and its errors, each in one line with the remedy."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

from ..config.folders import make_database_private
from ..wire.visible import shown
from .sqlite_rows import Row
from .store import StoreError

LAYOUT = 2
"""Version of the layout of the table, kept as SQLite's user_version."""

CHECKPOINT_PAGES = 4000
"""Pages of the write-ahead log after which they are moved into the file, which waits for the disk."""

READ_AT_ONCE = 5000
"""Rows."""
MIN_ROWID = -(2**63)
"""A row with just this cookie, which no peer can have, would not be read."""

_CREATE = """
CREATE TABLE IF NOT EXISTS peers (
    cookie INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    active INTEGER NOT NULL,
    expires REAL NOT NULL,          -- Unix time at which the TTL is 0
    registered_at INTEGER NOT NULL, -- Unix time
    activations TEXT NOT NULL,      -- Unix times, separated by spaces
    proven INTEGER NOT NULL         -- whether the cookie was used since the first Register
)"""
_UPGRADE = "ALTER TABLE peers ADD COLUMN proven INTEGER NOT NULL DEFAULT 1"
"""From layout 1 to 2."""
_SELECT = """
SELECT cookie, host, port, active, expires, registered_at, activations, proven FROM peers
WHERE cookie > ? ORDER BY cookie LIMIT ?"""
_INSERT = "INSERT OR REPLACE INTO peers VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM peers WHERE cookie = ?"

_REMEDIES = {
    "locked": "; close the program that has opened it",
    "unable to open": "; check that the folder is there and may be written to",
    "readonly": "; check that the file may be written to",
    "no such": "; move it away to start with an empty registry",
    "not a database": "; move it away to start with an empty registry",
    "malformed": "; move it away to start with an empty registry",
    "full": "; make room on the disk",
}

T = TypeVar("T")


class SQLiteFile:
    """The file `path`, created if it does not exist; the folder must exist. All methods may raise StoreError."""

    def __init__(self, path: Path, is_always_synced: bool) -> None:
        """`is_always_synced`: each transaction waits for the disk, not only for the kernel."""
        self.path = path
        self._synchronous = "FULL" if is_always_synced else "NORMAL"
        self._connection: sqlite3.Connection | None = None

    @property
    def is_open(self) -> bool:
        """Whether the file is open, and can be written."""
        return self._connection is not None

    def rows(self) -> Iterator[list[Row]]:
        """Iterate over the rows as they are, by cookie, some at a time, with the file opened for as long as that takes.

        Bytes of a text that are not UTF-8 are replaced.
        """
        with closing(self._open()) as connection:
            last = MIN_ROWID
            while rows := self._try(partial(_read, connection, last)):
                yield rows
                last = rows[-1][0]

    def open(self) -> None:
        """Open the file until `close`; nobody else can meanwhile."""
        self._connection = self._open()

    def save(self, rows: Sequence[Row], dropped: Iterable[int] = ()) -> None:
        """Write `rows` and remove those with the cookies in `dropped`: all of it, or nothing."""
        connection = self._connection
        if connection is None:
            raise StoreError(f"{self.path} is not open")
        self._try(lambda: _transact(connection, rows, [(cookie,) for cookie in dropped]))

    def close(self) -> None:
        """Release the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        make_database_private(self.path)
        connection = self._try(lambda: sqlite3.connect(self.path, timeout=1, isolation_level=None))
        try:
            layout = self._try(lambda: self._prepare(connection))
            if layout != LAYOUT:
                raise StoreError(f"{self.path} has layout {layout}, not {LAYOUT}: was it made by a newer version?")
        except StoreError:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> int:
        """Set up a new connection, and the table in a new file; return the version of the layout."""
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            layout = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if layout >= LAYOUT:
                return layout
            connection.execute(_UPGRADE if layout else _CREATE)
            connection.execute(f"PRAGMA user_version = {LAYOUT}")
        return LAYOUT

    def _try(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            # a damaged schema is repeated in the text of the error, whatever it is by now
            text = str(error) if isinstance(error, sqlite3.Error) else "malformed database schema"
            remedy = next((remedy for sign, remedy in _REMEDIES.items() if sign in text), "")
            raise StoreError(f"{self.path}: {shown(' '.join(text.split()))}{remedy}") from error


def _read(connection: sqlite3.Connection, after: int) -> list[Row]:
    try:
        connection.text_factory = str
        return connection.execute(_SELECT, (after, READ_AT_ONCE)).fetchall()
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
    connection.text_factory = lambda data: data.decode("utf-8", "replace")  # it takes a third more time
    return connection.execute(_SELECT, (after, READ_AT_ONCE)).fetchall()


def _transact(connection: sqlite3.Connection, rows: Sequence[Row], dropped: Sequence[tuple[int]]) -> None:
    if len(rows) == 1 and not dropped:
        connection.execute(_INSERT, rows[0])  # a transaction by itself
        return
    with connection:
        connection.execute("BEGIN")
        connection.executemany(_INSERT, rows)
        connection.executemany(_DELETE, dropped)
