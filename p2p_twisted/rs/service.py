"""The RS as a service: the registry, swept each second, and the port."""

from __future__ import annotations

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from .. import __version__
from ..registry.store import Registry, StoreError
from ..web.api.schema import RsStatus
from .protocol import RSFactory
from .store_alarm import Trouble

SWEEP = 1
"""Seconds between sweeps."""


class Sweeper(Service):
    """Sweeps the registry each second, whatever happens."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, registry: Registry, trouble: Trouble) -> None:
        self._registry = registry
        self._trouble = trouble
        self._last: str | None = None
        self._loop = LoopingCall(self.sweep)
        self._loop.clock = clock

    def startService(self) -> None:
        """Begin."""
        super().startService()
        self._loop.start(SWEEP, now=False)

    def stopService(self) -> None:
        """End."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def sweep(self) -> None:
        """Sweep once. What goes wrong is logged: a function that raises would end its LoopingCall for good."""
        unwritten = self._registry.unwritten
        try:
            gone = self._registry.sweep()
        except StoreError as error:
            self._trouble.failed(error)
        except Exception as error:
            if repr(error) != self._last:  # once, not each second
                self._log.failure("sweeping the registry")
            self._last = repr(error)
        else:
            self._last = None
            if unwritten:
                self._trouble.worked()
            if gone:
                self._log.info("{gone} peers are inactive: their TTL ran out", gone=gone)


class RegistrationServer(MultiService):
    """The whole RS. Services added to it stop before the registry is closed."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, registry: Registry, factory: RSFactory) -> None:
        super().__init__()
        self.registry = registry
        self.factory = factory
        self._clock = clock
        self._started = 0.0
        Sweeper(clock, registry, factory.trouble).setServiceParent(self)

    def startService(self) -> None:
        """Take the registry for this process, and start the parts."""
        self._started = self._clock.seconds()
        self.registry.start()
        super().startService()

    def stopService(self) -> Deferred[None]:
        """Fires when the parts have stopped and the registry is written down."""
        stopping: Deferred[None] = super().stopService()
        return stopping.addBoth(lambda _: self._close())

    def _close(self) -> None:
        try:
            self.registry.close()
        except StoreError as error:
            self._log.error("{error}; what changed last is not written down", error=error)

    def status(self) -> RsStatus:
        """Return the state of the RS for the control API."""
        return RsStatus(
            role="rs",
            version=__version__,
            uptime=int(self._clock.seconds() - self._started),
            ttl=self.registry.ttl,
            active=len(self.registry.active()[0]),
            records=len(self.registry),
            connections=len(self.factory.connections),
        )
