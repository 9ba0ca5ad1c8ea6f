"""The RS as a service: swept each second, started and stopped in order."""

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted import __version__
from p2p_twisted.registry.memory import MemoryRegistry
from p2p_twisted.registry.store import StoreError
from p2p_twisted.rs.protocol import RSFactory
from p2p_twisted.rs.service import RegistrationServer
from p2p_twisted.rs.trust import TrustedNetworks
from p2p_twisted.web.api.schema import RsStatus


class Recording(MemoryRegistry):
    """Remembers what was asked of it; `broken` makes it raise."""

    def __init__(self, clock):
        super().__init__(60, clock.seconds, clock.seconds)
        self.calls = []
        self.broken = False
        self.full = False

    @property
    def unwritten(self):
        return 1

    def start(self):
        self.calls.append("start")

    def sweep(self):
        self.calls.append("sweep")
        if self.broken:
            raise OSError("the disk is gone")
        if self.full:
            raise StoreError("database or disk is full; make room on the disk")
        return super().sweep()

    def close(self):
        self.calls.append("close")
        if self.full:
            raise StoreError("database or disk is full; make room on the disk")


class Slow(Service):
    def __init__(self):
        self.stopped = Deferred()

    def stopService(self):
        return self.stopped


class Test(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.registry = Recording(self.clock)
        self.server = RegistrationServer(
            self.clock, self.registry, RSFactory(self.clock, self.registry, TrustedNetworks([]), 10)
        )
        self.server.startService()

    def test_it_is_swept_each_second_until_stopped(self):
        self.clock.pump([0.5] * 6)
        self.server.stopService()
        self.clock.pump([1] * 5)
        self.assertEqual(self.registry.calls, ["start", "sweep", "sweep", "sweep", "close"])

    def test_a_sweep_that_fails_is_logged_and_not_the_last(self):
        self.registry.broken = True
        self.clock.pump([1, 1, 1])
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1, "the same each second is said once")
        self.registry.broken = False
        self.registry.register("a", 1, None, True)
        self.clock.pump([1] * 60)
        self.assertEqual(self.registry._holders, {})
        self.server.stopService()

    def test_a_disk_that_is_full_is_a_line_now_and_then_until_it_is_not(self):
        events = EventLoggingObserver.createWithCleanup(self, globalLogPublisher)
        self.registry.full = True
        self.clock.pump([1] * 150)
        texts = [formatEvent(event) for event in events]
        self.assertEqual(len(texts), 3)
        self.assertIn("disk is full; make room on the disk", texts[0])
        self.assertTrue(texts[2].endswith("121 times in 120 s"), texts)
        self.registry.full = False
        self.clock.pump([1] * 10)
        self.assertEqual(
            [formatEvent(event) for event in events][3:], ["the registry is written down again, after 150 failures"]
        )

    def test_it_stops_with_a_line_when_the_disk_is_full(self):
        events = EventLoggingObserver.createWithCleanup(self, globalLogPublisher)
        self.registry.full = True
        self.successResultOf(self.server.stopService())
        [event] = events
        self.assertIn("what changed last is not written down", formatEvent(event))

    def test_the_registry_is_closed_when_all_parts_have_stopped(self):
        part = Slow()
        part.setServiceParent(self.server)
        stopped = self.server.stopService()
        self.assertNoResult(stopped)
        self.assertNotIn("close", self.registry.calls)
        part.stopped.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.registry.calls[-1], "close")

    def test_status(self):
        self.registry.register("a", 1, None, True)
        self.registry.leave(self.registry.register("a", 2, None, True).cookie, 2)
        self.clock.advance(7.5)
        expected = RsStatus("rs", __version__, uptime=7, ttl=60, active=1, records=2, connections=0)
        self.assertEqual(self.server.status(), expected)
        self.server.stopService()
