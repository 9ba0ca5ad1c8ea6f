"""A clock for simulations of many peers: calls in the order of their times."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any


class Clock:
    """Virtual time, as a reactor gives it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._calls: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._number = itertools.count()

    def seconds(self) -> float:
        """Return the time."""
        return self.now

    def callLater(self, delay: float, call: Callable[..., object], *arguments: Any) -> Timer:
        """Call `call` after `delay` seconds."""
        timer = Timer(call)
        heapq.heappush(self._calls, (self.now + delay, next(self._number), timer.fire, arguments))
        return timer

    def run(self, until: float) -> None:
        """Let the time pass."""
        while self._calls and self._calls[0][0] <= until:
            self.now, _, call, arguments = heapq.heappop(self._calls)
            call(*arguments)
        self.now = until


class Timer:
    """A call to come, which is never cancelled here."""

    def __init__(self, call: Callable[..., object]) -> None:
        self._call: Callable[..., object] | None = call

    def active(self) -> bool:
        """Return whether it is still to come."""
        return self._call is not None

    def fire(self, *arguments: Any) -> None:
        """Make the call."""
        call, self._call = self._call, None
        if call is not None:
            call(*arguments)
