"""The downloads of a peer: which documents the user means, and that each download is carried out."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...events.publisher import Publisher
from ...events.types import DownloadEnded, DownloadStarted
from ...index.search import Document, documents
from ...library.paths import safe_name
from ...net.connect import Reactor
from ...net.throttle import Throttle
from ...swarm.errors import Ambiguous, DownloadError
from ...wire.address import Address
from ...wire.records import IndexRecord
from ..peers.discovery import Discovery
from ..serving.protocol import PeerFactory
from .model import CANCELLED, DONE, FAILED, RUNNING, Claims, Download, DownloadFile
from .parts import Parts
from .runner import DownloadRunner
from .skipped import skipped_names
from .swarm_fetcher import REFRESH_TIMEOUT

HASH = re.compile("[0-9a-fA-F]{8,64}")
"""First digits of a SHA-256, which choose one content of a name."""
MAX_CONTENTS, MAX_HOLDERS = 5, 3
"""Contents of one name that an error names, and holders of each."""
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
        self._content_store = factory.content_store
        self._discovery = discovery
        self._now = now
        self._publisher = publisher
        self._running: dict[str, Deferred[None]] = {}
        self._parts = Parts(
            reactor, factory.content_store, factory.index_feed, discovery, downlink, now, publisher, Claims()
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
        self._discovery.dialler.name(holders or ())
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
        await self._refresh(download)
        download.files = self._select(download)
        for file in download.files:
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

    # the documents that the user means

    async def _refresh(self, download: Download) -> None:
        """Ask the RS and the peers again, unless all names are known: followed peers announce what changes."""
        if download.names is None or not all(self._is_known(name) for name in download.names):
            if len(self._discovery.index):
                await self._discovery.refresh(REFRESH_TIMEOUT)
            else:
                await self._discovery.refresh()

    def _is_known(self, wanted: str) -> bool:
        name, _ = self._parsed(wanted)
        return bool(self._holders(name))

    def _parsed(self, wanted: str) -> tuple[str, str]:
        """Return the name and the first digits of a SHA-256 (or "") that NAME or NAME@HASH stands for."""
        name, at, hash_ = wanted.rpartition("@")
        if not at or not HASH.fullmatch(hash_) or self._holders(wanted):
            return wanted, ""
        return name, hash_.lower()

    def _select(self, download: Download) -> list[DownloadFile]:
        """Return a file for each document of the download; one that cannot be fetched has its error."""
        if download.names is None:
            files = [self._file(download, name, "", holders) for name, holders in self._lacking(download).items()]
            download.skipped |= {file.name: str(file.error) for file in files if file.error is not None}
            return [file for file in files if file.document is not None]
        wanted = [self._parsed(name) for name in download.names]
        return [self._file(download, name, hash_, self._holders(name)) for name, hash_ in wanted]

    def _lacking(self, download: Download) -> dict[str, list[IndexRecord]]:
        """Return the names that others have and this peer lacks, with the holders of each.

        Those that are to be skipped are left out, and noted in `download`.
        """
        own = self._content_store.library.files
        found = {name: self._holders(name) for name in sorted(set(self._discovery.index.names()) - set(own))}
        holders = {name: records for name, records in found.items() if records}
        download.skipped = skipped_names({name: len(records) for name, records in holders.items()}, own)
        return {name: records for name, records in holders.items() if name not in download.skipped}

    def _holders(self, name: str) -> list[IndexRecord]:
        return self._discovery.index.holders_of(name, self._now())

    def _file(self, download: Download, name: str, hash_: str, holders: Iterable[IndexRecord]) -> DownloadFile:
        found = documents(holder for holder in holders if download.may_ask((holder.host, holder.port)))
        found = [document for document in found if (document.sha256 or "").startswith(hash_)]
        if len(found) > 1:
            return DownloadFile(name, None, error=Ambiguous(_choice(name, found)))
        return DownloadFile(name, found[0] if found else None)


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


def _choice(name: str, found: Sequence[Document]) -> str:
    """Return the text of an error: the contents of one name, and how to choose one."""
    contents = []
    for document in found[:MAX_CONTENTS]:
        assert document.sha256 is not None  # records without a hash are joined to one that has
        holders = [f"{holder.host}:{holder.port}" for holder in document.holders]
        more = f" and {len(holders) - MAX_HOLDERS} more" if len(holders) > MAX_HOLDERS else ""
        at = ", ".join(holders[:MAX_HOLDERS])
        contents.append(f"@{document.sha256[:8]} ({document.size} bytes, at {at}{more})")
    more = f" and {len(found) - MAX_CONTENTS} more" if len(found) > MAX_CONTENTS else ""
    return (
        f"there are {len(found)} contents of this name: {', '.join(contents)}{more}; "
        f"choose one with {name}@{(found[0].sha256 or '')[:8]} or by its holder (from)"
    )
