"""What this peer's uplink carries, and the delay over it, as the pieces that it sends show them. Pure.

What was achieved is no measure: with too little under way it stays low for ever. So the highest rate of the last
seconds counts, and the shortest time in which a piece was acknowledged (as in BBR: Cardwell and others, 2016).
"""

from __future__ import annotations

from collections.abc import Callable

INTERVAL, MIN_INTERVAL = 0.25, 0.05
"""Seconds over which a rate is measured, and the same at least when everything is acknowledged before."""
WINDOW = 5.0
"""Seconds after which the best of before counts for as long again, and no longer."""
UNKNOWN_RATE = 500e3
"""Bytes/s that are assumed before any are measured."""


class Best:
    """The best value of the last WINDOW to 2 * WINDOW seconds, by `better` (max or min)."""

    def __init__(self, better: Callable[[float, float], float]) -> None:
        self.value: float | None = None
        """The best value; None if there is none."""
        self._better = better
        self._since = 0.0
        self._now: float | None = None
        self._before: float | None = None

    def add(self, value: float, now: float) -> None:
        """Take a value at the time `now`, in seconds."""
        if now - self._since > WINDOW:
            self._since, self._before, self._now = now, self._now, None
        self._now = value if self._now is None else self._better(self._now, value)
        self.value = self._now if self._before is None else self._better(self._now, self._before)


class Uplink:
    """Measures the uplink. Sizes are bytes, times seconds."""

    def __init__(self) -> None:
        self.unsent = 0
        """Bytes that were to be sent and are not acknowledged."""
        self._rate, self._delay = Best(max), Best(min)
        self._since = 0.0
        self._acknowledged = 0
        """Bytes acknowledged since then."""
        self._has_begun = False
        """Whether any of what goes now was acknowledged: the time until then is that of the way, not of the rate."""

    def add(self, size: int, now: float) -> None:
        """Note that `size` bytes more are to be sent."""
        if not self.unsent:
            self._since, self._acknowledged = now, 0  # only while there is something to send is the rate the uplink's
            self._has_begun = False
        self.unsent += size

    def forget(self, size: int) -> None:
        """Count `size` bytes no more: they are not acknowledged, and may never be."""
        self.unsent -= size

    def look(self, unsent: int, now: float) -> None:
        """Note that all but `unsent` bytes are acknowledged."""
        self._acknowledged += max(0, self.unsent - unsent)
        self.unsent = unsent
        seconds = now - self._since
        if self._acknowledged and unsent and not self._has_begun:
            self._has_begun, self._since, self._acknowledged = True, now, 0
        if self._acknowledged and seconds >= (INTERVAL if unsent and self.is_known else MIN_INTERVAL):
            self._rate.add(self._acknowledged / seconds, now)
            self._since, self._acknowledged = now, 0

    def piece_sent(self, took: float, now: float) -> None:
        """Note the time that a piece took from its begin until all of it was acknowledged."""
        self._delay.add(took, now)

    @property
    def is_known(self) -> bool:
        """Whether a rate has been measured."""
        return self._rate.value is not None

    @property
    def rate(self) -> float:
        """The bytes/s that it carries."""
        return self._rate.value or UNKNOWN_RATE

    @property
    def delay(self) -> float:
        """The time that a piece needs at least from its begin until all of it is acknowledged."""
        return self._delay.value or 0.0
