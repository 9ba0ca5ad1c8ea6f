"""The order of the records of a whole table, found at once when a store is loaded. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import islice
from operator import eq
from typing import Any, Generic, NamedTuple, TypeVar

from ..wire.address import Address
from .table import ACTIVE, NAMED, Table

K = TypeVar("K")


class Arranged(NamedTuple, Generic[K]):
    """Active records by their addresses."""

    keys: Sequence[K]
    """The addresses, ascending and different (`address_book.key`)."""
    slots: Sequence[int]
    """The slot of the record at each."""
    displaced: list[int]
    """The slots of those at whose address there is another one, with a later deadline."""


def arrange_packed(table: Table) -> Arranged[int]:
    """Arrange the active records at addresses of IPv4."""
    keys = [host << 16 | port for host, port in zip(table.hosts, table.ports, strict=True)]
    slots = slots_with(table, ACTIVE, ACTIVE | NAMED)
    slots.sort(key=array("d", keys).__getitem__)  # the numbers have 48 bits, and floats are sorted faster
    found = _settle(slots, keys, table)
    return Arranged(array("Q", found.keys), array("I", found.slots), found.displaced)


def arrange_named(table: Table) -> Arranged[Address]:
    """Arrange the active records at other addresses."""
    slots = slots_with(table, ACTIVE | NAMED, ACTIVE | NAMED)
    keys = {slot: (table.host(slot), table.ports[slot]) for slot in slots}
    return _settle(sorted(slots, key=keys.__getitem__), keys, table)


def slots_with(table: Table, flags: int, mask: int) -> list[int]:
    """Return the slots of which the flags in `mask` are `flags`."""
    return [slot for slot, present in enumerate(table.flags) if present & mask == flags]


def _settle(slots: list[int], keys: Any, table: Table) -> Arranged[Any]:
    """Return the slots, which are sorted by their keys, without those that are displaced."""
    ordered = [keys[slot] for slot in slots]
    if not any(map(eq, ordered, islice(ordered, 1, None))):
        return Arranged(ordered, slots, [])
    latest = {keys[slot]: slot for slot in sorted(slots, key=table.deadlines.__getitem__)}
    kept = [slot for slot in slots if latest[keys[slot]] == slot]
    return Arranged([keys[slot] for slot in kept], kept, [slot for slot in slots if latest[keys[slot]] != slot])
