"""The copy of all records in the memory of this process, and how it takes up what other RS change."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from twisted.logger import Logger

from ...wire.errors import BadRequest
from ...wire.visible import shown
from ..memory import MemoryStore
from ..record import Clocks, PeerRecord
from ..table import ACTIVE, FREE, PROVEN, UNWRITTEN
from .coding import (
    Position,
    Put,
    Renewals,
    Timeline,
    decode_cookie,
    decode_deadline,
    decode_entry,
    decode_record,
    decode_renewals,
)

MAX_WARNINGS = 20
"""Most lines about records that are left out, each time that all are read."""


class Row(NamedTuple):
    """A record as it was read from the engine; any of it may be missing or of any form."""

    cookie: bytes
    value: bytes
    deadline: bytes | None


class LocalCopy(MemoryStore):
    """The records of the engine.

    `position`: the last change of its log that was taken up, None before all records were read.
    """

    log = Logger()

    def __init__(self, clocks: Clocks, name: str) -> None:
        """`name`: where the records are, for the log."""
        super().__init__(clocks)
        self.position: Position | None = None
        self._warnings = 0
        self.name = name
        self.waiting: deque[int] = deque()
        """Slots of the records that were renewed here, or ran out, and are not written yet; longest waiting first."""

    def replace_all(self, rows: Iterable[Row], position: Position, timeline: Timeline) -> None:
        """Replace all records by those that were read, when the last change was the one at `position`."""
        self._warnings = 0
        renewed = self.take_renewed(len(self.waiting), timeline)
        kept = {cookie: timeline.monotonic(deadline) for cookie, deadline in renewed}
        self._clear()
        self._load(record for row in rows if (record := self._read(row, timeline, kept)) is not None)
        self.give_back(renewed)
        self.position = position

    def take_all(self, entries: Iterable[tuple[bytes, list[bytes]]], timeline: Timeline) -> bool:
        """Take up changes; return whether none is missing before or between them."""
        for name, members in entries:
            try:
                entry = decode_entry(name, members)
                if entry.after != self.position:
                    return False
                self.position = entry.position
                self._take(entry.change, timeline)
            except BadRequest as error:
                self.skip(f"the change {name!a}", error.reason)
        return True

    def skip(self, what: str, reason: str) -> None:
        """Note something in the engine that this version cannot read; it is left as it is."""
        self.skipped += 1
        self._warnings += 1
        if self._warnings <= MAX_WARNINGS:
            self.log.warn("{name}: {what} is left out: {reason}", name=self.name, what=what, reason=reason)

    def take_renewed(self, limit: int, timeline: Timeline) -> list[tuple[int, int]]:
        """Return the cookies and deadlines of up to `limit` renewals that wait, and count them as written."""
        slots = [self.waiting.popleft() for _ in range(min(limit, len(self.waiting)))]
        for slot in slots:
            self._table.flags[slot] &= ~UNWRITTEN
        return list(self._renewals(slots, timeline))

    def renewals_of(self, records: Iterable[PeerRecord | None], timeline: Timeline) -> list[tuple[int, int]]:
        """Return the same for those of `records` that wait, and leave them waiting."""
        slots = {self._table.slots[record.cookie] for record in records if record is not None}
        return list(self._renewals((slot for slot in slots if self._is_waiting(slot)), timeline))

    def give_back(self, renewals: Iterable[tuple[int, int]]) -> None:
        """Let renewals wait again, which could not be written."""
        for cookie, _ in renewals:
            if (slot := self._table.slots.get(cookie)) is not None:
                self._touch(slot)

    def _renewals(self, slots: Iterable[int], timeline: Timeline) -> Iterator[tuple[int, int]]:
        table = self._table
        for slot in slots:
            if table.flags[slot] & ACTIVE and table.cookies[slot] != FREE:
                yield table.cookies[slot], timeline.deadline(table.deadlines[slot])

    def _touched(self, slot: int) -> None:
        self.waiting.append(slot)

    def _is_waiting(self, slot: int) -> bool:
        return bool(self._table.flags[slot] & UNWRITTEN)

    def _read(self, row: Row, timeline: Timeline, kept: Mapping[int, float]) -> PeerRecord | None:
        """Return the record of a row; `kept` has the deadlines of those that were renewed here since."""
        try:
            cookie = decode_cookie(row.cookie)
            deadline = max(timeline.monotonic(decode_deadline(row.deadline)), kept.get(cookie, 0.0))
            return self._current(decode_record(cookie, row.value, deadline))
        except BadRequest as error:
            self.skip(f"the record {shown(repr(row.cookie))}", error.reason)
            return None

    def _current(self, record: PeerRecord) -> PeerRecord:
        """Return a record of the engine, where a TTL runs out without being written, as it is now."""
        return record if record.alive(self.clocks.monotonic()) else record.inactive()

    def _enter(self, record: PeerRecord) -> None:
        slot = self._table.slots.get(record.cookie)
        if slot is not None and record.active and self._table.flags[slot] & ACTIVE and self._is_waiting(slot):
            record.deadline = max(record.deadline, self._table.deadlines[slot])
        record = self._current(record)
        rival = self._holder(record.address) if record.active else None
        if rival is not None and rival.cookie != record.cookie:
            self._put(rival.inactive())
        self._put(record)

    def _take(self, change: Put | Renewals, timeline: Timeline) -> None:
        if isinstance(change, Put):
            if change.dropped is not None:
                self._forget(change.dropped)
            self._enter(decode_record(change.cookie, change.value, timeline.monotonic(change.deadline)))
        else:
            for cookie, deadline in decode_renewals(change.renewed):
                self._renew(cookie, timeline.monotonic(deadline))

    def _forget(self, cookie: int) -> None:
        record = self._record(cookie)
        if record is None:
            return
        if record.active:  # here it was renewed, which came too late
            self._put(record.inactive())
        self._drop(cookie)

    def _renew(self, cookie: int, deadline: float) -> None:
        table = self._table
        slot = table.slots.get(cookie)
        if slot is None:
            return
        if table.flags[slot] & ACTIVE:
            table.deadlines[slot] = max(deadline, table.deadlines[slot])
            table.flags[slot] |= PROVEN
        else:
            self._enter(replace(table.record(slot), active=True, deadline=deadline, proven=True))
