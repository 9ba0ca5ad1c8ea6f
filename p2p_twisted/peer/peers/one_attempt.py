"""An attempt that all who want its outcome share."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


class OneAttempt:
    """Runs `attempt` for all callers at once; it goes on when a caller that waits for it is cancelled."""

    def __init__(self, attempt: Callable[[], Coroutine[Deferred[Any], Any, None]]) -> None:
        self.is_running = False
        self._attempt = attempt
        self._waiting: list[Deferred[None]] = []

    def join(self) -> Deferred[None]:
        """Return a Deferred for the outcome of the attempt that runs, or of one that begins now."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        if not self.is_running:
            self.is_running = True
            Deferred.fromCoroutine(self._attempt()).addBoth(self._ended)
        return waiting

    def _ended(self, outcome: Failure | None) -> None:
        self.is_running = False
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.called:
                one.callback(outcome)  # a Failure becomes an errback
