"""A peer behind the control API: answers in the values of the schema, and calls passed on to the parts of the peer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from .. import __version__
from ..config.shares import Share
from ..index.search import Document
from ..web.api.download_schema import DownloadDetails, DownloadList
from ..web.api.schema import (
    Holder,
    IndexedDocument,
    IndexPage,
    Limits,
    OtherPeer,
    OtherPeers,
    PeerStatus,
    PrivateFolder,
    SharedFolders,
    UnsharedPath,
    UnsharedPaths,
)
from ..web.api.search_schema import SearchPage
from ..web.api.want_schema import WantList
from ..wire.address import Address
from ..wire.errors import FileNotFound
from ..wire.fields import split_type
from ..wire.search_terms import Term
from .document_list import DocumentList
from .download_view import banned_sources, by_site, details, summary
from .dropped_files import DroppedFiles
from .peer_rates import UpRates, down_rates
from .rs_view import rs_connection
from .search_view import search_page
from .service import Peer
from .shares_view import shared_folders
from .want_view import BRIEF, want_list


class ApiView:
    """The PeerFacade of a peer that is bound. The peer's own times are monotonic seconds, those of the API Unix."""

    def __init__(self, reactor: Any, peer: Peer) -> None:
        self._reactor = reactor
        self._peer = peer
        self._started = time.time()
        self._dropped = DroppedFiles(reactor, peer.library, peer.settings.download_dir)
        self._up_rates = UpRates(peer.factory.uploads.by_host, time.monotonic)
        self._documents = DocumentList(reactor, peer.content_store, lambda: peer.host, time.monotonic)

    def status(self) -> PeerStatus:
        """Return the state of the peer."""
        peer = self._peer
        files = peer.library.files.values()
        return PeerStatus(
            role="peer",
            version=__version__,
            host=peer.host,
            port=peer.content_store.port,
            rs=rs_connection(peer.registration, peer.reachability, self._reactor.seconds()),
            shared=[str(folder) for folder in peer.library.folders],
            private=self._private(),
            download_dir=str(peer.settings.download_dir),
            files=len(files),
            bytes=sum(file.size for file in files),
            not_shared=self._not_shared(),
            index_records=len(peer.index),
            peers=sum(not other.is_self for other in peer.discovery.peers.values()),
            uploaded=peer.factory.uploaded,
            site=peer.site_map.own,
            by_site=by_site(peer.download_manager.downloads.values()),
            dropped_sources=banned_sources(peer.download_manager.downloads.values()),
            limits=self.limits(),
            uptime=time.time() - self._started,
        )

    def _private(self) -> list[PrivateFolder]:
        audiences = {str(folder): self._peer.library.audience(folder) for folder in self._peer.library.folders}
        return [PrivateFolder(path, sorted(names)) for path, names in audiences.items() if names is not None]

    def _not_shared(self) -> UnsharedPaths:
        unshared = self._peer.library.unshared
        return UnsharedPaths(unshared.total, [UnsharedPath(path, why) for path, why in unshared.items.items()])

    def peers(self) -> OtherPeers:
        """Return the other peers that it knows."""
        now = time.monotonic()
        up, down = (
            self._up_rates.rates(),
            down_rates(self._peer.download_manager.downloads.values(), self._reactor.seconds()),
        )
        return OtherPeers(
            [
                OtherPeer(
                    host=peer.address[0],
                    port=peer.address[1],
                    files=self._peer.index.count_of(peer.address, now),
                    last_seen=None if peer.seen is None else now - peer.seen,
                    failures=peer.failures,
                    up_rate=up.get(peer.address[0], 0.0),
                    down_rate=down[peer.address],
                )
                for peer in self._peer.discovery.peers.values()
                if not peer.is_self
            ]
        )

    def index(self, q: str, limit: int, offset: int, sort: str = "name") -> Deferred[IndexPage]:
        """Fire with at most `limit` of the documents that match `q`, from number `offset` on, in the order `sort`."""
        return self._documents.page(q, sort, limit, offset).addCallback(self._index_page)

    def _index_page(self, page: tuple[int, list[Document]]) -> IndexPage:
        total, found = page
        return IndexPage(total, [self._shown(document) for document in found])

    def _shown(self, document: Document) -> IndexedDocument:
        store = self._peer.content_store
        return _document(document, (store.advertise or self._peer.host, store.port), self._readers(document))

    def search(self, terms: Sequence[Term], limit: int, swarm: bool) -> Deferred[SearchPage]:
        """Fire with the best `limit` documents that have all `terms`; with `swarm`, other peers are asked too."""
        search, host = self._peer.search, self._peer.host
        found = Deferred.fromCoroutine(search.search(terms, limit, swarm))
        return found.addCallback(search_page, lambda result: search.document(result, host), self._shown)

    def _readers(self, document: Document) -> list[str] | None:
        """Return the peers that this peer lets know of a private document, None for a public one."""
        file = self._peer.library.get(document.name)
        if file is not None and file.sha256 == document.sha256:
            return None if file.audience is None else sorted(file.audience)
        return [] if document.private else None

    def downloads(self) -> DownloadList:
        """Return the downloads since the start, the newest last."""
        now = self._reactor.seconds()
        return DownloadList([summary(download, now) for download in self._peer.download_manager.downloads.values()])

    def download(self, id: str) -> DownloadDetails | None:  # noqa: A002
        """Return a download with its files, or None if there is none with that id."""
        download = self._peer.download_manager.downloads.get(id)
        return None if download is None else details(download, self._reactor.seconds())

    def start_download(
        self,
        names: list[str] | None,
        directory: str | None,
        overwrite: bool,
        swarm: bool = True,
        holders: list[Address] | None = None,
    ) -> str:
        """Start a download and return its id; see PeerFacade. Raises ValueError."""
        folder = self._peer.settings.download_dir if directory is None else Path(directory).expanduser()
        return self._peer.download_manager.start(names, folder.absolute(), overwrite, swarm, holders).id

    def cancel_download(self, id: str) -> bool:  # noqa: A002
        """Stop a download. Return False if it has ended, or is unknown."""
        return self._peer.download_manager.cancel(id)

    def pause_download(self, id: str) -> bool:  # noqa: A002
        """Stop a download for now. Return False if it does not run."""
        return self._peer.download_manager.pause(id)

    def resume_download(self, id: str) -> bool:  # noqa: A002
        """Go on with a download that is paused. Return False if it is not."""
        return self._peer.download_manager.resume(id)

    def retry_download(self, id: str) -> bool:  # noqa: A002
        """Try again what a download that has ended has not got. Return False if it runs, or has everything."""
        return self._peer.download_manager.retry(id)

    def wants(self) -> WantList:
        """Return the wants, the newest last."""
        return want_list(self._peer.wants)

    def add_want(self, pattern: str, directory: str | None, holder: Address | None, delete: bool) -> str:
        """Add a want and return its id; see PeerFacade. Raises ValueError."""
        if self._peer.wants is None:
            raise ValueError(BRIEF)
        folder = None if directory is None else Path(directory).absolute()
        return self._peer.wants.add(pattern, folder, holder, delete).id

    def stop_want(self, id: str) -> bool:  # noqa: A002
        """Stop a want. Return False if there is none of that id. Raises ValueError if it is a setting."""
        return self._peer.wants is not None and self._peer.wants.stop(id)

    def share(self, path: str, readers: Sequence[str] | None = None) -> Deferred[None]:
        """Share one more folder until the peer stops, with all or with `readers` only. Fails with ValueError."""
        share = Share(Path(path).expanduser(), None if readers is None else tuple(readers))
        return Deferred.fromCoroutine(self._peer.share(share))

    def shared_folders(self) -> SharedFolders:
        """Return the shared folders, with the first files of each."""
        return shared_folders(self._peer.library)

    def unshare(self, path: str) -> Deferred[None]:
        """Share a folder no more. Fails with ValueError."""
        return Deferred.fromCoroutine(self._peer.unshare(Path(path).expanduser()))

    def open_file(self, name: str) -> tuple[int, int]:
        """Return a descriptor of the shared file `name`, and its size in bytes. Raises ValueError."""
        file = self._peer.library.get(name)
        if file is None:
            raise ValueError("this document is not here: download it first")
        try:
            opened = self._peer.content_store.open(file)
        except FileNotFound as error:
            raise ValueError(error.reason) from None
        return opened.fd, opened.size

    def write_file(self, name: str, offset: int, size: int, data: bytes) -> Deferred[int]:
        """Write a part of a new shared file of `size` bytes; see PeerFacade. Fails with ValueError."""
        return Deferred.fromCoroutine(self._dropped.write(name, offset, size, data))

    def limits(self) -> Limits:
        """Return the rate limits."""
        return Limits(self._peer.uplink.rate, self._peer.downlink.rate)

    def set_limits(self, limits: Mapping[str, float | None]) -> None:
        """Change one or both of the limits; the keys are the fields of `Limits`."""
        for throttle, name in ((self._peer.uplink, "up_rate"), (self._peer.downlink, "down_rate")):
            if name in limits:
                throttle.set_rate(limits[name])

    def refresh(self) -> Deferred[None]:
        """Query the RS and the other peers now; fires when all have answered or failed."""
        return self._peer.discovery.refresh()


def _document(document: Document, own: Address, readers: list[str] | None) -> IndexedDocument:
    """Return `document`, which this peer shares if the peer at `own` is among its holders."""
    return IndexedDocument(
        name=document.name,
        type=split_type(document.name)[1],
        title=document.title,
        size=document.size,
        sha256=document.sha256,
        local=any((holder.host, holder.port) == own for holder in document.holders),
        first_hand=document.is_first_hand,
        readers=readers,
        holders=[Holder(holder.host, holder.port, holder.ttl) for holder in document.holders],
    )
