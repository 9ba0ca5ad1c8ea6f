"""Fetch the documents of one download by swarms, and serve the pieces of each until it is complete."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from twisted.python.failure import Failure

from ...events.publisher import Publisher
from ...events.types import Event, PieceVerified, TransferStarted
from ...index.search import Document
from ...library.pieces import piece_count, piece_size
from ...net.client import ClientConnection
from ...net.connect import dial_1_1
from ...swarm.errors import DownloadError, NameTaken, PartFileInUse
from ...swarm.storage import Storage
from ...swarm.swarm import Swarm
from ...swarm.target import Target
from ...wire.address import Address
from ...wire.limits import MAX_PIECE_LIST
from .model import DONE, FAILED, Download, DownloadFile, OnComplete
from .parts import Parts
from .source_feed import SourceFeed

MAX_FILES = 2_000
"""Documents in one swarm; a longer list is fetched in parts, because each unfinished document takes memory."""
MAX_PIECES = MAX_PIECE_LIST // 65
"""Pieces of one document: as many as fit into an answer to GET PIECES."""
REFRESH_TIMEOUT = 3
"""Seconds that a download waits at most for the RS and the peers to be asked again."""


class SwarmFetcher:
    """Fetches files of `download`, once; calls `on_complete` with each that is in place."""

    def __init__(self, parts: Parts, download: Download, on_complete: OnComplete) -> None:
        self._parts = parts
        self._download = download
        self._on_complete = on_complete
        self._files: dict[str, DownloadFile] = {}
        """By the hash of their content."""
        self._failed: list[tuple[DownloadFile, DownloadError]] = []
        """Files that none of their known holders gave."""

    async def run(self, files: Sequence[tuple[DownloadFile, Target]]) -> None:
        """Fetch each file, all of different content, to its target.

        Before a file fails for want of sources, the RS and the peers are asked again, once. One that peers of 1.0 have
        does not fail: it can still be fetched whole.
        """
        feeds: dict[DownloadFile, SourceFeed] = {}
        targets = dict(files)
        for start in range(0, len(files), MAX_FILES):
            part = files[start : start + MAX_FILES]
            feeds.update(dict.fromkeys((file for file, _ in part), await self._swarm(part)))
        failed, self._failed = self._failed, []
        if failed:
            await self._parts.discovery.refresh(REFRESH_TIMEOUT)
        again = [file for file, _ in failed if feeds[file].has_more(_sha256(file))]
        for file in again:
            file.document = self._with_present_holders(file)
        if again:
            await self._swarm([(file, targets[file]) for file in again])
        for file, error in [pair for pair in failed if pair[0] not in again] + self._failed:
            file.end(FAILED, error)

    def _with_present_holders(self, file: DownloadFile) -> Document:
        old = file.document
        assert old is not None
        holders = self._parts.discovery.index.holders_of(file.name, self._parts.now())
        same = [h for h in holders if h.sha256 == old.sha256 and self._download.may_ask((h.host, h.port))]
        return Document(old.name, old.title, old.size, old.sha256, same)

    async def _swarm(self, files: Sequence[tuple[DownloadFile, Target]]) -> SourceFeed:
        """Run one swarm until each file is complete or has failed; return the feed that told it of sources."""
        self._files.update((_sha256(file), file) for file, _ in files)
        storages = [_storage(file, target) for file, target in files]
        documents = {_sha256(file): file.document for file, _ in files if file.document is not None}
        feed = SourceFeed(self._parts, self._download.may_ask, documents)
        swarm = Swarm(self._parts.reactor, storages, self._connect, feed.rank, self._publisher(storages))
        for storage in storages:
            swarm.finished(storage.sha256).addBoth(self._finished, storage)
            self._parts.content_store.serve(storage)
        self._download.swarms.append(swarm)
        feed.start(swarm)
        try:
            await swarm.run()
        finally:
            feed.stop()
            for storage in storages:
                self._parts.content_store.withdraw(storage)
                storage.close()
        return feed

    async def _connect(self, address: Address) -> ClientConnection:
        """Return a connection on which 1.1 may be spoken. Raises SourceError."""
        known = self._parts.discovery.peers.get(address)
        return await dial_1_1(self._parts.reactor, address, known.version if known else None, self._parts.downlink)

    # the events of a swarm

    def _publisher(self, storages: Sequence[Storage]) -> Publisher:
        """Return the publisher of one swarm, whose events the peer publishes too."""
        publisher = Publisher()
        publisher.subscribe(TransferStarted, self._transfer_started)
        by_hash = {storage.sha256: storage for storage in storages}
        publisher.subscribe(PieceVerified, partial(self._piece_verified, by_hash))
        publisher.subscribe(Event, self._parts.publisher.publish)
        return publisher

    def _transfer_started(self, event: TransferStarted) -> None:
        file = self._files[event.sha256]
        file.start()
        file.transfer(event.source)

    def _piece_verified(self, storages: dict[str, Storage], event: PieceVerified) -> None:
        storage = storages[event.sha256]
        self._files[event.sha256].receive(event.source, event.size)
        if self._parts.content_store.serve(storage):
            self._parts.index_feed.piece_verified(storage, event.piece, event.super_seeded)

    # the end of a file

    def _finished(self, outcome: Failure | None, storage: Storage) -> None:
        """Give the file in `storage` its name if it is complete, or note the error."""
        self._parts.content_store.withdraw(storage)
        file = self._files[storage.sha256]
        try:
            if outcome is not None:
                outcome.raiseException()
            storage.finish(self._download.overwrite)
        except DownloadError as e:
            storage.discard() if e.is_final else storage.close()
            file.is_taken = isinstance(e, PartFileInUse) or (outcome is None and isinstance(e, NameTaken))
            if not file.is_taken:
                self._fail(file, e)
        else:
            file.end(DONE)
            self._on_complete(file, storage.target, storage.sha256, storage.digests or b"")

    def _fail(self, file: DownloadFile, error: DownloadError) -> None:
        if error.is_final:
            file.end(FAILED, error)
        elif not _has_old_holder(file.document):
            self._failed.append((file, error))


def has_pieces(document: Document | None) -> bool:
    """Return whether a swarm can fetch `document`.

    Its hash must be known, and that of its piece list if it has more than one piece.
    """
    if document is None or document.sha256 is None or document.size is None:
        return False
    if piece_count(document.size) > MAX_PIECES:
        return False
    return document.size <= piece_size(document.size) or bool(document.piece_list)


def _storage(file: DownloadFile, target: Target) -> Storage:
    document = file.document
    assert document is not None and document.sha256 is not None and document.size is not None
    return Storage(file.name, document.sha256, document.size, document.piece_list, target)


def _sha256(file: DownloadFile) -> str:
    assert file.document is not None and file.document.sha256 is not None
    return file.document.sha256


def _has_old_holder(document: Document | None) -> bool:
    return document is not None and any(holder.sha256 is None for holder in document.holders)
