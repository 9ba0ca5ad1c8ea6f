"""The RS as a service: swept each second, started and stopped in order."""

from __future__ import annotations

from dataclasses import replace

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted import __version__
from p2p_twisted.registry.memory import MemoryStore
from p2p_twisted.registry.record import Clocks
from p2p_twisted.registry.store import StoreError, Swept
from p2p_twisted.rs.factory import RSFactory
from p2p_twisted.rs.service import RegistrationServer
from p2p_twisted.rs.trust import TrustedNetworks
from p2p_twisted.web.api.rs_schema import RsStatus
from tests.support.registries import SynchronousRegistry, result_of


class Recording(MemoryStore):
    """Records its calls. `broken` or `full` make it raise; a sweep waits for `sweeping`, if that is a Deferred."""

    def __init__(self, clocks: Clocks) -> None:
        super().__init__(clocks)
        self.calls: list[str] = []
        self.broken = False
        self.full = False
        self.sweeping: Deferred[None] | None = None

    def start(self) -> None:
        self.calls.append("start")

    async def sweep(self) -> Swept:
        self.calls.append("sweep")
        if self.broken:
            raise OSError("the disk is gone")
        self._need_room()
        if self.sweeping is not None:
            await self.sweeping
        expired, _ = await super().sweep()
        return Swept(expired, written=1)

    async def close(self) -> None:
        self.calls.append("close")
        self._need_room()

    def _need_room(self) -> None:
        if self.full:
            raise StoreError("database or disk is full; make room on the disk")


class SlowPart(Service):
    """A part that stops when `stopped` fires."""

    def __init__(self) -> None:
        self.stopped: Deferred[None] = Deferred()

    def stopService(self) -> Deferred[None]:
        return self.stopped


class Test(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.store = Recording(Clocks(60, self.clock.seconds, self.clock.seconds))
        self.registry = SynchronousRegistry(store=self.store)
        factory = RSFactory(self.clock, self.store, TrustedNetworks([]))
        self.server = RegistrationServer(self.clock, self.store, factory)
        self.server.startService()

    def logged(self) -> EventLoggingObserver:
        """Return the events that are logged from now on."""
        observer = EventLoggingObserver()
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return observer

    def test_it_is_swept_each_second_until_stopped(self) -> None:
        self.clock.pump([0.5] * 6)
        self.server.stopService()
        self.clock.pump([1] * 5)
        self.assertEqual(self.store.calls, ["start", "sweep", "sweep", "sweep", "close"])

    def test_a_sweep_that_fails_is_logged_and_not_the_last(self) -> None:
        self.store.broken = True
        self.clock.pump([1, 1, 1])
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1, "the same each second is said once")
        self.store.broken = False
        self.registry.register("a", 1, None, True)
        self.clock.pump([1] * 60)
        self.assertEqual(self.registry.active(), ([], False))
        self.server.stopService()

    def test_a_sweep_that_takes_long_is_waited_for(self) -> None:
        self.store.sweeping = Deferred()
        self.clock.pump([1] * 5)
        self.assertEqual(self.store.calls, ["start", "sweep"])
        self.store.sweeping.callback(None)
        self.clock.pump([1])
        self.assertEqual(self.store.calls, ["start", "sweep", "sweep"])
        self.server.stopService()

    def test_a_disk_that_is_full_is_a_line_now_and_then_until_it_is_not(self) -> None:
        events = self.logged()
        self.store.full = True
        self.clock.pump([1] * 150)
        texts = [formatEvent(event) for event in events]
        self.assertEqual(len(texts), 3)
        self.assertIn("disk is full; make room on the disk", texts[0])
        self.assertTrue(texts[2].endswith("121 times in 120 s"), texts)
        self.store.full = False
        self.clock.pump([1] * 10)
        self.assertEqual(
            [formatEvent(event) for event in events][3:], ["the registry is saved again, after 150 failures"]
        )

    def test_it_stops_with_a_line_when_the_disk_is_full(self) -> None:
        events = self.logged()
        self.store.full = True
        self.successResultOf(self.server.stopService())
        [event] = events
        self.assertIn("the last changes are not saved", formatEvent(event))

    def test_the_registry_is_closed_when_all_parts_have_stopped(self) -> None:
        part = SlowPart()
        part.setServiceParent(self.server)
        stopped = self.server.stopService()
        self.assertNoResult(stopped)
        self.assertNotIn("close", self.store.calls)
        part.stopped.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.store.calls[-1], "close")

    def test_status(self) -> None:
        self.registry.register("a", 1, None, True)
        self.registry.leave(self.registry.register("a", 2, None, True).cookie, 2)
        self.clock.advance(7.5)
        found = result_of(self.server.status())
        expected = RsStatus("rs", __version__, 7, ttl=60, active=1, records=2, connections=0, waiting=0, counts={})
        self.assertEqual(replace(found, counts={}), expected)
        self.assertLessEqual({"requests Register 200", "limits connections", "commits"}, set(found.counts))
        self.server.stopService()
