"""Rounds of questions to the RS and the peers: less and less often, and at once when somebody wants to know."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

FIRST_PAUSE = 1
REFRESH = 60
"""Seconds between the first two rounds, and at last between any two; in between each is twice the one before."""


class Rounds:
    """Runs one round after the other, never two at once."""

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        run: Callable[[], Coroutine[Deferred[Any], Any, None]],
        due: Callable[[], object],
        over: Callable[[], object],
    ) -> None:
        """`run` is a round; `due` is called before each that the clock begins, `over` after each that no other follows.

        A round reads `is_for_everybody`: whether those are to be asked, too, that it would pass over.
        """
        self.is_for_everybody = False
        self.is_running = False
        self._clock = clock
        self._run = run
        self._due = due
        self._over = over
        self._is_wanted = False
        self._round: Deferred[None] | None = None
        self._pause = FIRST_PAUSE
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """Run one now, and others from time to time."""
        self._due()
        self.begin()
        self._next = self._clock.callLater(self._pause * random.uniform(0.75, 1.25), self.start)
        self._pause = min(2 * self._pause, REFRESH)

    def stop(self) -> None:
        """Run none any more."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._is_wanted = False
        if self._round is not None:
            self._round.cancel()

    def begin(self, everybody: bool = False) -> None:
        """Run one now; with `everybody` for all, and after the one that runs, whose list may be older than the wish."""
        self.is_for_everybody |= everybody
        if self.is_running:
            self._is_wanted |= everybody
            return
        self.is_running = True  # before it runs: there may be nothing to wait for
        self._round = Deferred.fromCoroutine(self._run())
        self._round.addErrback(lambda failure: failure.trap(CancelledError) and None)
        self._round.addErrback(lambda failure: self.log.failure("a round", failure))
        self._round.addBoth(self._ended)

    def _ended(self, _: object) -> None:
        self._round, self.is_running, self.is_for_everybody = None, False, self._is_wanted
        if self._is_wanted:
            self._is_wanted = False
            self.begin()
        else:
            self._over()
