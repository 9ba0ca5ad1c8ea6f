"""The log lines about a registry that cannot be written: one at the first failure, one a minute, one at the end."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..registry.store import StoreError

REMINDER_INTERVAL = 60
"""Seconds between two lines about the same failures."""


class StoreAlarm:
    """Counts the failures of a store since it last worked, and logs them."""

    log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.failures = 0
        self.total = 0
        """Failures since the start."""
        self._since = 0.0
        self._logged_at = 0.0

    def failed(self, error: StoreError) -> None:
        """Note that the store could not be written."""
        now = self._clock.seconds()
        self.failures += 1
        self.total += 1
        if self.failures == 1:
            self._since = self._logged_at = now
            self.log.error("{error}; until then no peer can register or leave", error=error)
        elif now - self._logged_at >= REMINDER_INTERVAL:
            self._logged_at = now
            passed = round(now - self._since)
            self.log.error("{error}; {count} times in {passed} s", error=error, count=self.failures, passed=passed)

    def worked(self) -> None:
        """Note that the store was written."""
        if self.failures:
            self.log.info("the registry is saved again, after {count} failures", count=self.failures)
            self.failures = 0
