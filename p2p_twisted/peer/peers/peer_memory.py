"""Peers that are remembered over a restart: while no RS answers, this peer asks those that it knew before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ...events.publisher import Publisher
from ...events.types import RegistrationFailed, RoundStarted
from .discovery import Discovery
from .peer_file import PeerFile, remembered
from .registration import Registration

SAVE_INTERVAL = 60.0
"""Seconds between two savings."""


class PeerMemory(Service):
    """Saves the peers that have answered, and has `discovery` ask them while this peer has not been registered."""

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        registration: Registration,
        discovery: Discovery,
        publisher: Publisher,
        state_dir: Path,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        """`now` gives the monotonic seconds of `discovery`, `wall` Unix seconds."""
        self._registration = registration
        self._discovery = discovery
        self._now = now
        self._wall = wall
        self._file = PeerFile(state_dir)
        self._peers = remembered(self._file.load(), {}, int(wall()))
        self._saving = LoopingCall(self._save)
        self._saving.clock = clock
        for event in (RegistrationFailed, RoundStarted):
            publisher.subscribe(event, lambda _: self._ask())

    def startService(self) -> None:
        """Start to save from time to time."""
        super().startService()
        self._saving.start(SAVE_INTERVAL, now=False)

    def stopService(self) -> None:
        """Save, and stop."""
        super().stopService()
        if self._saving.running:
            self._saving.stop()
            self._save()

    def _ask(self) -> None:
        registration, known = self._registration, self._discovery.peers
        if not self.running or registration.registered or registration.error is None:
            return
        missing = [address for address in self._peers if address not in known]
        if missing and not known:
            self.log.info("no RS answers: asking {n} peers that were here before", n=len(missing))
        for address in missing:
            self._discovery.arrived(address, is_listed=False, has_greeted=False)

    def _save(self) -> None:
        now, wall = self._now(), int(self._wall())
        others = [peer for peer in self._discovery.peers.values() if not peer.is_self and peer.seen is not None]
        answered = {peer.address: wall - int(now - (peer.seen or 0)) for peer in others}
        peers = remembered(self._peers, answered, wall)
        if peers != self._peers:
            self._peers = peers
            self._file.save(peers)
