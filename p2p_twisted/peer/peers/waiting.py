"""Wait for news of other peers: until all have answered, or none has arrived for a while."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

QUIET_TIMEOUT = 3
"""Seconds without news after which the wait ends."""
MAX_WAIT = 30
"""Most seconds that a wait lasts, even with news."""
NEWS_SIZE = 256 * 1024
"""Bytes of an incomplete index that count as news."""


class Waiters:
    """Deferreds that fire together."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: list[tuple[Deferred[None], IDelayedCall]] = []
        self._timer: IDelayedCall | None = None
        self._bytes = 0

    def wait(self, seconds: float = MAX_WAIT) -> Deferred[None]:
        """Return a Deferred that never fails.

        It fires at `release`, after QUIET_TIMEOUT seconds without `news`, and in any case after `seconds`.
        """
        waiting: Deferred[None] = Deferred()
        self._waiting.append((waiting, self._clock.callLater(seconds, _fire, waiting)))
        self.news()
        return waiting

    def came(self, size: int) -> None:
        """Note that `size` bytes of an index have arrived."""
        self._bytes += size
        if self._bytes >= NEWS_SIZE:
            self.news()

    def news(self) -> None:
        """Note news: the wait goes on."""
        self._bytes = 0
        if self._waiting:
            self._stop()
            self._timer = self._clock.callLater(QUIET_TIMEOUT, self.release)

    def release(self) -> None:
        """Fire all Deferreds."""
        self._stop()
        waiting, self._waiting = self._waiting, []
        for one, timeout in waiting:
            if timeout.active():
                timeout.cancel()
            _fire(one)

    def _stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


def _fire(waiting: Deferred[None]) -> None:
    if not waiting.called:
        waiting.callback(None)
