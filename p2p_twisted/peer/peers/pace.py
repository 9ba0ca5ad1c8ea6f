"""How fast a peer may tell of changes to its index: faster than any honest one, and slower than would harm. Pure."""

from __future__ import annotations

CHANGES_RATE = 2_000
CHANGES_BURST = 30_000
"""Changes that one peer may tell: each second, and at once after a pause."""
ANSWERS_RATE = 100
ANSWERS_BURST = 5_000
"""Answers in which it may tell them."""
MAX_SLOWED = 60
"""Seconds for which a peer is read slowly; one that still has more then is no longer followed."""
REST = 1
"""Seconds without a change after which it is no longer read slowly."""
MAX_PAUSE = 15
"""Most seconds for which a peer is not read at all: less than it is given to answer."""


class Allowance:
    """What may be spent at `rate` a second, and up to `burst` at once. Times are monotonic seconds."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst_time = burst / rate
        self._full_at = 0.0
        """When all of the burst may be spent again."""

    def spend(self, number: int, now: float) -> float:
        """Spend `number`; return the seconds after which more may be spent, negative for those that were left over."""
        self._full_at = max(now, self._full_at) + number / self._rate
        return self._full_at - self._burst_time - now


class Pace:
    """The pace of one peer that is followed."""

    def __init__(self) -> None:
        self._changes = Allowance(CHANGES_RATE, CHANGES_BURST)
        self._answers = Allowance(ANSWERS_RATE, ANSWERS_BURST)
        self._slowed_at: float | None = None
        """Since when it has been too fast."""

    def took(self, changes: int, answers: int, now: float) -> float:
        """Note what the peer has told; return the seconds for which it should not be read."""
        pause = max(self._changes.spend(changes, now), self._answers.spend(answers, now))
        if pause <= -REST:
            self._slowed_at = None
        elif pause > 0 and self._slowed_at is None:
            self._slowed_at = now
        return min(max(0.0, pause), MAX_PAUSE)

    def is_too_fast(self, now: float) -> bool:
        """Return whether it has been too fast for so long that it should no longer be followed."""
        return self._slowed_at is not None and now - self._slowed_at > MAX_SLOWED
