"""The store that outlives its process: a `MemoryStore` that is also in an SQLite file.

A durable commit is a transaction, committed before `commit` returns: it survives `kill -9`, because the kernel has the
write-ahead log by then; only a power cut may take the last moments. Renewals are written by `sweep`. The file has
deadlines in Unix time, because the monotonic clock starts again with the machine. Anybody may have written the file, so
each row is checked.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TypeVar

from twisted.logger import Logger

from ..config.folders import make_database_private
from ..wire import fields
from ..wire.errors import BadRequest
from ..wire.limits import MAX_COOKIE
from ..wire.visible import shown
from .memory import MemoryStore
from .record import Clocks, Moment, PeerRecord
from .rules import Changes
from .store import StoreError, Swept

LAYOUT = 2
"""Version of the layout of the table, kept as SQLite's user_version."""

MAX_BATCH = 1000
"""Most records that one sweep writes, at about 10 us each; nothing else is served meanwhile."""

CHECKPOINT_PAGES = 4000
"""Pages of the write-ahead log after which they are moved into the file, which waits for the disk."""

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
_SELECT = "SELECT cookie, host, port, active, expires, registered_at, activations, proven FROM peers ORDER BY expires"
_INSERT = "INSERT OR REPLACE INTO peers VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

_REMEDIES = {
    "locked": "; close the program that has opened it",
    "unable to open": "; check that the folder is there and may be written to",
    "readonly": "; check that the file may be written to",
    "no such": "; move it away to start with an empty registry",
    "not a database": "; move it away to start with an empty registry",
    "malformed": "; move it away to start with an empty registry",
    "full": "; make room on the disk",
}

Row = tuple[int, str, int, int, float, int, str, int]
"""A row as it is written. In one that is read, any column may have a value of any type: SQLite does not check them."""

T = TypeVar("T")


class SQLiteStore(MemoryStore):
    """A `store.Store` in the SQLite file `path`, which is created if it does not exist; the folder must exist.

    The constructor loads everything; `start` then takes the file, and nobody else can open it until `close`. Between
    the two the process may fork, which an open SQLite file would not survive. Both raise StoreError if the file cannot
    be read, belongs to a running RS, or has a newer layout. A row that no peer can have is skipped, and left as it is.
    """

    _log = Logger()

    def __init__(self, path: Path, clocks: Clocks) -> None:
        super().__init__(clocks)
        self._path = path
        self.waiting: dict[int, None] = {}
        """Cookies of the records that are to be written, longest waiting first."""
        self._file: sqlite3.Connection | None = None
        with closing(self._open()) as file:
            file.text_factory = lambda data: data.decode("utf-8", "replace")
            rows = self._try(lambda: file.execute(_SELECT).fetchall())
        self._load(self._records_of(rows))

    def start(self) -> None:
        """Take the file for this process."""
        self._file = self._open()

    async def sweep(self) -> Swept:
        """Make the records inactive whose TTL has run out, and write those that have waited longest."""
        expired = self._expire(self.clocks.monotonic())
        return Swept(expired, self._flush(MAX_BATCH))

    async def close(self) -> None:
        """Write all that waits, and release the file."""
        if self._file is not None:
            try:
                self._flush(len(self.waiting))
            finally:
                self._file.close()
                self._file = None

    def _write(self, changes: Changes, durable: bool) -> None:
        records = [record for record in (changes.record, changes.displaced) if record is not None]
        if durable:
            self._save(records, changes.dropped)
        else:
            self.waiting.update((record.cookie, None) for record in records)

    def _touched(self, cookie: int) -> None:
        self.waiting[cookie] = None

    def _flush(self, limit: int) -> int:
        cookies = list(islice(self.waiting, limit))
        if cookies:
            self._save([self._records[cookie] for cookie in cookies], None)
            for cookie in cookies:
                del self.waiting[cookie]
        return len(cookies)

    def _save(self, records: list[PeerRecord], dropped: PeerRecord | None) -> None:
        file, at = self._file, self.clocks.moment()
        if file is None:
            raise StoreError(f"{self._path} is not open")
        rows = [_row_of(record, at) for record in records]
        self._try(lambda: _transact(file, rows, None if dropped is None else dropped.cookie))
        self.commits += 1
        if dropped is not None:
            self.waiting.pop(dropped.cookie, None)

    def _records_of(self, rows: list[Row]) -> Iterator[PeerRecord]:
        at = self.clocks.moment()
        for row in rows:
            try:
                yield _record_of(row, at)
            except BadRequest as error:
                self._skip(row, error.reason)

    def _skip(self, row: Row, reason: str) -> None:
        cookie, host, port, *_ = row
        if isinstance(cookie, int):
            self._reserved.add(cookie)
        peer = f"{str(host)[:100]!a} {str(port)[:10]!a}"
        self._log.warn(
            "{file}: the record of {peer} is left out: {reason}", file=str(self._path), peer=peer, reason=reason
        )

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
        except (sqlite3.Error, UnicodeDecodeError) as error:
            # a damaged schema is repeated in the text of the error, whatever it is by now
            text = str(error) if isinstance(error, sqlite3.Error) else "malformed database schema"
            remedy = next((remedy for sign, remedy in _REMEDIES.items() if sign in text), "")
            raise StoreError(f"{self._path}: {shown(' '.join(text.split()))}{remedy}") from error


def _prepare(file: sqlite3.Connection) -> int:
    """Set up a new connection, and the table in a new file; return the version of the layout."""
    file.execute("PRAGMA locking_mode = EXCLUSIVE")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = NORMAL")
    file.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    with file:
        file.execute("BEGIN IMMEDIATE")
        layout = int(file.execute("PRAGMA user_version").fetchone()[0])
        if layout >= LAYOUT:
            return layout
        file.execute(_UPGRADE if layout else _CREATE)
        file.execute(f"PRAGMA user_version = {LAYOUT}")
    return LAYOUT


def _transact(file: sqlite3.Connection, rows: list[Row], dropped: int | None) -> None:
    if len(rows) == 1 and dropped is None:
        file.execute(_INSERT, rows[0])  # a transaction by itself
        return
    with file:
        file.execute("BEGIN")
        file.executemany(_INSERT, rows)
        if dropped is not None:
            file.execute("DELETE FROM peers WHERE cookie = ?", [dropped])


def _row_of(record: PeerRecord, at: Moment) -> Row:
    times = " ".join(map(str, record.activations))
    expires = record.deadline + (at.wall - at.now)
    return record.cookie, record.host, record.port, record.active, expires, record.registered_at, times, record.proven


def _record_of(row: Row, at: Moment) -> PeerRecord:
    """Return the record of a row that was read. Raises BadRequest."""
    cookie, host, port, active, expires, registered_at, activations, proven = row
    if not isinstance(expires, int | float) or not math.isfinite(expires):
        raise BadRequest(f"expires must be a number, not {expires!a:.50}")
    left = min(expires - at.wall, at.deadline - at.now)  # a clock that was set back must not make it longer
    return PeerRecord(
        fields.host(_text(host, "host")),
        _whole(port, "port", 1, 65535),
        _whole(cookie, "cookie", 0, MAX_COOKIE),
        _whole(active, "active", 0, 1) == 1 and left > 0,
        at.now + left,
        _whole(registered_at, "registered_at", 0, fields.LAST_MODIFIED),
        _times(_text(activations, "activations")),
        _whole(proven, "proven", 0, 1) == 1,
    )


def _text(value: object, column: str) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{column} must be text")
    return value


def _whole(value: object, column: str, low: int, high: int) -> int:
    if not isinstance(value, int) or not low <= value <= high:
        raise BadRequest(f"{column} must be a whole number from {low} to {high}")
    return value


def _times(text: str) -> tuple[int, ...]:
    try:
        times = tuple(map(int, text.split()))
    except ValueError:
        times = (-1,)
    if times and not 0 <= min(times) <= max(times) <= fields.LAST_MODIFIED:
        raise BadRequest("activations must be Unix times, separated by spaces")
    return times
