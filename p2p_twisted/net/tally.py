"""A count of events too many for a log line each: strangers cause them, and must not fill the disk."""

from __future__ import annotations

import math


class Tally:
    """Lets the first `burst` events in each `interval` (seconds) have a log line each, and counts the others."""

    def __init__(self, interval: float, burst: int = 0) -> None:
        self._interval = interval
        self._burst = burst
        self._lines, self._since = 0, -math.inf
        self._count, self._last = 0, ""
        self._reported = -math.inf

    def add(self, what: str, now: float) -> bool:
        """Note an event; return whether it may have a line of its own. If not, it is counted for `report`."""
        if now - self._since >= self._interval:
            self._lines, self._since = 0, now
        if self._lines < self._burst:
            self._lines += 1
            return True
        self._count += 1
        self._last = what
        return False

    def report(self, now: float) -> tuple[int, str] | None:
        """Return how many events were counted since the last report, and the last of them.

        None if there were none, or the last report was less than the interval before `now`.
        """
        if not self._count or now - self._reported < self._interval:
            return None
        count, self._count, self._reported = self._count, 0, now
        return count, self._last
