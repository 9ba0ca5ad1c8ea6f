"""Fetch the documents of one download by swarms, and serve the pieces of each until it is complete."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ...events.publisher import Publisher
from ...events.types import Event, PieceHashesKnown, PieceVerified, TransferStarted
from ...index.search import Document
from ...net.client import ClientConnection
from ...net.errors import SourceError
from ...swarm.errors import DownloadError, NameTaken, PartFileInUse, WrongContent
from ...swarm.storage import Storage
from ...swarm.swarm import Swarm
from ...swarm.target import Target
from ...swarm.turns import MIN_PIECES
from ...wire.address import Address
from ...wire.messages import Version
from .confidence import note_source
from .disputed import Contenders, Patience, swarm_variants
from .model import DONE, FAILED, Download, DownloadFile, OnComplete
from .parts import Parts
from .source_feed import SourceFeed
from .source_search import SourceSearch, ask_named
from .together import in_turns, together

MAX_FILES = 2_000
"""Documents in one swarm; a longer list is fetched in parts, because each unfinished document takes memory."""
REFRESH_TIMEOUT = 3
"""Seconds that a download waits at most for the RS and the peers to be asked again."""

Trial = dict[DownloadFile, Document]
"""Files, and the variant of the document of each that a swarm tries."""
OnFailed = Callable[[DownloadFile, Document, DownloadError], object]
"""Called with a file that has failed, as which variant, and why."""


class SwarmFetcher:
    """Fetches files of `download`, once; calls `on_complete` with each that is in place."""

    def __init__(self, parts: Parts, download: Download, on_complete: OnComplete) -> None:
        self._parts = parts
        self._download = download
        self._on_complete = on_complete
        self._files: dict[str, DownloadFile] = {}
        """By the hash of their content."""
        self._failed: dict[DownloadFile, DownloadError] = {}
        """Files that none of their known holders gave."""

    async def run(self, targets: Mapping[DownloadFile, Target]) -> None:
        """Fetch each file that a swarm can fetch, all of different content, to its target.

        Before a file fails for want of sources, the RS and the peers are asked again, once, and the holders that
        hearsay names. One that peers of 1.0 have does not fail: it can still be fetched whole.
        """
        self._targets = targets
        variants = {file: swarm_variants(file.document) async for file in in_turns(self._parts.reactor, targets)}
        agreed = {file: found[0] for file, found in variants.items() if len(found) == 1}
        disputed = [file for file, found in variants.items() if len(found) > 1]
        await together(
            2,
            [
                lambda: Deferred.fromCoroutine(self._agreed(agreed)),
                lambda: Deferred.fromCoroutine(self._disputed(disputed)),
            ],
        )

    async def _agreed(self, files: Trial) -> None:
        """Fetch files of which all holders give the same size and piece list."""
        feeds: dict[DownloadFile, SourceFeed] = {}
        for part in _parts_of(files):
            feeds.update(dict.fromkeys(part, await self._swarm(part, self._fail)))
        failed, self._failed = self._failed, {}
        if failed:
            await self._parts.discovery.refresh(REFRESH_TIMEOUT)
            public = [files[file].name for file in failed if not files[file].private]
            await ask_named(self._parts, public, self._download.may_ask)
        again = {file: files[file] for file in failed if feeds[file].has_more(_sha256(files[file]))}
        if again:
            await self._swarm({file: self._with_present_holders(one) for file, one in again.items()}, self._fail)
        for file, error in ({file: failed[file] for file in failed if file not in again} | self._failed).items():
            file.end(FAILED, error)

    def _with_present_holders(self, old: Document) -> Document:
        holders = self._parts.discovery.index.holders_of(old.name, self._parts.now())
        same = (old.sha256, old.size, old.piece_list)
        return replace(
            old,
            holders=[
                holder
                for holder in holders
                if (holder.sha256, holder.size, holder.pieces) == same
                and self._download.may_ask((holder.host, holder.port))
            ],
        )

    async def _disputed(self, files: list[DownloadFile]) -> None:
        """Fetch files of which holders give different sizes or piece lists."""
        contenders = Contenders(files)
        for trial, patience in contenders.rounds():
            for part in _parts_of(trial):
                await self._swarm(part, partial(self._fail_variant, contenders), patience)
        for file, error in contenders.errors.items():
            if file.ended is None and not file.is_taken and not _has_old_holder(file.document):
                file.end(FAILED, error)

    def _fail_variant(
        self, contenders: Contenders, file: DownloadFile, variant: Document, error: DownloadError
    ) -> None:
        if not contenders.failed(file, variant, error):
            file.end(FAILED, error)

    async def _swarm(self, files: Trial, on_failed: OnFailed, patience: float = math.inf) -> SourceFeed:
        """Run one swarm until each file is complete or has failed; return the feed that told it of sources."""
        self._files.update((_sha256(document), file) for file, document in files.items())
        storages = [self._storage(file, document) for file, document in files.items()]
        feed = SourceFeed(self._parts, self._download.may_ask, {_sha256(one): one for one in files.values()})
        sites = self._parts.sites()
        swarm = Swarm(self._parts.reactor, storages, self._connect, feed.rank, self._publisher(storages), sites)
        for storage, document in zip(storages, files.values(), strict=True):
            swarm.finished(storage.sha256).addBoth(self._finished, storage, document, on_failed)
            if self._parts.content_store.serve(storage) and storage.count < MIN_PIECES:
                self._parts.index_feed.download_started(storage)
        self._download.swarms.append(swarm)
        feed.start(swarm)
        search = SourceSearch(self._parts, swarm, self._download.may_ask, {_sha256(one): one for one in files.values()})
        search.start()
        watch = Patience(self._parts.reactor, swarm, patience)
        watch.start()
        try:
            await swarm.run()
        finally:
            watch.stop()
            search.stop()
            feed.stop()
            for storage in storages:
                self._parts.content_store.withdraw(storage)
                storage.close()
        return feed

    def _storage(self, file: DownloadFile, variant: Document) -> Storage:
        assert variant.size is not None and file.document is not None
        file.document = replace(file.document, size=variant.size)
        return Storage(file.name, _sha256(variant), variant.size, variant.piece_list, self._targets[file])

    async def _connect(self, address: Address) -> ClientConnection:
        """Return a connection on which 1.1 may be spoken. Raises SourceError."""
        connection = await self._parts.discovery.dialler.dial_holder(address, self._parts.downlink)
        if connection.version is not Version.V11:
            connection.close()
            raise SourceError("it speaks 1.0, which has no pieces")
        return connection

    # the events of a swarm

    def _publisher(self, storages: Sequence[Storage]) -> Publisher:
        """Return the publisher of one swarm, whose events the peer publishes too."""
        publisher = Publisher()
        publisher.subscribe(TransferStarted, self._transfer_started)
        by_hash = {storage.sha256: storage for storage in storages}
        publisher.subscribe(PieceHashesKnown, partial(self._hashes_known, by_hash))
        publisher.subscribe(PieceVerified, partial(self._piece_verified, by_hash))
        publisher.subscribe(Event, self._parts.publisher.publish)
        return publisher

    def _transfer_started(self, event: TransferStarted) -> None:
        file = self._files[event.sha256]
        file.start()
        file.transfer(event.source)

    def _hashes_known(self, storages: dict[str, Storage], event: PieceHashesKnown) -> None:
        """Announce that this peer takes part in the swarm of a large file, now that others can have its piece list."""
        storage = storages[event.sha256]
        is_served = self._parts.content_store.parts.get(event.sha256) is storage
        if is_served and storage.count >= MIN_PIECES:
            self._parts.index_feed.download_started(storage)

    def _piece_verified(self, storages: dict[str, Storage], event: PieceVerified) -> None:
        storage = storages[event.sha256]
        file, content_store = self._files[event.sha256], self._parts.content_store
        file.receive(event.source, event.size)
        if content_store.serve(storage) or (
            note_source(content_store.library, file, storage.target.path, event.source) and content_store.serve(storage)
        ):
            self._parts.piece_source.piece_verified(storage, event.piece)
            self._parts.index_feed.piece_verified(storage, event.piece, event.super_seeded)

    # the end of a file

    def _finished(self, outcome: Failure | None, storage: Storage, document: Document, on_failed: OnFailed) -> None:
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
                on_failed(file, document, e)
        else:
            file.end(DONE)
            self._on_complete(file, storage.target, storage.sha256, storage.digests or b"")

    def _fail(self, file: DownloadFile, _: Document, error: DownloadError) -> None:
        can_be_whole = _has_old_holder(file.document)
        if error.is_final and not (can_be_whole and isinstance(error, WrongContent)):
            file.end(FAILED, error)
        elif not can_be_whole:
            self._failed[file] = error


def _parts_of(files: Trial) -> list[Trial]:
    """Return `files` in parts of as many as one swarm fetches, the largest first.

    What a source gives last has to be passed on when all uplinks but one are idle: so that should be small.
    """
    items = sorted(files.items(), key=lambda item: item[1].size or 0, reverse=True)
    return [dict(items[start : start + MAX_FILES]) for start in range(0, len(items), MAX_FILES)]


def _sha256(document: Document) -> str:
    assert document.sha256 is not None
    return document.sha256


def _has_old_holder(document: Document | None) -> bool:
    return document is not None and any(holder.sha256 is None for holder in document.holders)
