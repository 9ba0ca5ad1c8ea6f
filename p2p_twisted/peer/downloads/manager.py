"""The downloads of a peer: each is carried out, and remembered for a while."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...events.publisher import Publisher
from ...events.types import DownloadEnded, DownloadStarted
from ...library.paths import safe_name
from ...net.connect import Reactor
from ...net.throttle import Throttle
from ...swarm.errors import DownloadError
from ...wire.address import Address
from ..peers.discovery import Discovery
from ..peers.site_map import SiteMap
from ..serving.protocol import PeerFactory
from .model import CANCELLED, DONE, FAILED, RUNNING, Claims, Download
from .parts import Parts
from .runner import DownloadRunner
from .selection import Selection

MAX_ENDED = 100
"""Downloads that have ended and are still listed."""


class DownloadManager(Service):
    """Starts downloads, stops them, and remembers the last ones."""

    log = Logger()

    def __init__(
        self,
        reactor: Reactor,
        factory: PeerFactory,
        discovery: Discovery,
        downlink: Throttle,
        now: Callable[[], float],
        publisher: Publisher,
    ) -> None:
        """Take the parts of the peer: `downlink` limits the rate of downloads, `now` gives monotonic seconds."""
        self.downloads: dict[str, Download] = {}
        """By their ids, the newest last."""
        self._discovery = discovery
        self._publisher = publisher
        self._selection = Selection(reactor, factory.content_store.library, discovery, now)
        self._running: dict[str, Deferred[None]] = {}
        self.site_map: SiteMap | None = None
        """Where peers are, None if that does not matter."""
        self._parts = Parts(
            reactor,
            factory.content_store,
            factory.index_feed,
            factory.piece_source,
            discovery,
            downlink,
            now,
            publisher,
            Claims(),
            lambda: self.site_map.sites() if self.site_map is not None else None,
        )

    def start(
        self,
        names: list[str] | None,
        directory: Path,
        overwrite: bool,
        swarm: bool = True,
        holders: list[Address] | None = None,
    ) -> Download:
        """Start a download; the arguments are those of Download. Raises ValueError."""
        _check(names, directory)
        self._forget_old()
        unique = None if names is None else list(dict.fromkeys(names))
        download = Download(secrets.token_hex(4), unique, directory, overwrite, swarm, holders)
        self.downloads[download.id] = download
        if holders:
            self._discovery.dialler.name(holders)
        self._publisher.publish(DownloadStarted(download.id, None if unique is None else tuple(unique), directory))
        running = self._running[download.id] = Deferred.fromCoroutine(self._run(download))
        running.addErrback(self._failed, download)
        running.addBoth(lambda _: self._end(download))
        return download

    def cancel(self, id: str) -> bool:  # noqa: A002
        """Stop a download. Return False when it has ended or there is none of that id."""
        running = self._running.get(id)
        if running is None:
            return False
        running.cancel()
        return True

    def stopService(self) -> Deferred[None]:
        """Stop all downloads; the unfinished files stay in their .part files."""
        super().stopService()
        running = list(self._running.values())
        for one in running:
            one.cancel()
        return DeferredList(running).addCallback(lambda _: None)

    def _forget_old(self) -> None:
        ended = [id_ for id_, download in self.downloads.items() if download.has_ended]
        for id_ in ended[: max(0, len(ended) - MAX_ENDED)]:
            del self.downloads[id_]

    # one download

    async def _run(self, download: Download) -> None:
        download.state = RUNNING
        async for files in self._selection.batches(download):
            download.files += files
            for file in files:
                file.download, file.publisher = download.id, self._publisher
                if file.error is not None:
                    file.end(FAILED, file.error)
            await DownloadRunner(self._parts, download).run()
        failed = [file for file in download.files if file.state == FAILED]
        download.end(FAILED if failed else DONE, failed[0].error if len(failed) == len(download.files) > 0 else None)

    def _failed(self, failure: Failure, download: Download) -> None:
        if failure.check(CancelledError) is not None:
            download.end(CANCELLED)
        else:
            self.log.failure("download {id}", failure, id=download.id)
            download.end(FAILED, DownloadError("an internal error; the log says more"))

    def _end(self, download: Download) -> None:
        self._running.pop(download.id, None)
        self._parts.claims.release()
        kind, text = (None, None) if download.error is None else (download.error.kind, str(download.error))
        self._publisher.publish(DownloadEnded(download.id, download.state, kind, text))


def _check(names: list[str] | None, directory: Path) -> None:
    """Raise ValueError when a name is not safe, there is none, or `directory` cannot be a folder."""
    for name in names or ():
        safe_name(name)
    if names is not None and not names:
        raise ValueError("no names: say which documents, or all")
    try:
        is_other = directory.exists() and not directory.is_dir()
    except OSError as e:
        raise ValueError(f"{directory}: {e.strerror}") from e
    if is_other:
        raise ValueError(f"{directory} is not a folder")
