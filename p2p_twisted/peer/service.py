"""A running peer: library, index, server, registration and downloads put together."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path

from twisted.application.service import MultiService
from twisted.internet import defer
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from ..config.startup import StartError, listen_tcp
from ..config.state_folder import make_state_folder
from ..events.publisher import Publisher
from ..index.distributed import DistributedIndex
from ..library.cache import HashCache
from ..library.shared import Library
from ..library.walk import is_within
from ..net.connect import Reactor
from ..net.throttle import Throttle
from ..wire.limits import RS_PORT
from .downloads.manager import DownloadManager
from .peers.arrivals import Arrivals
from .peers.discovery import Discovery
from .peers.probing import Prober, Reachability
from .peers.registration import Registration
from .serving.content_store import ContentStore
from .serving.protocol import PeerFactory
from .transfer_log import TransferLog

PORTS = [port for port in range(65400, 65501) if port != RS_PORT]
"""Where a peer listens that was not told where: at the first free one of these. The RS's own port is left to it."""
PATIENCE_FOR_SCAN = 5
"""Seconds that registering waits for the first scan of the shared folders."""


@dataclass
class PeerSettings:
    """What a peer is told. `listen` is a Twisted endpoint string, or None for the first free port of PORTS."""

    rs_host: str
    state_dir: Path
    download_dir: Path
    rs_port: int = RS_PORT
    listen: str | None = None
    share: list[Path] = field(default_factory=list)
    advertise: str | None = None
    up_rate: float | None = None
    down_rate: float | None = None
    """Bytes/s of files sent and received, None without limit."""


class Peer(MultiService):
    """A peer. `bind` it, then start it as a service."""

    log = Logger()

    def __init__(self, reactor: Reactor, settings: PeerSettings) -> None:
        """Open the state folder. Raises StartError when a folder is missing or cannot be used."""
        super().__init__()
        self.settings = settings
        self.events = Publisher()
        self._reactor = reactor
        for folder in settings.share:
            if not folder.is_dir():
                raise StartError(f"share folder {folder} is not there; make it, or name another with --share")
        make_state_folder(settings.state_dir)
        _make(settings.download_dir)
        for folder in [settings.download_dir, *settings.share]:
            if why := self._holds_state(folder):
                raise StartError(f"{why}, or keep the state elsewhere with --state-dir")
        self._cache = _open_cache(settings.state_dir / "hashes.sqlite")
        self.library = Library(
            reactor,  # type: ignore[arg-type]
            settings.share,
            self._cache,
            downloads=settings.download_dir,
            private=[settings.state_dir],
            publisher=self.events,
        )
        self.knowledge = DistributedIndex()
        self.content_store = ContentStore(self.library, self.knowledge, time.monotonic)
        self.content_store.advertise = settings.advertise
        self.uplink = Throttle(reactor, time.monotonic, settings.up_rate)
        self.downlink = Throttle(reactor, time.monotonic, settings.down_rate)
        TransferLog(reactor, self.events)
        self.factory = PeerFactory(reactor, self.content_store, self.uplink, self.events)
        self._port: IListeningPort | None = None

    # its life

    def bind(self) -> None:
        """Take the port. Raises StartError when it cannot be had, SettingsError when `listen` is no endpoint."""
        self._port = self._listen()
        self.content_store.port = self._port.getHost().port  # type: ignore[attr-defined]
        rs = (self.settings.rs_host, self.settings.rs_port)
        self.registration = Registration(
            self._reactor, rs, self.content_store.port, self.settings.state_dir, self.events, self.settings.advertise
        )
        self.discovery = Discovery(self._reactor, self.registration, self.knowledge, time.monotonic, self.events)
        self.reachability = Reachability(self._reactor, self.registration, self.discovery.peers.values, self.events)
        self.factory.prober = Prober(self._reactor, time.monotonic, self.discovery.is_listed)
        self.factory.arrivals = Arrivals(time.monotonic, self.discovery.is_listed, self.discovery.arrived)
        self.download_manager = DownloadManager(
            self._reactor, self.factory, self.discovery, self.downlink, time.monotonic, self.events
        )

    def _listen(self) -> IListeningPort:
        if self.settings.listen is not None:
            return listen_tcp(self._reactor, "--listen", self.settings.listen, self.factory)
        for port in PORTS:
            try:
                return listen_tcp(self._reactor, "--listen", f"tcp:{port}", self.factory)
            except StartError:
                continue
        raise StartError(f"all ports from {PORTS[0]} to {PORTS[-1]} are taken; name a free one with --listen")

    def startService(self) -> None:
        """Read the shared folders, then be known to the RS and learn of the others."""
        super().startService()
        self._cache.reopen()  # a daemon has forked since it was opened
        scanned = self.library.start()
        scanned.addTimeout(PATIENCE_FOR_SCAN, self._reactor)
        scanned.addErrback(lambda failure: failure.trap(defer.TimeoutError) and None)
        scanned.addCallback(lambda _: self._announce())

    def _announce(self) -> None:
        if self.running:
            for service in (self.registration, self.discovery, self.download_manager):
                service.setServiceParent(self)

    def stopService(self) -> Deferred[None]:
        """Leave the RS and stop; fires when nothing is open any more."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self.reachability.stop()
        await (super().stopService() or succeed(None))
        if self._port is not None:
            await (self._port.stopListening() or succeed(None))
        await self.library.stop()
        self._cache.close()

    @property
    def host(self) -> str:
        """The address at which others reach this peer, as far as it knows."""
        return self.registration.seen_as or "127.0.0.1"

    async def share(self, folder: Path) -> None:
        """Share `folder` too until the peer stops, and return when it has been read. Raises ValueError."""
        if why := self._holds_state(folder):
            raise ValueError(why)
        try:
            await self.library.add_folder(folder)
        except OSError as e:
            raise ValueError(f"{folder}: {e.strerror}; name a folder that is there") from e

    def _holds_state(self, folder: Path) -> str | None:
        """Why `folder` may not be shared: it is the state folder, or lies in it other than among the downloads."""
        state, downloads = self.settings.state_dir, self.settings.download_dir
        if not is_within(folder, state):
            return None
        if is_within(downloads, state) and not is_within(state, downloads) and is_within(folder, downloads):
            return None
        return f"{folder} holds the state of this peer, its key and cookie, and is never shared; name another folder"


def _open_cache(path: Path) -> HashCache:
    try:
        return HashCache(path)
    except sqlite3.OperationalError as e:
        raise StartError(f"hash cache {path}: {e}; move it away, and the shared files are hashed again") from e


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as e:
        remedy = "give a folder that this user may write to with --download-dir"
        raise StartError(f"download folder {folder}: {e.strerror}; {remedy}") from e
