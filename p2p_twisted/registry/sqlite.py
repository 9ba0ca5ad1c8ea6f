"""The store that outlives its process: a `MemoryStore` that is also in an SQLite file.

The durable changes of all requests that come at once are one transaction, which is committed before any of them is
answered. They survive `kill -9`, because the kernel has the write-ahead log by then; a power cut may take the last
moments, unless each transaction waits for the disk (`is_always_synced`). Renewals are written by `sweep`. The file has
deadlines in Unix time, because the monotonic clock starts again with the machine. Anybody may have written the file, so
each row is checked.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..wire.errors import Forbidden
from .commit_group import CommitGroup, Made
from .memory import MemoryStore
from .record import Clocks, PeerRecord
from .room import Group
from .rules import Changes, Request
from .sqlite_file import SQLiteFile
from .sqlite_rows import Row, load_rows, row_of
from .store import Entered, Swept
from .table import FREE, UNWRITTEN

MAX_BATCH = 1000
"""Most records that one sweep writes, at about 10 us each; nothing else is served meanwhile."""

SMALL = 10_000
"""Records whose addresses are sorted at once, which takes 20 ms."""


class SQLiteStore(MemoryStore):
    """A `store.Store` in the SQLite file `path`, which is created if it does not exist; the folder must exist.

    The constructor loads all records, which can be renewed then; the order of their addresses, which everything else
    needs and which takes as long, is found when it is needed first. `start` then takes the file, and nobody else can
    open it until `close`. Between the two the process may fork, which an open SQLite file would not survive. Both raise
    StoreError if the file cannot be read, belongs to a running RS, or has a newer layout. A row that no peer can have
    is skipped, and left as it is.
    """

    _log = Logger()

    def __init__(
        self,
        path: Path,
        clocks: Clocks,
        soon: Callable[[Callable[[], None]], object] = lambda commit: commit(),
        is_always_synced: bool = False,
    ) -> None:
        """`soon` calls a function when all requests that have come by now have been looked at; by default, at once."""
        super().__init__(clocks)
        self._soon = soon
        self._group: CommitGroup | None = None
        self.waiting: deque[int] = deque()
        """Slots of the records that are to be written, longest waiting first."""
        self._file = SQLiteFile(path, is_always_synced)
        self._read()
        self._is_indexed = len(self._table) <= SMALL
        if self._is_indexed:
            self._index()

    def start(self) -> None:
        """Take the file for this process."""
        self._file.open()

    async def apply(self, request: Request) -> PeerRecord:
        """Apply `request` to the records that it looks at; return the record of its peer. Raises Forbidden.

        A durable change is made when its group is written; a request that has to do with it is decided after that.
        """
        while isinstance(decided := self._decide(request), CommitGroup):
            await decided.over()
        changes, is_new = decided
        if request.durable:
            made: Deferred[None] = Deferred()
            self._join(changes, is_new, made.callback)  # a Failure is an error there too
            await made
        else:
            self._store(changes)
            for record in changes.record, changes.displaced:
                if record is not None:
                    self._touch(self._table.slots[record.cookie])
        return changes.record

    def enter(self, request: Request, made: Entered) -> bool:
        """Apply `request`, and call `made` when that is on disk (`store.Store`)."""
        try:
            decided = self._decide(request)
        except Forbidden:
            return False
        if isinstance(decided, CommitGroup):
            return False
        changes, is_new = decided
        self._join(changes, is_new, lambda why: made(why or changes.record))
        return True

    async def sweep(self) -> Swept:
        """Make the records inactive whose TTL has run out, and write those that have waited longest."""
        expired = self._expire(self.clocks.monotonic())
        return Swept(expired, self._flush(MAX_BATCH))

    async def close(self) -> None:
        """Write all that waits, and release the file."""
        self._commit_group()
        try:
            if self._file.is_open:
                self._flush(len(self.waiting))
        finally:
            self._file.close()

    def _decide(self, request: Request) -> tuple[Changes, bool] | CommitGroup:
        """Return the changes that `request` makes, and whether they enter a new record. Raises Forbidden.

        If that depends on a group that is not made yet, return the group.
        """
        while True:
            at = self.clocks.moment()
            self._expire(at.now)
            found, group = self._find(request.lookup()), self._group
            if group is not None and group.touches(found):
                return group
            try:
                changes = request.decide(found, at)
            except Forbidden:
                if group is None or found.lookup.most is None:
                    raise
                return group  # if it fails, there may be room
            if changes is None or changes.record.cookie in self._reserved:
                continue
            if group is not None and changes.dropped is not None:
                return group
            return changes, found.record is None

    def _join(self, changes: Changes, is_new: bool, made: Made) -> None:
        """Make `changes` with those of other requests that come at once."""
        group = self._group
        if group is None:
            group = self._group = CommitGroup()
            group.add(changes, is_new, made)
            self._soon(self._commit_group)
        else:
            group.add(changes, is_new, made)

    def _commit_group(self) -> None:
        """Write the changes of the group, if there is one, and make them; or none of them."""
        group, self._group = self._group, None
        if group is None:
            return
        try:
            self._save(
                (record for changes in group.changes for record in changes[:2] if record is not None),
                [changes.dropped.cookie for changes in group.changes if changes.dropped is not None],
            )
            for changes in group.changes:
                self._store(changes)
        except Exception:
            group.end(Failure())
        else:
            group.end(None)

    def _expire(self, now: float) -> int:
        if not self._is_indexed:
            self._index()
            self._is_indexed = True
        return super()._expire(now)

    def _size(self, group: Group) -> int:
        return super()._size(group) + (self._group.new(group) if self._group else 0)

    def _touched(self, slot: int) -> None:
        self.waiting.append(slot)

    def _flush(self, limit: int) -> int:
        """Write the records that have waited longest; return how many."""
        table, slots = self._table, list(islice(self.waiting, limit))
        if slots:
            self._save(table.record(slot) for slot in slots if table.cookies[slot] != FREE)
        for slot in slots:
            self.waiting.popleft()
            table.flags[slot] &= ~UNWRITTEN
        return len(slots)

    def _save(self, records: Iterable[PeerRecord], dropped: Iterable[int] = ()) -> None:
        at = self.clocks.moment()
        self._file.save([row_of(record, at) for record in records], dropped)
        self.commits += 1

    def _read(self) -> None:
        """Load the file."""
        at = self.clocks.moment()
        gc.disable()  # millions of tuples come and go, none of them in a cycle
        try:
            for rows in self._file.rows():
                load_rows(rows, self._table, at, self._skip)
        finally:
            gc.enable()

    def _skip(self, row: Row, reason: str) -> None:
        self.skipped += 1
        cookie, host, port, *_ = row
        if isinstance(cookie, int):
            self._reserved.add(cookie)
        peer = f"{str(host)[:100]!a} {str(port)[:10]!a}"
        self._log.warn(
            "{file}: the record of {peer} is left out: {reason}", file=str(self._file.path), peer=peer, reason=reason
        )
