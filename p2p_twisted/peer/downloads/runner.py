"""One order carried out: its documents fetched by a swarm, or one after the other whole, proven and put in place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from twisted.internet.defer import Deferred, DeferredSemaphore, FirstError, gatherResults
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from ...events.publisher import Publisher
from ...events.types import PieceVerified, TransferStarted
from ...index.search import Document
from ...library.pieces import piece_count, piece_size
from ...net.client import ClientConnection
from ...net.connect import Reactor, dial_1_1
from ...net.throttle import Throttle
from ...swarm.errors import DownloadError, Exists, NoHolder, Taken
from ...swarm.storage import Storage
from ...swarm.swarm import Swarm
from ...swarm.target import Target
from ...wire.address import Address
from ...wire.limits import MAX_PIECE_LIST
from ..peers.discovery import Discovery
from ..serving.content_store import ContentStore
from .claims import Claims
from .copies import Copies, one_of_each_content, share_failures
from .existing import is_there
from .model import DONE, FAILED, THERE, WAITING, Download, DownloadFile
from .sequential import SequentialFetcher
from .source_feed import SourceFeed

AT_ONCE = 2_000
"""Documents in one swarm; a longer list is fetched in parts, for each unfinished document holds memory."""

WHOLE_AT_ONCE = 8
"""Groups of holders that whole documents are fetched from at the same time."""
TAKEN_INTERVAL = 1
"""Seconds between two looks at a place where another process writes."""
NEWS_TIMEOUT = 3
"""Seconds that a download waits at most for the RS and the peers to be asked again."""
MOST_PIECES = MAX_PIECE_LIST // 65
"""Pieces of one document: what fits into an answer to GET PIECES."""

Kept = Callable[[Storage, int, bool], object]


class DownloadRunner:
    """Carries out `download`. `kept` is told of each proven piece that is served, and whether nobody else had it."""

    def __init__(
        self,
        reactor: Reactor,
        content_store: ContentStore,
        discovery: Discovery,
        downlink: Throttle,
        kept: Kept,
        claims: Claims,
        now: Callable[[], float],
        download: Download,
        publisher: Publisher,
    ) -> None:
        """`claims`: the places of all downloads of this peer; `now` gives monotonic seconds."""
        self.download = download
        self._claims = claims
        self._now = now
        self._reactor = reactor
        self._content_store = content_store
        self._discovery = discovery
        self._downlink = downlink
        self._kept = kept
        self._publisher = publisher
        self._targets: dict[str, Target] = {}
        self._files: dict[str, DownloadFile] = {}
        self._copies = Copies(reactor, content_store.library, download.overwrite, self._arrived)
        self._failed: list[tuple[DownloadFile, DownloadError]] = []
        """What no peer gave that was known to have it."""

    async def run(self) -> None:
        """Fetch all that can be fetched; each item says what became of it.

        What another download fetches to the same place is waited for, last of all: two that wait for each other so
        have both ended all that is theirs. Another process is waited for, too.
        """
        files = [file for file in self.download.files if file.ended is None]
        while files:
            mine, others = self._claims.take(self.download.directory, files)
            await self._fetch(mine)
            for _, other in others:
                await other.until_ended()
            files = [file for file, _ in others]
            if taken := [file for file in mine if file.ended is None]:
                await deferLater(self._reactor, TAKEN_INTERVAL)
                files += taken

    async def _fetch(self, files: list[DownloadFile]) -> None:
        """Fetch `files`; those that are taken are left to be looked at again."""
        for file in files:
            file.is_taken, file.state = False, WAITING
            try:
                await self._prepare(file)
            except DownloadError as e:
                file.end(FAILED, e)
        waiting = [file for file in files if file.state == WAITING]
        while waiting := [file for file in waiting if not await self._copies.copy(file, self._targets[file.name])]:
            fetched = one_of_each_content(waiting)
            await self._fetch_contents(fetched)
            waiting = [file for file in share_failures(fetched, waiting) if not file.is_taken]

    async def _fetch_contents(self, files: list[DownloadFile]) -> None:
        """Fetch `files`, all of different content."""
        await self._by_swarm([file for file in files if self.download.swarm and _has_pieces(file.document)])
        await self._whole([file for file in files if file.ended is None and not file.is_taken])

    async def _whole(self, files: list[DownloadFile]) -> None:
        """Fetch documents whole, one after the other; where the job may swarm, only those of the same holders wait for
        one another: what one holder sends may take for ever."""
        groups: dict[frozenset[Address], list[tuple[DownloadFile, Target]]] = {}
        for file in files:
            holders = file.document.holders if self.download.swarm and file.document is not None else []
            addresses = frozenset((holder.host, holder.port) for holder in holders)
            groups.setdefault(addresses, []).append((file, self._targets[file.name]))
        await together(WHOLE_AT_ONCE, [partial(self._whole_in_turn, group) for group in groups.values()])

    def _whole_in_turn(self, files: list[tuple[DownloadFile, Target]]) -> Deferred[None]:
        fetcher = SequentialFetcher(self._reactor, self._discovery, self._downlink, self._arrived)
        return Deferred.fromCoroutine(fetcher.run(files, self.download.overwrite))

    async def _prepare(self, file: DownloadFile) -> None:
        """See whether `file` is there, or may be fetched. Raises DownloadError."""
        target = self._targets[file.name] = Target(self.download.directory, file.name)
        target.check_place()
        status = target.status()
        if file.document is None:
            raise NoHolder(f"no peer has {file.name}")
        if status is not None and await is_there(self._reactor, target, status, file.document, self.download.overwrite):
            file.end(THERE)
            self._copies.add(target, file.document)

    # by a swarm

    async def _by_swarm(self, files: list[DownloadFile]) -> None:
        """Fetch `files`. Before one fails for want of sources, the RS and the peers are asked anew, once."""
        feeds = {}
        for start in range(0, len(files), AT_ONCE):
            part = files[start : start + AT_ONCE]
            feeds.update(dict.fromkeys(part, await self._swarm(part)))
        failed, self._failed = self._failed, []
        if failed:
            await self._discovery.refresh(NEWS_TIMEOUT)
        again = [file for file, _ in failed if feeds[file].has_more(_sha256(file))]
        for file in again:
            file.document = self._planned_anew(file)
        if again:
            await self._swarm(again)
        for file, error in [pair for pair in failed if pair[0] not in again] + self._failed:
            file.end(FAILED, error)

    def _planned_anew(self, file: DownloadFile) -> Document:
        old = file.document
        assert old is not None
        holders = self._discovery.index.holders_of(file.name, self._now())
        same = [h for h in holders if h.sha256 == old.sha256 and self.download.may_ask((h.host, h.port))]
        return Document(old.name, old.title, old.size, old.sha256, same)

    async def _swarm(self, files: list[DownloadFile]) -> SourceFeed:
        contents, documents = [], {}
        for file in files:
            document = file.document
            assert document is not None and document.sha256 is not None and document.size is not None
            self._files[document.sha256] = file
            target = self._targets[file.name]
            contents.append(Storage(file.name, document.sha256, document.size, document.piece_list, target))
            documents[document.sha256] = document
        feed = SourceFeed(self._reactor, self._discovery, self._now, self.download.may_ask, documents, self._publisher)
        events = Publisher()
        swarm = Swarm(self._reactor, contents, self._connect, feed.rank, events)
        events.subscribe(TransferStarted, self._transfer_started)
        events.subscribe(PieceVerified, lambda event: self._piece_verified(swarm.files[event.sha256], event))
        for content in contents:
            swarm.finished(content.sha256).addBoth(self._finished, content)
        self.download.swarms.append(swarm)
        for content in contents:
            self._content_store.serve(content)
        feed.start(swarm)
        try:
            await swarm.run()
        finally:
            feed.stop()
            for content in contents:
                self._content_store.withdraw(content)
                content.close()
        return feed

    async def _connect(self, address: Address) -> ClientConnection:
        """A connection on which 1.1 may be spoken. Raises SourceError."""
        known = self._discovery.peers.get(address)
        return await dial_1_1(self._reactor, address, known.version if known else None, self._downlink)

    def _transfer_started(self, event: TransferStarted) -> None:
        file = self._files[event.sha256]
        file.start()
        file.transfer(event.source)

    def _piece_verified(self, content: Storage, event: PieceVerified) -> None:
        self._files[event.sha256].receive(event.source, event.size)
        if self._content_store.serve(content):
            self._kept(content, event.piece, event.super_seeded)

    def _finished(self, outcome: Failure | None, content: Storage) -> None:
        """Give the file of `content` its name if it is complete, or note why it is not."""
        self._content_store.withdraw(content)
        file = self._files[content.sha256]
        try:
            if outcome is not None:
                outcome.raiseException()
            content.finish(self.download.overwrite)
        except DownloadError as e:
            file.is_taken = isinstance(e, Taken) or (outcome is None and isinstance(e, Exists))
            content.discard() if e.is_final else content.close()
            if file.is_taken:
                return
            if not e.is_final and _has_old_holder(file.document):
                return  # a 1.0 holder is asked for it next
            if e.is_final:
                file.end(FAILED, e)
            else:
                self._failed.append((file, e))
        else:
            file.end(DONE)
            self._arrived(file, content.target, content.sha256, content.digests or b"")

    # in place

    def _arrived(self, file: DownloadFile, target: Target, sha256: str, digests: bytes) -> None:
        """It may be copied to where its content is wanted too, and is shared if it came into a shared folder."""
        if file.document is not None:
            self._copies.add(target, file.document)
        library, folder = self._content_store.library, Path(os.path.realpath(self.download.directory))
        if folder not in library.folders:
            return
        pieces = digests if len(digests) > 32 else b""
        try:
            library.add_file(folder, target.path, sha256, pieces, file.document.title if file.document else "")
        except (OSError, ValueError):
            library.scan()  # it was moved or changed at once: it is read again


async def together(most: int, work: Iterable[Callable[[], Deferred[None]]]) -> None:
    """Do all of `work`, at most `most` at the same time; cancelled, cancel all of it. Raises what the first raises."""
    places = DeferredSemaphore(most)
    try:
        await gatherResults([places.run(one) for one in work], consumeErrors=True)
    except FirstError as e:
        e.subFailure.raiseException()


def _has_pieces(document: Document | None) -> bool:
    """Whether a swarm can fetch it: its hash is known, and that of its piece list if it has more than one piece."""
    if document is None or document.sha256 is None or document.size is None:
        return False
    if piece_count(document.size) > MOST_PIECES:
        return False
    return document.size <= piece_size(document.size) or bool(document.piece_list)


def _sha256(file: DownloadFile) -> str:
    assert file.document is not None and file.document.sha256 is not None
    return file.document.sha256


def _has_old_holder(document: Document | None) -> bool:
    return document is not None and any(holder.sha256 is None for holder in document.holders)
