"""The slots of records by their deadlines, in coarse buckets: four bytes for each, whatever it is renewed. Pure."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush


class Deadlines:
    """Finds the records whose deadlines have passed; `deadlines` has those of all slots, and may be renewed any time.

    Each slot is here once, at a deadline that it had: when that comes, it is found or entered again. So a deadline must
    not become an earlier one.
    """

    def __init__(self, deadlines: Sequence[float], grain: float) -> None:
        """`grain`: seconds of a bucket."""
        self._deadlines = deadlines
        self._grain = grain
        self._is_here = bytearray()
        self._buckets: dict[int, array[int]] = {}
        self._order: list[int] = []
        """A heap of the numbers of the buckets."""
        self._opened = -1
        """The number of the last bucket whose slots are in `_soon`."""
        self._soon: list[tuple[float, int]] = []
        """A heap of (deadline, slot)."""

    def add(self, slot: int) -> None:
        """Enter `slot`, if it is not here yet."""
        if slot >= len(self._is_here):
            self._is_here.extend(bytes(slot + 1 - len(self._is_here)))
        if not self._is_here[slot]:
            self._is_here[slot] = 1
            self._enter(slot)

    def load(self, slots: Iterable[int]) -> None:
        """Enter many slots, while none is here."""
        self._is_here = bytearray(len(self._deadlines))
        buckets: dict[int, array[int]] = defaultdict(lambda: array("I"))
        deadlines, grain = self._deadlines, self._grain
        for slot in slots:
            self._is_here[slot] = 1
            buckets[int(deadlines[slot] // grain)].append(slot)
        self._buckets, self._order = dict(buckets), sorted(buckets)

    def take(self, now: float) -> list[int]:
        """Return the slots whose deadlines are not after `now`, those that are not active included; they leave."""
        while self._order and self._order[0] * self._grain <= now:
            self._opened = heappop(self._order)
            for slot in self._buckets.pop(self._opened):
                self._enter(slot)
        passed = []
        while self._soon and self._soon[0][0] <= now:
            _, slot = heappop(self._soon)
            if self._deadlines[slot] <= now:
                self._is_here[slot] = 0
                passed.append(slot)
            else:
                self._enter(slot)
        return passed

    def _enter(self, slot: int) -> None:
        deadline = self._deadlines[slot]
        number = int(deadline // self._grain)
        if number <= self._opened:
            heappush(self._soon, (deadline, slot))
        elif (bucket := self._buckets.get(number)) is not None:
            bucket.append(slot)
        else:
            self._buckets[number] = array("I", (slot,))
            heappush(self._order, number)
