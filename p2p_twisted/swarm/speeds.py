"""How fast the answers of sources come, from their first byte to their last. Pure.

That tells near from far: a source nearby sends at the rate of its own link, however many ask it, for it answers one
after the other; what comes over a thin link shares that with everything else.
"""

from __future__ import annotations

from collections.abc import Collection

from ..wire.address import Address

MIN_SIZE = 16 * 1024
"""Bytes of an answer that tells anything: less than that arrives at once over any link."""
MIN_ANSWERS = 3
"""Answers after which the speed of a source is known."""
WEIGHT = 0.25
"""The weight of a new answer in the average."""
MAX_RATE = 25e6
"""Bytes/s that count at most: a process that is late finds a whole answer there at once."""
MIN_GAIN = 2.0
"""How many times as fast as others the sources nearby must be to be preferred."""
SLOW_FACTOR = 4.0
"""How many times slower than the fastest a source is that counts as slow."""
INTERVAL = 8
"""Answers between two looks at who is slow, after as many first ones."""


class Speeds:
    """The speeds of sources."""

    def __init__(self) -> None:
        self.looks = 0
        """How often it was found out who is slow."""
        self._slow: frozenset[Address] = frozenset()
        self._seconds: dict[Address, float] = {}
        """For one byte, on average."""
        self._answers: dict[Address, int] = {}
        self._all = 0

    def add(self, source: Address, size: int, seconds: float) -> None:
        """Count an answer of `size` bytes that took `seconds` to arrive."""
        if size < MIN_SIZE:
            return
        one = max(seconds / size, 1 / MAX_RATE)
        before = self._seconds.get(source, one)
        self._seconds[source] = before + (one - before) * WEIGHT
        self._answers[source] = self._answers.get(source, 0) + 1
        self._all += 1
        if self._all <= INTERVAL or self._all % INTERVAL == 0:
            self._find_slow()

    def _find_slow(self) -> None:
        known = {source: one for source, one in self._seconds.items() if self._answers[source] >= MIN_ANSWERS}
        limit = SLOW_FACTOR * min(known.values(), default=0.0)
        self._slow = frozenset(source for source, one in known.items() if one > limit)
        self.looks += 1

    def is_slow(self, source: Address) -> bool:
        """Return whether `source` is much slower than the fastest."""
        return source in self._slow

    def are_faster(self, sources: Collection[Address]) -> bool:
        """Return whether these `sources` are clearly faster than the others, or that is not known yet."""
        these = [one for source, one in self._seconds.items() if source in sources]
        others = [one for source, one in self._seconds.items() if source not in sources]
        return not these or not others or MIN_GAIN * _median(these) <= _median(others)

    def are_all_of(self, sources: Collection[Address]) -> bool:
        """Return whether no speed is known but of these `sources`."""
        return all(source in sources for source in self._seconds)

    def remove(self, source: Address) -> None:
        """Forget `source`."""
        self._seconds.pop(source, None)
        self._answers.pop(source, None)


def _median(values: Collection[float]) -> float:
    """Return the middle of `values`. The module statistics takes 5 ms to import."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return (ordered[half] + ordered[~half]) / 2
