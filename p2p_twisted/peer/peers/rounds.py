"""Rounds of requests to the RS and the peers: at growing intervals, and at once on demand."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

FIRST_PAUSE = 1
REFRESH = 60
"""Seconds between the first two rounds, and between later ones at most; doubled each time."""


class Rounds:
    """Runs one round after another, never two at once."""

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        run: Callable[[], Coroutine[Deferred[Any], Any, None]],
        due: Callable[[], object],
        over: Callable[[], object],
    ) -> None:
        """`run` is a round; `due` is called before each that the clock starts, `over` after each that no other follows.

        A round reads `is_for_everybody`: whether peers are asked, too, that it would skip otherwise.
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
        """Run one now, and others at intervals."""
        self._due()
        self.begin()
        self._next = self._clock.callLater(self._pause * random.uniform(0.75, 1.25), self.start)
        self._pause = min(2 * self._pause, REFRESH)

    def stop(self) -> None:
        """Stop."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._is_wanted = False
        if self._round is not None:
            self._round.cancel()

    def begin(self, everybody: bool = False) -> None:
        """Run one now; with `everybody`, for all peers and after a running one, whose list may be out of date."""
        self.is_for_everybody |= everybody
        if self.is_running:
            self._is_wanted |= everybody
            return
        self.is_running = True  # before it runs: there may be no peer to wait for
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
