"""The downloads of a peer: from an order to verified files under their final names."""

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
from ...index.search import Document, documents
from ...library.paths import safe_name
from ...net.connect import Reactor
from ...net.throttle import Throttle
from ...swarm.errors import Ambiguous, DownloadError
from ...wire.address import Address
from ...wire.records import IndexRecord
from ..peers.discovery import Discovery
from ..serving.protocol import PeerFactory
from ..transfer_log import log_when_over
from .claims import Claims
from .model import CANCELLED, DONE, FAILED, RUNNING, Download, DownloadFile
from .runner import DownloadRunner, hear_news
from .skipped import skipped_names

HASH = re.compile("[0-9a-fA-F]{8,64}")
"""The beginning of a SHA-256 that chooses one content of a name."""
CONTENTS_SHOWN, HOLDERS_SHOWN = 5, 3
"""Contents of one name that an error names, and holders of each."""
REMEMBERED = 100
"""Downloads that are over and still listed."""


class DownloadManager(Service):
    """Takes orders, carries them out, and says how they stand."""

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
        """`factory` serves what is fetched while it is; `downlink` limits the rate; `now` gives monotonic seconds."""
        self.downloads: dict[str, Download] = {}
        self._reactor = reactor
        self._factory = factory
        self._content_store = factory.content_store
        self._discovery = discovery
        self._downlink = downlink
        self._now = now
        self._publisher = publisher
        self._running: dict[str, Deferred[None]] = {}
        self._claims = Claims()

    def start(
        self,
        names: list[str] | None,
        directory: Path,
        overwrite: bool,
        swarm: bool = True,
        holders: list[Address] | None = None,
    ) -> Download:
        """Take an order; see Job. `names` is None for everything that is not in the library. Raises ValueError."""
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
        self._forget_old()
        unique = None if names is None else list(dict.fromkeys(names))
        download = Download(secrets.token_hex(4), unique, directory, overwrite, swarm, holders)
        self.downloads[download.id] = download
        running = Deferred.fromCoroutine(self._run(download))
        self._running[download.id] = running
        running.addErrback(self._stopped, download)
        running.addBoth(lambda _: self._over(download))
        return download

    def _over(self, download: Download) -> None:
        self._running.pop(download.id, None)
        self._claims.release()

    def cancel(self, id: str) -> bool:  # noqa: A002
        """Stop a download. False when it is over or there is none of that id."""
        running = self._running.get(id)
        if running is None:
            return False
        running.cancel()
        return True

    def stopService(self) -> Deferred[object]:
        """Stop all downloads; what they fetched stays in their .part files."""
        super().stopService()
        running = list(self._running.values())
        for one in running:
            one.cancel()
        return DeferredList(running)  # type: ignore[return-value]

    def _forget_old(self) -> None:
        over = [id_ for id_, download in self.downloads.items() if download.over]
        for id_ in over[: max(0, len(over) - REMEMBERED)]:
            del self.downloads[id_]

    def _stopped(self, failure: Failure, download: Download) -> None:
        if failure.check(CancelledError) is not None:
            download.end(CANCELLED)
        else:
            self.log.failure("download {id}", failure, id=download.id)
            download.end(FAILED, DownloadError("an error in this program; its log says more"))

    # one job

    async def _run(self, download: Download) -> None:
        download.state = RUNNING
        await self._hear_news(download)
        download.files = self._plan(download)
        for file in download.files:
            log_when_over(file)
        kept, claims = self._factory.index_feed.kept, self._claims
        fetching = DownloadRunner(
            self._reactor,
            self._content_store,
            self._discovery,
            self._downlink,
            kept,
            claims,
            self._now,
            download,
            self._publisher,
        )
        await fetching.run()
        failed = [file for file in download.files if file.state == FAILED]
        download.end(FAILED if failed else DONE, failed[0].error if len(failed) == len(download.files) > 0 else None)

    async def _hear_news(self, download: Download) -> None:
        """Ask the RS and the peers again, unless all that is wanted is known: its peers tell of what changes."""
        if download.names is None or not all(self._known(name) for name in download.names):
            if len(self._discovery.index):
                await hear_news(self._reactor, self._discovery)
            else:
                await self._discovery.refresh()

    def _known(self, wanted: str) -> bool:
        name, _ = self._chosen(wanted)
        return bool(self._holders(name))

    def _chosen(self, wanted: str) -> tuple[str, str]:
        """(name, beginning of a SHA-256 or "") that an order for `wanted` names: NAME or NAME@HASH."""
        name, at, hash_ = wanted.rpartition("@")
        if not at or not HASH.fullmatch(hash_) or self._holders(wanted):
            return wanted, ""
        return name, hash_.lower()

    def _plan(self, download: Download) -> list[DownloadFile]:
        """An item for each document of the order; of one that is not to be fetched it says why."""
        if download.names is None:
            files = [self._file(download, name, "", holders) for name, holders in self._harmless(download).items()]
            download.skipped |= {file.name: str(file.error) for file in files if file.error is not None}
            return [file for file in files if file.document is not None]
        chosen = [self._chosen(wanted) for wanted in download.names]
        return [self._file(download, name, hash_, self._holders(name)) for name, hash_ in chosen]

    def _harmless(self, download: Download) -> dict[str, list[IndexRecord]]:
        """Return the names that others have and this peer lacks, with the holders of each.

        Those that are to be skipped are left out, and noted in `download`.
        """
        own = self._content_store.library.files
        holders = {name: self._holders(name) for name in sorted(self._discovery.index.names() - set(own))}
        download.skipped = skipped_names({name: len(records) for name, records in holders.items()}, own)
        return {name: records for name, records in holders.items() if name not in download.skipped}

    def _holders(self, name: str) -> list[IndexRecord]:
        return self._discovery.index.holders_of(name, self._now())

    def _file(self, download: Download, name: str, hash_: str, holders: Iterable[IndexRecord]) -> DownloadFile:
        found = documents(holder for holder in holders if download.may_ask((holder.host, holder.port)))
        found = [document for document in found if (document.sha256 or "").startswith(hash_)]
        file = DownloadFile(name, found[0] if found else None)
        if len(found) > 1:
            file.document = None
            file.end(FAILED, Ambiguous(_choice(name, found)))
        return file


def _choice(name: str, found: Sequence[Document]) -> str:
    """Say which contents there are of one name, and how to choose."""
    contents = []
    for document in found[:CONTENTS_SHOWN]:
        assert document.sha256 is not None  # records without a hash are joined to one that has
        holders = [f"{holder.host}:{holder.port}" for holder in document.holders]
        more = f" and {len(holders) - HOLDERS_SHOWN} more" if len(holders) > HOLDERS_SHOWN else ""
        at = ", ".join(holders[:HOLDERS_SHOWN])
        contents.append(f"@{document.sha256[:8]} ({document.size} bytes, at {at}{more})")
    more = f" and {len(found) - CONTENTS_SHOWN} more" if len(found) > CONTENTS_SHOWN else ""
    return (
        f"there are {len(found)} contents of this name: {', '.join(contents)}{more}; "
        f"choose one with {name}@{(found[0].sha256 or '')[:8]} or by its holder (from)"
    )
