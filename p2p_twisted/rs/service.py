"""The RS as a service: the registry, swept each second, and the parts that are added to it."""

from __future__ import annotations

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from .. import __version__
from ..events.publisher import Publisher
from ..events.rs import PeersExpired
from ..net.reactor_delay import ReactorDelay
from ..registry.store import Store, StoreError
from ..web.api.rs_schema import RsStatus
from ..web.metrics import Family
from .counts import LIMITS
from .factory import RSFactory
from .metrics import families
from .store_alarm import StoreAlarm

SWEEP_INTERVAL = 1
"""Seconds between two sweeps."""


class Sweeper(Service):
    """Sweeps the registry each second."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, registry: Store, alarm: StoreAlarm, events: Publisher) -> None:
        self._registry = registry
        self._events = events
        self._alarm = alarm
        self._last_error: str | None = None
        self._failed = False
        """Whether the last sweep found that the registry cannot be written."""
        self._loop = LoopingCall(lambda: Deferred.fromCoroutine(self.sweep()))
        self._loop.clock = clock

    def startService(self) -> None:
        """Start sweeping, for the first time in one second."""
        super().startService()
        self._loop.start(SWEEP_INTERVAL, now=False)

    def stopService(self) -> None:
        """Stop sweeping."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    async def sweep(self) -> None:
        """Sweep once. Log each error and raise none: a function that raises would end its LoopingCall for good."""
        try:
            expired, written = await self._registry.sweep()
        except StoreError as error:
            self._failed = True
            self._alarm.failed(error)
        except Exception as error:
            if repr(error) != self._last_error:  # once, not each second
                self._log.failure("sweeping the registry")
            self._last_error = repr(error)
        else:
            self._last_error = None
            if written or self._failed:
                self._alarm.worked()
            self._failed = False
            if expired:
                self._log.info("{expired} peers are inactive: their TTL ran out", expired=expired)
                self._events.publish(PeersExpired(expired))


class RegistrationServer(MultiService):
    """The whole RS. Services added to it stop before the registry is closed."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, registry: Store, factory: RSFactory) -> None:
        super().__init__()
        self.registry = registry
        self.factory = factory
        self._clock = clock
        self._started = 0.0
        self.reactor_delay = ReactorDelay(clock)
        self.reactor_delay.setServiceParent(self)
        Sweeper(clock, registry, factory.alarm, factory.events).setServiceParent(self)

    def startService(self) -> None:
        """Take the registry for this process, and start the parts. Raises StoreError."""
        self._started = self._clock.seconds()
        self.registry.start()
        super().startService()

    def stopService(self) -> Deferred[None]:
        """Stop the parts, then close the registry. The Deferred fires when it has written everything."""
        stopping: Deferred[None] = super().stopService()
        return stopping.addBoth(lambda _: Deferred.fromCoroutine(self._close()))

    async def _close(self) -> None:
        try:
            await self.registry.close()
        except StoreError as error:
            self._log.error("{error}; the last changes are not saved", error=error)

    async def status(self) -> RsStatus:
        """Return the state of the RS for the control API."""
        active, records = await self.registry.counts()
        return RsStatus(
            role="rs",
            version=__version__,
            uptime=int(self._clock.seconds() - self._started),
            ttl=self.registry.clocks.ttl,
            active=active,
            records=records,
            connections=len(self.factory.connections),
            waiting=len(self.registry.waiting),
            counts=self.counts(),
            problem=self.why_not_ready(),
        )

    async def metrics(self) -> list[Family]:
        """Return the metrics for ``GET /metrics``."""
        return families(await self.status())

    def why_not_ready(self) -> str | None:
        """Return why the RS cannot register peers at the moment; None if it can."""
        return "the registry cannot be written" if self.factory.alarm.failures else None

    def counts(self) -> dict[str, float]:
        """Return the numbers since the start, by names of words separated by spaces; all are there from the start."""
        factory = self.factory
        return {
            **factory.requests.numbers(factory.fast_answers, factory.refusals),
            **{f"limits {name}": float(factory.limit_hits[name]) for name in LIMITS},
            **self.reactor_delay.durations.numbers("delays"),
            "commits": self.registry.commits,
            "skipped": self.registry.skipped,
            "commit_failures": factory.alarm.total,
        }
