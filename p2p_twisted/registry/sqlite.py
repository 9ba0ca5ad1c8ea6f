"""The registry that outlives its process: a MemoryRegistry that writes itself down in one SQLite file.

A Register or Leave is a transaction of its own and is committed before it is answered, so it survives `kill -9` (the
write-ahead log is with the kernel by then; only a power cut may take the last moments). TTLs are written by `sweep`.
The file has deadlines in Unix time, as the monotonic clock starts anew with the machine; what is left of a TTL is
worked out at loading.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TypeVar

from twisted.logger import Logger

from ..config.folders import make_database_private
from ..wire.errors import BadRequest
from ..wire.limits import TTL
from .memory import MemoryRegistry
from .record import PeerRecord
from .rows import Row, record_of, row_of
from .store import StoreError

LAYOUT = 1
"""Version of the table's layout, kept as SQLite's user_version."""

BATCH = 1000
"""Most records that one sweep writes, longest waiting first. At some 10 us each: nobody is served meanwhile."""

CHECKPOINT = 4000
"""Pages of the write-ahead log that are gathered before they are moved into the file, which waits for the disk."""

_CREATE = """
CREATE TABLE IF NOT EXISTS peers (
    cookie INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    active INTEGER NOT NULL,
    expires REAL NOT NULL,          -- Unix time at which the TTL is 0
    registered_at INTEGER NOT NULL, -- Unix time
    activations TEXT NOT NULL       -- Unix times, parted by spaces
)"""
_SELECT = "SELECT cookie, host, port, active, expires, registered_at, activations FROM peers ORDER BY expires"
_INSERT = "INSERT OR REPLACE INTO peers VALUES (?, ?, ?, ?, ?, ?, ?)"

T = TypeVar("T")

_REMEDIES = {
    "locked": "; close the program that has opened it",
    "unable to open": "; check that the folder is there and may be written to",
    "readonly": "; check that the file may be written to",
    "no such": "; move it away to start with an empty registry",
    "not a database": "; move it away to start with an empty registry",
    "malformed": "; move it away to start with an empty registry",
    "full": "; make room on the disk",
}


class SQLiteRegistry(MemoryRegistry):
    """A Registry in the SQLite file `path`, which is made if need be; the folder must be there.

    Loads everything at once; `start` then takes the file, and nobody else can open it until `close`. Between the two
    the process may fork, which an open SQLite file would not survive. Raises StoreError when the file cannot be read,
    belongs to a running RS, or is of a newer version. A row that cannot be a peer's is left out, and left as it is.
    """

    _log = Logger()

    def __init__(
        self,
        path: Path,
        ttl: int = TTL,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(ttl, monotonic, wall)
        self._path = path
        self._dirty: dict[int, None] = {}  # cookies, in the order in which they came to wait
        self._file: sqlite3.Connection | None = None
        with closing(self._open()) as file:
            file.text_factory = lambda data: data.decode("utf-8", "replace")
            self._load(self._try(lambda: file.execute(_SELECT).fetchall()))

    @property
    def unwritten(self) -> int:
        """How many records have changed and wait for a sweep."""
        return len(self._dirty)

    def start(self) -> None:
        """Take the file for this process."""
        self._file = self._open()

    def sweep(self) -> int:
        """Make those inactive whose TTL ran out, and write down what changed since the last time."""
        gone = super().sweep()
        self._flush(BATCH)
        return gone

    def close(self) -> None:
        """Write down everything and let the file go."""
        if self._file is not None:
            try:
                self._flush(len(self._dirty))
            finally:
                self._file.close()
                self._file = None

    def _flush(self, most: int) -> None:
        cookies = list(islice(self._dirty, most))
        if cookies:
            self._written([self._records[cookie] for cookie in cookies])
            for cookie in cookies:
                del self._dirty[cookie]

    def _touched(self, record: PeerRecord) -> None:
        self._dirty[record.cookie] = None

    def _written(self, records: Iterable[PeerRecord], dropped: PeerRecord | None = None) -> None:
        file, offset = self._file, self._wall() - self._monotonic()
        if file is None:
            raise StoreError(f"{self._path} is not open")
        rows = [row_of(record, offset) for record in records]
        self._try(lambda: _write(file, rows, None if dropped is None else dropped.cookie))
        if dropped is not None:
            self._dirty.pop(dropped.cookie, None)

    def _load(self, rows: list[Row]) -> None:
        now, wall = self._monotonic(), self._wall()
        for row in rows:
            try:
                record = record_of(row, now, wall, self.ttl)
            except BadRequest as error:
                self._left_out(row, error.reason)
                continue
            self._records[record.cookie] = record
            self._count(None, record)
            self._note_activity(record, record.active)
            rival = self._holders.get(record.address)
            if record.active and rival is not None:
                rival.active = False  # two cannot listen there
                self._note_activity(rival, False)
                self._touched(rival)
            if record.active:
                self._holders[record.address] = record
        self._book.load(self._holders)
        self._due = sorted((record.deadline, record.cookie) for record in self._holders.values())
        self._in_due = {cookie for _, cookie in self._due}

    def _left_out(self, row: Row, why: str) -> None:
        """A row that somebody else wrote, or the disk: it stays as it is, and costs nobody else anything."""
        cookie, host, port, *_ = row
        if isinstance(cookie, int):
            self._taken.add(cookie)
        peer = f"{str(host)[:100]!a} {str(port)[:10]!a}"
        self._log.warn("{file}: the record of {peer} is left out: {why}", file=str(self._path), peer=peer, why=why)

    def _open(self) -> sqlite3.Connection:
        make_database_private(self._path)
        file = self._try(lambda: sqlite3.connect(self._path, timeout=1, isolation_level=None))
        try:
            layout = self._try(lambda: _prepare(file))
            if layout != LAYOUT:
                raise StoreError(f"{self._path} has layout {layout}, not {LAYOUT}: was it made by a newer version?")
        except StoreError:
            file.close()
            raise
        return file

    def _try(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except sqlite3.Error as error:
            remedy = next((text for sign, text in _REMEDIES.items() if sign in str(error)), "")
            raise StoreError(f"{self._path}: {error}{remedy}") from error


def _prepare(file: sqlite3.Connection) -> int:
    file.execute("PRAGMA locking_mode = EXCLUSIVE")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = NORMAL")
    file.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}")
    with file:
        file.execute("BEGIN IMMEDIATE")
        layout = int(file.execute("PRAGMA user_version").fetchone()[0])
        if layout == 0:
            file.execute(_CREATE)
            file.execute(f"PRAGMA user_version = {LAYOUT}")
    return layout or LAYOUT


def _write(file: sqlite3.Connection, rows: list[Row], dropped: int | None) -> None:
    if len(rows) == 1 and dropped is None:
        file.execute(_INSERT, rows[0])  # a transaction by itself
        return
    with file:
        file.execute("BEGIN")
        file.executemany(_INSERT, rows)
        if dropped is not None:
            file.execute("DELETE FROM peers WHERE cookie = ?", [dropped])
