"""Waiting for the answers of a round."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.peer.peers.waiting import MAX_WAIT, NEWS_SIZE, QUIET_TIMEOUT, Waiters


class Test(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.waiters = Waiters(self.clock)

    def test_until_all_is_known(self):
        waiting = [self.waiters.wait(), self.waiters.wait()]
        self.waiters.release()
        self.assertTrue(all(one.called for one in waiting))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_until_nothing_new_comes(self):
        waiting = self.waiters.wait()
        for _ in range(5):
            self.clock.advance(QUIET_TIMEOUT - 0.5)
            self.assertFalse(waiting.called)
            self.waiters.news()
        self.clock.advance(QUIET_TIMEOUT)
        self.assertTrue(waiting.called)

    def test_a_long_index_that_comes_is_news(self):
        waiting = self.waiters.wait()
        for _ in range(4):
            self.clock.advance(QUIET_TIMEOUT / 2 - 0.1)
            self.waiters.came(NEWS_SIZE // 2)
        self.assertFalse(waiting.called)
        for _ in range(4):  # not one that drips
            self.clock.advance(QUIET_TIMEOUT / 2)
            self.waiters.came(1)
        self.assertTrue(waiting.called)

    def test_no_longer_than_that(self):
        waiting = self.waiters.wait()
        for _ in range(MAX_WAIT):
            self.assertFalse(waiting.called)
            self.clock.advance(1)
            self.waiters.news()
        self.clock.advance(0)
        self.assertTrue(waiting.called)

    def test_no_longer_than_one_wants_to(self):
        short, long = self.waiters.wait(2), self.waiters.wait()
        self.waiters.news()
        self.clock.advance(2)
        self.assertEqual((short.called, long.called), (True, False))

    def test_a_wait_that_was_given_up(self):
        waiting = self.waiters.wait()
        waiting.addErrback(lambda failure: None)
        waiting.cancel()
        self.waiters.release()
