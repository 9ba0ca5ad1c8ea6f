"""Virtual time: calls in the order of the times at which they are due."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

Due = tuple[float, int, Callable[..., object], tuple[Any, ...]]


@implementer(IDelayedCall)
class DelayedCall:
    """A call that the real classes have asked for, and may still cancel or put off."""

    def __init__(self, loop: Loop, time: float, call: Callable[[], object]) -> None:
        self._loop = loop
        self._time = time
        self._call: Callable[[], object] | None = call
        self._cancelled = False

    def getTime(self) -> float:
        """Return when the call is due (seconds)."""
        return self._time

    def cancel(self) -> None:
        """Make no call. Raises AlreadyCalled or AlreadyCancelled."""
        self._check()
        self._call, self._cancelled = None, True

    def delay(self, secondsLater: float) -> None:
        """Make the call so many seconds later than it is due. Raises as `cancel` does."""
        self._check()
        self._time += secondsLater

    def reset(self, secondsFromNow: float) -> None:
        """Make the call so many seconds from now, which must not be sooner than it was due. Raises as `cancel` does."""
        self._check()
        self._time = self._loop.now + secondsFromNow

    def active(self) -> bool:
        """Return whether the call is still to be made."""
        return self._call is not None

    def due(self) -> None:
        """Make the call if its time has come, and it was not cancelled."""
        if self._call is None:
            return
        if self._time > self._loop.now:
            self._loop.at(self._time, self.due)
        else:
            call, self._call = self._call, None
            call()

    def _check(self) -> None:
        if self._call is None:
            raise AlreadyCancelled if self._cancelled else AlreadyCalled


@implementer(IReactorTime)
class Loop:
    """Makes each call when it is due; `now` is that time, in seconds from the beginning. Waiting costs nothing.

    It is also the clock that the real classes are given. (Twisted's own Clock sorts all calls for each new one.)
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[Due] = []
        self._count = 0
        """Calls asked for so far: their order, among those that are due at the same time."""
        self._failure: Failure | None = None

    def at(self, time: float, call: Callable[..., object], *args: Any) -> None:
        """Make the call at `time`; it cannot be cancelled."""
        self._count += 1
        heapq.heappush(self._due, (time, self._count, call, args))

    def seconds(self) -> float:
        """Return the virtual time."""
        return self.now

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002
        *args: object,
        **kwargs: object,
    ) -> DelayedCall:
        """Make the call in `delay` seconds, unless it is cancelled before."""
        later = DelayedCall(self, self.now + delay, lambda: callable(*args, **kwargs))
        self.at(self.now + delay, later.due)
        return later

    def getDelayedCalls(self) -> list[IDelayedCall]:
        """Return nothing: what waits is not listed."""
        return []

    def fail(self, failure: Failure) -> None:
        """Have `run` raise the error of a Deferred that nobody expects to fail."""
        self._failure = failure

    def run(self, until: Callable[[], bool], limit: float) -> bool:
        """Make calls until `until()` is true; return whether that came about within `limit` seconds of virtual time."""
        while self._due and self._due[0][0] <= limit and not until():
            self.now, _, call, args = heapq.heappop(self._due)
            call(*args)
            if self._failure is not None:
                self._failure.raiseException()
        return until()
