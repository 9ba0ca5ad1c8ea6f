"""A registry that cannot be written down: the log is told so once, how often now and then, and when it is over."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..registry.store import StoreError

REMIND = 60
"""Seconds between two lines about the same trouble."""


class Trouble:
    """Keeps count of failures of the store."""

    log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._count = 0
        self._since = 0.0
        self._said_at = 0.0

    def failed(self, error: StoreError) -> None:
        """The store could not be written."""
        now = self._clock.seconds()
        self._count += 1
        if self._count == 1:
            self._since = self._said_at = now
            self.log.error("{error}; until then no peer can register or leave", error=error)
        elif now - self._said_at >= REMIND:
            self._said_at = now
            passed = round(now - self._since)
            self.log.error("{error}; {count} times in {passed} s", error=error, count=self._count, passed=passed)

    def worked(self) -> None:
        """The store was written."""
        if self._count:
            self.log.info("the registry is written down again, after {count} failures", count=self._count)
            self._count = 0
