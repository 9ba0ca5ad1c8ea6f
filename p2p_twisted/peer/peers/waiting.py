"""Wait for news of other peers: until all have answered, or none has arrived for a while."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

QUIET = 3
"""Seconds without news after which the wait ends."""
LONGEST_WAIT = 30
"""Most seconds that a wait lasts, even with news."""
MUCH = 256 * 1024
"""Bytes of an incomplete index that count as news."""


class Waiters:
    """Deferreds that fire together."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: list[Deferred[None]] = []
        self._timer: IDelayedCall | None = None
        self._latest = 0.0
        self._bytes = 0

    def wait(self) -> Deferred[None]:
        """Return a Deferred that fires at `release`, or after QUIET seconds without `news`; it never fails."""
        waiting: Deferred[None] = Deferred()
        if not self._waiting:
            self._latest = self._clock.seconds() + LONGEST_WAIT
        self._waiting.append(waiting)
        self.news()
        return waiting

    def came(self, size: int) -> None:
        """Note that `size` bytes of an index have arrived."""
        self._bytes += size
        if self._bytes >= MUCH:
            self.news()

    def news(self) -> None:
        """Note news: the wait goes on."""
        self._bytes = 0
        if self._waiting:
            self._stop()
            self._timer = self._clock.callLater(max(0, min(QUIET, self._latest - self._clock.seconds())), self.release)

    def release(self) -> None:
        """Fire all Deferreds."""
        self._stop()
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.called:
                one.callback(None)

    def _stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
