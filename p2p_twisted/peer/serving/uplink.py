"""The rate of this peer's uplink and the delay over it, as the pieces that it sends show them. Pure.

What was achieved is no measure: with too little under way it stays low for ever. So it is the highest rate of the last
seconds that counts, and the shortest time in which a piece was acknowledged (as in BBR: Cardwell and others, 2016).
"""

from __future__ import annotations

from collections.abc import Callable

INTERVAL = 0.5
"""Seconds over which a rate is measured at least."""
WINDOW = 5.0
"""Seconds after which the best of before counts for as long again, and no longer."""


class Best:
    """The best value of the last WINDOW to 2 * WINDOW seconds, by `better` (max or min)."""

    def __init__(self, better: Callable[[float, float], float]) -> None:
        self._better = better
        self._since = 0.0
        self._now: float | None = None
        self._before: float | None = None

    def add(self, value: float, now: float) -> None:
        """Take a value at the time `now`, in seconds."""
        if now - self._since > WINDOW:
            self._since, self._before, self._now = now, self._now, None
        self._now = value if self._now is None else self._better(self._now, value)

    @property
    def value(self) -> float:
        """The best value, 0 if there is none."""
        known = [value for value in (self._now, self._before) if value is not None]
        return known[0] if len(known) == 1 else self._better(*known) if known else 0.0


class Uplink:
    """Measures the uplink."""

    def __init__(self) -> None:
        self._rate, self._delay = Best(max), Best(min)
        self._since = self._last = 0.0
        self._bytes = 0

    def add(self, size: int, begun: float, now: float) -> None:
        """Note a piece of `size` bytes that was begun at one time and acknowledged at another (seconds)."""
        self._delay.add(now - begun, now)
        if begun - self._last > INTERVAL:  # there was a pause
            self._since, self._bytes = begun, 0
        self._bytes += size
        self._last = now
        if now - self._since >= INTERVAL:
            self._rate.add(self._bytes / (now - self._since), now)
            self._since, self._bytes = now, 0

    @property
    def rate(self) -> float:
        """The bytes/s that it carries; 0 as long as that is not known."""
        return self._rate.value

    @property
    def delay(self) -> float:
        """The seconds that a piece needs at least from its begin until it is acknowledged."""
        return self._delay.value
