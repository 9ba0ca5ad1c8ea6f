"""How late the reactor is: what it does at a time keeps everything else waiting."""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..events.durations import Durations

INTERVAL = 0.5
"""Seconds between two looks."""


class ReactorDelay(Service):
    """Measures, twice a second, how much later than it should a timer is called: `durations`."""

    def __init__(self, clock: IReactorTime, now: Callable[[], float] = time.monotonic) -> None:
        self.durations = Durations()
        self._clock = clock
        self._now = now
        self._timer: IDelayedCall | None = None

    def startService(self) -> None:
        """Start to measure."""
        super().startService()
        self._wait()

    def stopService(self) -> None:
        """Stop measuring."""
        super().stopService()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _wait(self) -> None:
        self._timer = self._clock.callLater(INTERVAL, self._measure, self._now() + INTERVAL)

    def _measure(self, due: float) -> None:
        self.durations.add(max(0.0, self._now() - due))
        self._wait()
