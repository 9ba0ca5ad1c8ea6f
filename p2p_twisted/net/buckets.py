"""A token bucket for each key, in constant memory for each; pure: it is given the time.

A bucket is one number: when it will be full again. One that is full is as good as none, so idle keys are forgotten:
keys are in two dictionaries, and one that is used moves to the newer of them. Whenever all buckets that were not used
since the last time have filled up, the older dictionary is dropped and the newer one takes its place.
"""

from __future__ import annotations

import math

MAX_KEYS = 50_000
"""Most keys that are remembered, about 250 bytes each. Beyond them, those that were used least lately are forgotten."""
ROUNDING = 1e-3
"""Tokens by which sums of floating-point numbers may be wrong without costing anybody a token."""


class Buckets:
    """Buckets of `burst` tokens, which fill at `rate` tokens a second. All are full at first."""

    def __init__(self, rate: float, burst: float, max_keys: int = MAX_KEYS) -> None:
        self._cost = 1 / rate
        self._fill_time = burst / rate
        self._most = self._fill_time + ROUNDING * self._cost
        self._max_recent = max(max_keys // 2, 1)
        self._recent: dict[str, list[float]] = {}  # each with the time at which the bucket is full again
        self._older: dict[str, list[float]] = {}
        self._turn_at = -math.inf

    def __len__(self) -> int:
        return len(self._recent) + len(self._older)

    def take(self, key: str, now: float) -> float:
        """Take a token of `key` and return 0; if there is none, return the seconds until there is one."""
        bucket = self._recent.get(key) if now < self._turn_at else None
        if bucket is None:
            bucket = self._recall(key, now)
        full_at = bucket[0]
        if full_at < now:
            full_at = now
        full_at += self._cost
        if full_at - now > self._most:
            return self._wait(bucket, now)
        bucket[0] = full_at
        return 0.0

    def is_empty(self, key: str, now: float) -> bool:
        """Return whether `key` has no token."""
        bucket = self._recent.get(key) or self._older.get(key)
        return bucket is not None and self._wait(bucket, now) > 0

    def _wait(self, bucket: list[float], now: float) -> float:
        """Return the seconds until `bucket` has a token; 0 or less if it has."""
        if bucket[0] > now + self._most:  # the clock was set back
            bucket[0] = now + self._fill_time
        return max(bucket[0], now) + self._cost - now - self._most

    def _recall(self, key: str, now: float) -> list[float]:
        """Return the bucket of `key`, which is among the recent ones from now on."""
        if now >= self._turn_at:
            self._forget(now)
        bucket = self._recent.get(key) or self._older.pop(key, None) or [now]
        if len(self._recent) >= self._max_recent:
            self._older, self._recent = self._recent, {}
        self._recent[key] = bucket
        return bucket

    def _forget(self, now: float) -> None:
        """Drop the buckets that nobody has used for as long as one takes to fill."""
        idle = now - self._turn_at
        self._older = self._recent if idle < self._fill_time else {}
        self._recent = {}
        self._turn_at = now + self._fill_time
