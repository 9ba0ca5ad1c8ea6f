"""A rate of bytes, of which what is older counts less and less. Pure."""

from __future__ import annotations

import math

RATE_FADING = 1.0
"""Seconds after which bytes count for a rate by a factor e less."""


class Meter:
    """Bytes, and their rate in bytes/s. Times are the caller's seconds."""

    def __init__(self) -> None:
        self.total = 0
        self._rate = 0.0
        self._at = 0.0

    def add(self, size: int, now: float) -> None:
        """Count `size` bytes that were received at `now`."""
        self.total += size
        self._rate = self.rate(now) + size / RATE_FADING
        self._at = now

    def rate(self, now: float) -> float:
        """Return the bytes/s at `now`."""
        return self._rate * math.exp(min(0.0, self._at - now) / RATE_FADING)
