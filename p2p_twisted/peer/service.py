"""A running peer: its parts, put together. What the API shows of it is in api_view.py."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from twisted.application.service import MultiService, Service
from twisted.internet import defer
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IListeningPort

from ..config.shares import Share
from ..config.startup import StartError, listen_tcp
from ..events.publisher import Publisher
from ..index.distributed import DistributedIndex
from ..library.audience import Audiences
from ..library.shared import Library
from ..net.admission import admission
from ..net.connect import Reactor
from ..net.dial_policy import DialPolicy
from ..net.secured import open_tls
from ..net.throttle import Throttle
from ..wire.limits import RS_PORT
from .downloads.manager import DownloadManager
from .folders import check_folders, holds_state, open_cache, open_confidential
from .peers.arrivals import Arrivals
from .peers.discovery import Discovery
from .peers.peer_memory import PeerMemory
from .peers.probing import Prober, Reachability
from .peers.registration import Registration
from .peers.rs_finder import RsFinder
from .peers.rs_pool import Finder
from .peers.site_map import SiteMap
from .peers.swarm_search import SwarmSearch
from .search import PeerSearch
from .serving.content_store import ContentStore
from .serving.factory import PeerFactory
from .settings import PeerSettings
from .transfer_log import TransferLog

if TYPE_CHECKING:
    from .wants.wants import Wants

PORTS = [port for port in range(65400, 65501) if port != RS_PORT]
"""A peer without `listen` listens on the first free one of these. The port of an RS is left free."""
SCAN_TIMEOUT = 5
"""Seconds for which the registration waits at most for the first scan of the shared folders."""


class Peer(MultiService):
    """A peer: call `bind`, then start it as a service. `events` publishes all that happens to it."""

    def __init__(self, reactor: Reactor, settings: PeerSettings) -> None:
        """Open the state folder. Raises StartError when a folder is missing or cannot be used, and SettingsError."""
        super().__init__()
        self.settings = settings
        self.events = Publisher()
        self._reactor = reactor
        audiences = settings.audiences()
        check_folders(settings)
        self._cache = open_cache(settings.state_dir / "hashes.sqlite")
        threads = cast(Any, reactor)  # it has threads as well
        self.library = Library(
            threads,
            [share.folder for share in settings.share],
            self._cache,
            downloads=settings.download_dir,
            excluded=[settings.state_dir],
            publisher=self.events,
            audiences=Audiences(audiences),
            confidential=open_confidential(settings),
            reports=not settings.is_brief or bool(settings.share),
        )
        self.index = DistributedIndex(settings.index_memory * 2**20)
        self.content_store = ContentStore(self.library, self.index, time.monotonic)
        self.content_store.advertise = settings.advertise
        self.search = PeerSearch(threads, self.content_store, settings.state_dir / "fulltext.sqlite")
        self.uplink = Throttle(reactor, time.monotonic, settings.up_rate)
        self.downlink = Throttle(reactor, time.monotonic, settings.down_rate)
        TransferLog(reactor, self.events)
        admitted = admission(settings.allow, settings.deny)
        self.factory = PeerFactory(reactor, self.content_store, self.uplink, self.events, admitted)
        self.factory.site = settings.site
        self.factory.search = self.search.answers.answer
        self.tls = open_tls(settings.tls)
        """The TLS under all connections to and from other members, None without."""
        self._served = self.tls.serve(self.factory) if self.tls else self.factory
        self._port: IListeningPort | None = None
        self.wants: Wants | None = None
        """What this peer keeps fetching; None if it ends with a command."""

    def bind(self) -> None:
        """Open the port. Raises StartError when it is in use, SettingsError when `listen` is not an endpoint."""
        self._port = self._listen()
        port = self.content_store.port = _port_of(self._port)
        settings, reactor, now, events = self.settings, self._reactor, time.monotonic, self.events
        finder = self._finder()
        self.registration = Registration(
            reactor, finder, port, settings.state_dir, events, settings.advertise, self._next_port
        )
        self.registration.pool.exchange.tls = self.tls
        self.discovery = Discovery(reactor, self.registration, self.index, now, events, settings.dial)
        self.discovery.dialler.tls = self.tls
        self.peer_memory = PeerMemory(
            reactor, self.registration, self.discovery, events, settings.state_dir, now, time.time
        )
        self.site_map = SiteMap(self.discovery.peers, self.registration, settings.site, settings.site_prefix)
        self.factory.piece_source.is_near = self.site_map.is_near
        dialler, is_listed = self.discovery.dialler, self.discovery.vouching.is_listed
        self.reachability = Reachability(dialler, self.registration, self.discovery.peers.values, events)
        self.factory.prober = Prober(dialler, now, is_listed)
        self.discovery.retelling.tell = self.factory.hearsay_feed.tell
        self.factory.index_feed.answers.is_swarm_large = lambda: self.discovery.retelling.is_on
        self.factory.arrivals = Arrivals(now, is_listed, self.discovery.arrived)
        self.search.swarm = SwarmSearch(reactor, self.discovery, self.downlink)
        self.download_manager = DownloadManager(reactor, self.factory, self.discovery, self.downlink, now, events)
        self.download_manager.site_map = self.site_map
        self._lasting = [] if settings.is_brief else [self._orders(), self._keeper()]

    def _orders(self) -> Service:
        from .downloads.orders import Orders  # a peer of one command is to start quickly, and needs none of these

        return Orders(self._reactor, self.download_manager, self.events, self.settings.state_dir)

    def _keeper(self) -> Service:
        """Return what keeps the wants; they can be changed from now on."""
        from .wants.keeper import Keeper
        from .wants.want_file import WantFile
        from .wants.wants import Wants

        file, settings = WantFile(self.settings.state_dir), self.settings
        parts = self._reactor, self.download_manager, self.discovery, self.library, self.events, file, time.monotonic
        keeper = Keeper(*parts)
        self.wants = Wants(keeper, file, settings.download_dir, settings.want)
        return keeper

    def _finder(self) -> Finder:
        """Return what finds the RS that the user has named or, without any, those on the local network."""
        servers = self.settings.registration_servers()
        if servers:
            return RsFinder(self._reactor, servers)
        from ..net.local_network import Browser
        from .peers.local_finder import LocalFinder

        browser = Browser(self._reactor)
        browser.setServiceParent(self)
        return LocalFinder(browser, self.tls is not None, DialPolicy(self.settings.dial, tuple).refusal)

    def _listen(self) -> IListeningPort:
        if self.settings.listen is not None:
            return listen_tcp(self._reactor, "--listen", self.settings.listen, self._served)
        port = self._first_free(PORTS)
        if port is None:
            raise StartError(f"all ports from {PORTS[0]} to {PORTS[-1]} are taken; name a free one with --listen")
        return port

    def _first_free(self, ports: Sequence[int]) -> IListeningPort | None:
        for port in ports:
            try:
                return listen_tcp(self._reactor, "--listen", f"tcp:{port}", self._served)
            except StartError:
                continue
        return None

    def _next_port(self) -> int | None:
        """Listen on the next free port of PORTS instead; None if there is none, or `listen` names the one to use."""
        old, new = self._port, None
        if self.settings.listen is None and old is not None:
            new = self._first_free([port for port in PORTS if port > self.content_store.port])
        if new is None or old is None:
            return None
        self._port = new
        old.stopListening()  # connections to it go on
        self.content_store.port = _port_of(new)
        return self.content_store.port

    def startService(self) -> None:
        """Scan the shared folders, then register and look for other peers."""
        super().startService()
        self._cache.reopen()  # the process may have become a daemon by a fork since it was opened
        if self.wants is not None:
            self.wants.open()
        scanned = self.search.start(self.library.start())
        scanned.addTimeout(SCAN_TIMEOUT, self._reactor)
        scanned.addErrback(lambda failure: failure.trap(defer.TimeoutError) and None)
        scanned.addCallback(lambda _: self._start_parts())

    def _start_parts(self) -> None:
        if self.running:
            parts = (self.peer_memory, self.registration, self.discovery, self.download_manager, *self._lasting)
            for service in parts:  # stopped in reverse order
                service.setServiceParent(self)

    def stopService(self) -> Deferred[None]:
        """Leave the RS and stop. Fires when all files and ports are closed."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self.reachability.stop()
        await (super().stopService() or succeed(None))
        if self._port is not None:
            await (self._port.stopListening() or succeed(None))
        await self.search.stop()
        await self.library.stop()
        self.factory.index_feed.stop()
        self.factory.hearsay_feed.stop()
        self.factory.private_index.stop()
        self._cache.close()
        if self.wants is not None:
            self.wants.close()

    @property
    def host(self) -> str:
        """The address at which others reach this peer, as far as it knows."""
        return self.registration.seen_as or "127.0.0.1"

    async def share(self, share: Share) -> None:
        """Share a folder too until the peer stops, and return when it has been read. Raises ValueError."""
        if why := holds_state(share.folder, self.settings):
            raise ValueError(why)
        try:
            await self.library.add_folder(share.folder, self.settings.audience(share))
        except OSError as e:
            raise ValueError(f"{share.folder}: {e.strerror}; name an existing folder") from e

    async def unshare(self, folder: Path) -> None:
        """Share a folder no more, and return when its files are no longer shared. Raises ValueError."""
        await self.library.remove_folder(folder)


def _port_of(port: IListeningPort) -> int:
    address = port.getHost()
    assert isinstance(address, IPv4Address | IPv6Address)
    return address.port
