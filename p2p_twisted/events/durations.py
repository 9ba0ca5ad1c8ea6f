"""How long things took, as a histogram: bounded, and two of them add up. Pure."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the buckets, in seconds; one more bucket has what took longer."""
LONGEST = float("inf")


class Durations:
    """Counts durations in buckets."""

    def __init__(self) -> None:
        self._buckets = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self._buckets[bisect_left(BOUNDS, seconds)] += 1
        self._sum += seconds

    def numbers(self, name: str) -> dict[str, float]:
        """Return the counts by "`name` BOUND", each without those of smaller bounds, and the sum by "`name` sum"."""
        buckets = zip((*BOUNDS, LONGEST), self._buckets, strict=True)
        return {**{f"{name} {bound:g}": float(number) for bound, number in buckets}, f"{name} sum": self._sum}
