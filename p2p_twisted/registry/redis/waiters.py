"""The requests that wait for the copy of the records."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ..store import StoreError
from .coding import Position


class Waiters:
    """Requests that wait until the copy is there, or has taken up a change."""

    def __init__(self) -> None:
        self._starting: list[Deferred[None]] = []
        self._until: list[tuple[Position, Deferred[None]]] = []

    def start(self) -> Deferred[None]:
        """Return a Deferred that fires when the records are read, or could not be."""
        waiting: Deferred[None] = Deferred()
        self._starting.append(waiting)
        return waiting

    def until(self, position: Position) -> Deferred[None]:
        """Return a Deferred that fires when the change at `position` is taken up, or fails with StoreError."""
        waiting: Deferred[None] = Deferred()
        self._until.append((position, waiting))
        return waiting

    def started(self) -> None:
        """Let those continue that wait for the copy."""
        waiting, self._starting = self._starting, []
        for one in waiting:
            one.callback(None)

    def reached(self, position: Position) -> None:
        """Let those continue that wait for a change up to `position`."""
        done = [waiting for wanted, waiting in self._until if wanted <= position]
        if done:
            self._until = [one for one in self._until if one[0] > position]
        for waiting in done:
            waiting.callback(None)

    def failed(self, error: StoreError) -> None:
        """Let all continue: the engine is gone."""
        self.started()
        waiting, self._until = self._until, []
        for _, one in waiting:
            one.errback(StoreError(str(error)))
