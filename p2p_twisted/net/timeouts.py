"""A time limit that counts only while the reactor runs."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

LOOK = 1
"""Seconds between two looks at the clock."""


class Countdown:
    """Calls `over` after a number of seconds in which the reactor ran.

    When a process goes on after it was stopped, or its machine after it slept, what has come meanwhile is still to be
    read: as long as that was, it counts as one look.
    """

    def __init__(self, clock: IReactorTime, over: Callable[[], object]) -> None:
        self.left = 0
        """Seconds; may be set anew while it runs."""
        self._clock = clock
        self._over = over
        self._next: IDelayedCall | None = None

    def start(self, seconds: int) -> None:
        """Begin, or begin anew."""
        self.stop()
        self.left = seconds
        self._next = self._clock.callLater(LOOK, self._look)

    def stop(self) -> None:
        """It is no longer waited for."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        self._next = None
        self.left -= LOOK
        if self.left > 0:
            self._next = self._clock.callLater(LOOK, self._look)
        else:
            self._over()
