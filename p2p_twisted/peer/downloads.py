"""The downloads of a peer: from an order to verified files under their final names."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..index.distributed import Address
from ..index.search import Document, documents
from ..library.paths import safe_name
from ..library.pieces import piece_size
from ..library.shared import Library
from ..swarm.errors import DownloadError, Exists, NoHolder, Unwritable
from ..swarm.fetch import FileSink, fetch_whole
from ..swarm.part import PartFile, sha256_of
from ..wire.messages import GetFile, Response
from ..wire.records import IndexRecord
from .client import Reactor, dial
from .discovery import Discovery
from .jobs import CANCELLED, DONE, FAILED, RUNNING, THERE, Item, Job

PATIENCE_FOR_NEWS = 3
"""Seconds that an order waits at most for the RS and the peers to be asked again, when something is known already."""
REMEMBERED = 100
"""Downloads that are over and still listed."""


class Downloads(Service):
    """Takes orders, carries them out, and says how they stand."""

    log = Logger()

    def __init__(self, reactor: Reactor, library: Library, discovery: Discovery, now: Callable[[], float]) -> None:
        """`now` gives monotonic seconds."""
        self.jobs: dict[str, Job] = {}
        self._reactor = reactor
        self._library = library
        self._discovery = discovery
        self._now = now
        self._running: dict[str, Deferred[None]] = {}
        self._ids = itertools.count(1)
        self._random = random.Random()

    def start(self, names: list[str] | None, directory: Path, overwrite: bool) -> Job:
        """Take an order; `names` is None for everything that is not in the library. Raises ValueError."""
        for name in names or ():
            safe_name(name)
        if names is not None and not names:
            raise ValueError("no names: say which documents, or all")
        if directory.exists() and not directory.is_dir():
            raise ValueError(f"{directory} is not a folder")
        self._forget_old()
        job = Job(str(next(self._ids)), None if names is None else list(dict.fromkeys(names)), directory, overwrite)
        self.jobs[job.id] = job
        running = Deferred.fromCoroutine(self._run(job))
        self._running[job.id] = running
        running.addErrback(self._stopped, job)
        running.addBoth(lambda _: self._running.pop(job.id, None))
        return job

    def cancel(self, id: str) -> bool:  # noqa: A002
        """Stop a download. False when it is over or there is none of that id."""
        running = self._running.get(id)
        if running is None:
            return False
        running.cancel()
        return True

    def stopService(self) -> Deferred[object]:
        """Stop all downloads; what they fetched stays in their .part files."""
        super().stopService()  # type: ignore[no-untyped-call]
        running = list(self._running.values())
        for one in running:
            one.cancel()
        return DeferredList(running)  # type: ignore[return-value]

    def _forget_old(self) -> None:
        over = [id_ for id_, job in self.jobs.items() if job.over]
        for id_ in over[: max(0, len(over) - REMEMBERED)]:
            del self.jobs[id_]

    def _stopped(self, failure: Failure, job: Job) -> None:
        if failure.check(CancelledError) is not None:
            job.end(CANCELLED)
        else:
            self.log.failure("download {id}", failure, id=job.id)
            job.end(FAILED, DownloadError("an error in this program; its log says more"))

    # one job

    async def _run(self, job: Job) -> None:
        job.state = RUNNING
        await self._hear_news(job)
        job.items = [Item(name, document) for name, document in self._plan(job.names)]
        for item in job.items:
            item.begin()
            try:
                item.end(await self._fetch(job, item))
            except DownloadError as e:
                item.end(FAILED, e)
        failed = [item for item in job.items if item.state == FAILED]
        job.end(FAILED if failed else DONE, failed[0].error if len(failed) == len(job.items) > 0 else None)

    async def _hear_news(self, job: Job) -> None:
        """Ask the RS and the peers again, unless all that is wanted is known."""
        if job.names is not None and all(self._known(name) for name in job.names):
            return
        news = self._discovery.refresh()
        if len(self._discovery.index):
            news = DeferredList([news, deferLater(self._reactor, PATIENCE_FOR_NEWS)], fireOnOneCallback=True)  # type: ignore[assignment]
        await news

    def _known(self, name: str) -> bool:
        return self._library.get(name) is not None or bool(self._discovery.index.holders_of(name, self._now()))

    def _plan(self, names: list[str] | None) -> list[tuple[str, Document | None]]:
        index, now = self._discovery.index, self._now()
        wanted = sorted(index.names() - set(self._library.files)) if names is None else names
        plan = []
        for name in wanted:
            found = documents(index.holders_of(name, now))
            if found or names is not None:
                plan.append((name, found[0] if found else None))
        return plan

    # one document

    async def _fetch(self, job: Job, item: Item) -> str:
        """Fetch one document; returns the state it ends in. Raises DownloadError."""
        try:
            target = job.directory.joinpath(*safe_name(item.name))
        except ValueError as e:
            raise Unwritable(f"{item.name}: {e}") from e
        document = item.document
        if document is None:
            raise NoHolder(f"no peer has {item.name}")
        if await self._is_there(target, document, job.overwrite):
            item.got = item.size or 0
            return THERE
        part = PartFile(target)
        try:
            sha256 = await self._fill(part, document, item)
            part.finish(job.overwrite)
        except DownloadError:
            part.discard()
            raise
        finally:
            part.close()
        self._add(job.directory, target, sha256, document)
        return DONE

    def _add(self, folder: Path, path: Path, sha256: str, document: Document) -> None:
        """Share what was fetched, if it came into a shared folder."""
        if folder.resolve() not in self._library.folders:
            return
        if path.stat().st_size <= piece_size(document.size or 0):
            self._library.add_file(folder, path, sha256, b"", document.title)
        else:
            self._library.scan()

    async def _is_there(self, target: Path, document: Document, overwrite: bool) -> bool:
        if not target.exists():
            return False
        if document.sha256 is not None and await self._hash(target) == document.sha256:
            return True
        if not overwrite:
            raise Exists(f"{target} is there already, with other content; say overwrite to replace it")
        return False

    def _hash(self, path: Path) -> Deferred[str | None]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), sha256_of, path)

    async def _fill(self, part: PartFile, document: Document, item: Item) -> str:
        def progress(holder: IndexRecord, got: int) -> None:
            item.got, item.source = got, f"{holder.host}:{holder.port}"

        sha256, _ = await fetch_whole(document, self._ranked(document), part, self._ask, progress)
        return sha256

    def _ranked(self, document: Document) -> list[IndexRecord]:
        """The holders, in chance order, those that failed lately last."""
        holders = list(document.holders)
        self._random.shuffle(holders)
        return sorted(holders, key=lambda holder: self._failures((holder.host, holder.port)))

    def _failures(self, address: Address) -> int:
        known = self._discovery.peers.get(address)
        return known.failures if known else 0

    async def _ask(self, holder: IndexRecord, message: GetFile, sink: FileSink) -> Response:
        connection = await dial(self._reactor, (holder.host, holder.port))
        try:
            return await connection.ask(message, sink)
        finally:
            connection.close()
