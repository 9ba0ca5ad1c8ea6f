"""Chains of slots, each in the order in which they came, from which any may leave at once. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Hashable


class Chains:
    """Chains of slots, each chain under a key; a slot is in one of them at most. Eight bytes for each slot."""

    def __init__(self) -> None:
        self._next = array("I")
        self._before = array("I")
        self._first: dict[Hashable, int] = {}

    def first(self, key: Hashable) -> int | None:
        """Return the slot that has been longest in a chain; None if it is empty."""
        return self._first.get(key)

    def append(self, key: Hashable, slot: int) -> None:
        """Put `slot`, which is in no chain, at the end of one."""
        missing = slot + 1 - len(self._next)
        if missing > 0:
            self._next.frombytes(bytes(missing * self._next.itemsize))
            self._before.frombytes(bytes(missing * self._before.itemsize))
        first = self._first.setdefault(key, slot)
        last = slot if first == slot else self._before[first]  # each chain is a ring
        self._next[last], self._before[slot] = slot, last
        self._next[slot], self._before[first] = first, slot

    def remove(self, key: Hashable, slot: int) -> None:
        """Take `slot` out of the chain that it is in."""
        after, before = self._next[slot], self._before[slot]
        if after == slot:
            del self._first[key]
            return
        self._next[before], self._before[after] = after, before
        if self._first[key] == slot:
            self._first[key] = after
