"""A call for each of many sources, some in each turn of the reactor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from .source import Source

AT_ONCE = 100
"""Sources in one turn."""


class InTurns:
    """Calls `fill` with each source that is added, in this order, once for several additions."""

    def __init__(self, clock: IReactorTime, fill: Callable[[Source], object]) -> None:
        self._clock = clock
        self._fill = fill
        self._waiting: dict[Source, None] = {}
        self._next: IDelayedCall | None = None

    def add(self, sources: Iterable[Source]) -> None:
        """Add sources, and call for the first of them now, unless others are waiting."""
        self._waiting.update(dict.fromkeys(sources))
        if self._next is None:
            self._go_on()

    def _go_on(self) -> None:
        self._next = None
        for source in list(islice(self._waiting, AT_ONCE)):
            self._waiting.pop(source, None)  # none, if the call before has come here, too
            self._fill(source)
        if self._waiting and self._next is None:
            self._next = self._clock.callLater(0, self._go_on)
