"""An attempt that several wait for."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.peer.peers.one_attempt import OneAttempt


class Test(SynchronousTestCase):
    def setUp(self) -> None:
        self.runs: list[Deferred[None]] = []
        self.attempt = OneAttempt(self.run_once)

    async def run_once(self) -> None:
        self.runs.append(Deferred())
        await self.runs[-1]

    def test_all_get_the_one_outcome(self) -> None:
        first, second = self.attempt.join(), self.attempt.join()
        self.assertEqual((len(self.runs), self.attempt.is_running), (1, True))
        self.runs[0].errback(ValueError())
        for one in (first, second):
            self.failureResultOf(one, ValueError)
        third = self.attempt.join()
        self.runs[1].callback(None)
        self.successResultOf(third)
        self.assertFalse(self.attempt.is_running)

    def test_it_goes_on_without_one_that_is_cancelled(self) -> None:
        first, second = self.attempt.join(), self.attempt.join()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.runs[0].callback(None)
        self.successResultOf(second)
