"""The peer records of a store in columns: 31 bytes each, and a look-up by cookie. Pure.

A million objects would take ten times as much. A record is a number here, its slot; `PeerRecord`s are made on demand.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, MutableSequence
from typing import Any, NamedTuple

from .packed import pack, unpack
from .record import PeerRecord

ACTIVE, PROVEN, NAMED, UNWRITTEN = 1, 2, 4, 8
"""Flags of a record: those of PeerRecord; its host is not in `hosts`; it has changed since it was written."""
FREE = -1
"""The cookie of a slot that no record has."""


class Columns(NamedTuple):
    """The columns of some records, all of equal length."""

    cookies: array[int]
    hosts: array[int]
    """Packed."""
    ports: array[int]
    flags: bytes
    deadlines: array[float]
    registered_at: array[int]


class Table:
    """The records; other modules may read the columns, and change `deadlines` and `flags`."""

    def __init__(self) -> None:
        self.slots: dict[int, int] = {}
        """The slot of each record, by its cookie."""
        self.cookies = array("q")
        self.hosts = array("I")
        """Packed."""
        self.ports = array("H")
        self.flags = bytearray()
        self.deadlines = array("d")
        self.registered_at = array("q")
        self._columns: tuple[MutableSequence[Any], ...] = (
            *(self.cookies, self.hosts, self.ports),
            *(self.flags, self.deadlines, self.registered_at),
        )
        self._names: dict[int, str] = {}
        """The hosts that cannot be packed."""
        self._activations: dict[int, array[int]] = {}
        """Those of the records that have others than a single one, at `registered_at`."""
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self.slots)

    def records(self, slots: range) -> list[PeerRecord]:
        """Return the records in `slots`, by cookie; some of these may be free, or not be there."""
        cookies = self.cookies[slots.start : slots.stop]
        return [self.record(self.slots[cookie]) for cookie in sorted(cookies) if cookie != FREE]

    def record(self, slot: int) -> PeerRecord:
        """Return the record in `slot`, as it is now."""
        flags, registered_at = self.flags[slot], self.registered_at[slot]
        activations = self._activations.get(slot)
        return PeerRecord(
            self.host(slot),
            self.ports[slot],
            self.cookies[slot],
            bool(flags & ACTIVE),
            self.deadlines[slot],
            registered_at,
            (registered_at,) if activations is None else tuple(activations),
            bool(flags & PROVEN),
        )

    def host(self, slot: int) -> str:
        """Return the host of the record in `slot`."""
        return self._names[slot] if self.flags[slot] & NAMED else unpack(self.hosts[slot])

    def put(self, record: PeerRecord) -> int:
        """Enter `record`, or replace the one with its cookie; return its slot."""
        slot = self.slots.get(record.cookie)
        if slot is None:
            slot = self.slots[record.cookie] = self._new_slot()
        self.cookies[slot], self.ports[slot], self.deadlines[slot] = record.cookie, record.port, record.deadline
        self.registered_at[slot] = record.registered_at
        self._forget_details(slot)
        if record.activations != (record.registered_at,):
            self._activations[slot] = array("q", record.activations)
        packed = pack(record.host)
        self.hosts[slot] = packed or 0
        if packed is None:
            self._names[slot] = record.host
        kept = self.flags[slot] & UNWRITTEN
        self.flags[slot] = kept | record.active * ACTIVE | record.proven * PROVEN | (packed is None) * NAMED
        return slot

    def extend(self, columns: Columns, activations: Mapping[int, tuple[int, ...]]) -> None:
        """Enter many records, whose cookies are new and whose slots are new and in a row.

        `activations` has those of the records that have others than one at `registered_at`, by their number here.
        """
        first = len(self.flags)
        values: tuple[Any, ...] = columns  # mypy joins their types, not always in the same way
        for column, added in zip(self._columns, values, strict=True):
            column.extend(added)
        self.slots.update(zip(columns.cookies, range(first, len(self.flags)), strict=True))
        self._activations.update((first + number, array("q", times)) for number, times in activations.items())

    def drop(self, cookie: int) -> None:
        """Forget the record with this cookie, which is there; another one may get its slot."""
        slot = self.slots.pop(cookie)
        self._forget_details(slot)
        self.cookies[slot] = FREE
        self.flags[slot] &= UNWRITTEN
        self._free.append(slot)

    def _forget_details(self, slot: int) -> None:
        self._activations.pop(slot, None)
        self._names.pop(slot, None)

    def _new_slot(self) -> int:
        if self._free:
            return self._free.pop()
        for column in self._columns:
            column.append(0)
        return len(self.flags) - 1
