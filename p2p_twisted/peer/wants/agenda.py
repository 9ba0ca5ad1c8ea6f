"""When wants are looked at: soon after a change, many changes together, one look at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

DEBOUNCE = 0.5
"""Seconds for which changes are collected before they are looked at."""
MAX_NAMES = 5_000
"""Most changed names that are looked at one by one; more are a reason to look at everything."""
FULL_PAUSE = 2.0
"""Least seconds between two looks at everything,"""
FULL_SHARE = 20
"""and how many times longer than the look the pause after it is, at least."""


class Agenda:
    """Collects what is to be looked at, and calls `look` with these names, or None for everything."""

    def __init__(self, clock: IReactorTime, look: Callable[[set[str] | None], Deferred[None]]) -> None:
        """`look` returns a Deferred that does not fail."""
        self._clock = clock
        self._look = look
        self._names: set[str] = set()
        self._is_full = False
        self._full_after = 0.0
        self._timer: IDelayedCall | None = None
        self._looking: Deferred[None] | None = None
        self._is_running = False

    def start(self) -> None:
        """Begin to look."""
        self._is_running = True
        self._soon()

    def stop(self) -> None:
        """Look no more; a look that is under way is cancelled."""
        self._is_running = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()

    def names(self, names: Iterable[str]) -> None:
        """Look at these names soon."""
        self._names.update(names)
        if len(self._names) > MAX_NAMES:
            self._is_full = True
        if self._names:
            self._soon()

    def everything(self) -> None:
        """Look at everything soon."""
        self._is_full = True
        self._soon()

    def _soon(self) -> None:
        if not self._is_running or self._looking is not None or not (self._names or self._is_full):
            return
        seconds = DEBOUNCE
        if not self._names or len(self._names) > MAX_NAMES:
            seconds = max(seconds, self._full_after - self._clock.seconds())
        if self._timer is not None and self._timer.active():
            if self._timer.getTime() <= self._clock.seconds() + seconds:
                return
            self._timer.cancel()
        self._timer = self._clock.callLater(seconds, self._begin)

    def _begin(self) -> None:
        self._timer = None
        began = self._clock.seconds()
        is_full = self._is_full and began >= self._full_after
        names, self._names = self._names, set()
        self._is_full = self._is_full and not is_full
        self._looking = self._look(None if is_full else names)
        self._looking.addBoth(lambda _: self._ended(is_full, began))

    def _ended(self, was_full: bool, began: float) -> None:
        self._looking = None
        if was_full:
            now = self._clock.seconds()
            self._full_after = now + max(FULL_PAUSE, FULL_SHARE * (now - began))
        self._soon()
