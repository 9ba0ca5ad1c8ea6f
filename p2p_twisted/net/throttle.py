"""Rate limits: a token bucket (pure), and the queue in which the connections of a peer take turns at it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime

BURST_TIME = 0.05
"""Seconds' worth of bytes that may pass at once after a pause."""
MIN_BURST = 32 * 1024
"""Bytes of a burst at least: at a slow rate it would otherwise be all small writes."""
MIN_GRANT = 16 * 1024
"""Bytes granted at a time at least, unless fewer are requested."""


class TokenBucket:
    """Bytes that may pass, filled at `rate` bytes/s (None: without limit). Times are monotonic seconds."""

    def __init__(self, rate: float | None, now: float) -> None:
        self.rate = rate
        self._tokens = 0.0
        self._at = now

    @property
    def burst(self) -> float:
        """The bytes that may pass at once."""
        return max(MIN_BURST, (self.rate or 0) * BURST_TIME)

    def set_rate(self, rate: float | None, now: float) -> None:
        """Change the rate; the bytes taken so far stay taken."""
        self._fill(now)
        self.rate = rate

    def available(self, now: float) -> int:
        """Return the bytes that may pass now, from 0 to the burst."""
        self._fill(now)
        return max(0, int(self._tokens))

    def take(self, size: int, now: float) -> None:
        """Take `size` bytes. They may be more than are available; then later ones wait longer."""
        self._fill(now)
        self._tokens -= size

    def wait(self, now: float, size: int = 1) -> float:
        """Return the seconds until `size` bytes (at most the burst) may pass."""
        if self.rate is None:
            return 0.0
        self._fill(now)
        return max(0.0, (min(size, self.burst) - self._tokens) / self.rate)

    def _fill(self, now: float) -> None:
        filled = 0.0 if self.rate is None else self._tokens + (now - self._at) * self.rate
        self._tokens = min(self.burst, filled)
        self._at = now


class Throttle:
    """Lets the connections of a peer pass bytes in turn, together at no more than the rate."""

    def __init__(self, clock: IReactorTime, now: Callable[[], float], rate: float | None = None) -> None:
        """`rate` in bytes/s, None without limit; `now` gives monotonic seconds."""
        self.limited = rate is not None
        """Whether there is a limit. Without one, bytes may pass with no request."""
        self._clock = clock
        self._now = now
        self._bucket = TokenBucket(rate, now())
        self._waiting: deque[Callable[[], object]] = deque()
        self._granting = False
        self._call: Any = None

    @property
    def rate(self) -> float | None:
        """Bytes/s, None without limit."""
        return self._bucket.rate

    def set_rate(self, rate: float | None) -> None:
        """Change the limit now."""
        self.limited = rate is not None
        self._bucket.set_rate(rate, self._now())
        self._schedule()

    def request(self, size: int, turn: Callable[[], object]) -> int:
        """Return how many of `size` bytes may pass now; they count as passed.

        If that is 0, `turn` is called when it is time to request them again.
        """
        if self._bucket.rate is None:
            return size
        now, least = self._now(), min(size, MIN_GRANT)
        if (self._granting or not self._waiting) and self._bucket.wait(now, least) == 0:
            granted = min(size, max(least, self._bucket.available(now)))
            self._bucket.take(granted, now)
            return granted
        self.wait(turn)
        return 0

    def give_back(self, size: int) -> None:
        """Return `size` of the granted bytes, which did not pass."""
        if self._bucket.rate is not None:
            self._bucket.take(-size, self._now())

    def passed(self, size: int) -> bool:
        """Count `size` bytes that passed without a request; return whether no more should until a `wait` is over."""
        if self._bucket.rate is None:
            return False
        self._bucket.take(size, self._now())
        return self._bucket.wait(self._now()) > 0

    def wait(self, turn: Callable[[], object]) -> None:
        """Call `turn` once bytes may pass again and it is its turn."""
        self._waiting.append(turn)
        if self._call is None or not self._call.active():
            self._schedule()

    def _schedule(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        if self._waiting:
            self._call = self._clock.callLater(self._bucket.wait(self._now(), MIN_GRANT), self._turn)

    def _turn(self) -> None:
        for _ in range(len(self._waiting)):
            if self._bucket.wait(self._now(), MIN_GRANT) > 0:
                break
            turn = self._waiting.popleft()
            self._granting = True
            try:
                turn()
            finally:
                self._granting = False
        self._schedule()
