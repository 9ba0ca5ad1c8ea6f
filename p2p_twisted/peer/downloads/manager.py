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
from ..serving.factory import PeerFactory
from .model import CANCELLED, DONE, FAILED, PAUSED, RUNNING, Claims, Download
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
        self._pausing: set[str] = set()
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
        unique = None if names is None else list(dict.fromkeys(names))
        download = Download(secrets.token_hex(4), unique, directory, overwrite, swarm, holders)
        self.add(download)
        return download

    def add(self, download: Download) -> None:
        """Start `download`, which is new. Raises ValueError."""
        _check(download.names, download.directory)
        self._forget_old()
        self._list(download)
        self._begin(download)

    def restore(self, download: Download) -> None:
        """List a download that was ordered before this start, as paused. Raises ValueError."""
        _check(download.names, download.directory)
        download.pause()
        self._list(download)

    def _list(self, download: Download) -> None:
        self.downloads[download.id] = download
        if download.holders:
            self._discovery.dialler.name(download.holders)

    def cancel(self, id: str) -> bool:  # noqa: A002
        """Stop a download for good. Return False when it has ended or there is none of that id."""
        running = self._running.get(id)
        if running is not None:
            self._pausing.discard(id)
            running.cancel()
            return True
        return self._is(id, PAUSED) and self._cancel_paused(self.downloads[id])

    def pause(self, id: str) -> bool:  # noqa: A002
        """Stop a download for now. Return False when it does not run."""
        running = self._running.get(id)
        if running is None:
            return False
        self._pausing.add(id)
        running.cancel()
        return True

    def resume(self, id: str) -> bool:  # noqa: A002
        """Go on with a download that is paused. Return False when it is not."""
        return self._is(id, PAUSED) and self._begin_again(self.downloads[id])

    def retry(self, id: str) -> bool:  # noqa: A002
        """Try again what a download that has ended has not got. Return False when it runs, or has everything."""
        download = self.downloads.get(id)
        if download is None or not download.has_ended or download.is_complete:
            return False
        return self._begin_again(download)

    def _is(self, id_: str, state: str) -> bool:
        return id_ in self.downloads and self.downloads[id_].state == state

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

    def _begin(self, download: Download) -> None:
        names = None if download.names is None else tuple(download.names)
        self._publisher.publish(DownloadStarted(download.id, names, download.directory))
        running = self._running[download.id] = Deferred.fromCoroutine(self._run(download))
        running.addErrback(self._failed, download)
        running.addBoth(lambda _: self._end(download))

    def _begin_again(self, download: Download) -> bool:
        download.begin_again()
        self._begin(download)
        return True

    def _cancel_paused(self, download: Download) -> bool:
        download.end(CANCELLED)
        self._publish_end(download)
        return True

    async def _run(self, download: Download) -> None:
        download.state = RUNNING
        in_place = {file.name for file in download.files}
        async for batch in self._selection.batches(download):
            files = [file for file in batch if file.name not in in_place]
            download.files += files
            for file in files:
                file.download, file.publisher = download.id, self._publisher
                if file.error is not None:
                    file.end(FAILED, file.error)
            await DownloadRunner(self._parts, download).run()
        failed = [file for file in download.files if file.state == FAILED]
        download.end(FAILED if failed else DONE, failed[0].error if len(failed) == len(download.files) > 0 else None)

    def _failed(self, failure: Failure, download: Download) -> None:
        if failure.check(CancelledError) is not None and download.id in self._pausing:
            download.pause()
        elif failure.check(CancelledError) is not None:
            download.end(CANCELLED)
        else:
            self.log.failure("download {id}", failure, id=download.id)
            download.end(FAILED, DownloadError("an internal error; the log says more"))

    def _end(self, download: Download) -> None:
        self._running.pop(download.id, None)
        self._pausing.discard(download.id)
        self._parts.claims.release()
        self._publish_end(download)

    def _publish_end(self, download: Download) -> None:
        kind, text = (None, None) if download.error is None else (download.error.kind, str(download.error))
        self._publisher.publish(DownloadEnded(download.id, download.state, kind, text))


def _check(names: list[str] | None, directory: Path) -> None:
    """Raise ValueError when a name is not safe, there is none, or `directory` cannot be a folder."""
    for name in names or ():
        safe_name(name)
    if names is not None and not names:
        raise ValueError("no names: say which documents, or all")
    check_folder(directory)


def check_folder(directory: Path) -> None:
    """Raise ValueError when `directory` cannot be a folder."""
    try:
        is_other = directory.exists() and not directory.is_dir()
    except OSError as e:
        raise ValueError(f"{directory}: {e.strerror}") from e
    if is_other:
        raise ValueError(f"{directory} is not a folder")
