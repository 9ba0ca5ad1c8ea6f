"""The documents of others as a search finds them by name and title, kept in step with the index while it is used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted.internet import defer
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from ..events.types import IndexChanged
from ..index.known_names import KnownNames
from ..index.ranking import Result
from ..index.search import Document, documents
from ..library.shared import Reactor
from ..wire.limits import TTL
from ..wire.records import IndexRecord
from ..wire.search_terms import Term
from .serving.content_store import ContentStore

INTERVAL = 1.0
"""Seconds between two looks at what has changed."""
MAX_WAIT = 0.3
"""Seconds for which a search waits for changes to be taken: with very many new names it does not find all at once."""
AT_ONCE = 500
"""Names that are added in one go."""
SLICE = 5_000
"""Names that are compared in one go."""


class KnownDocuments:
    """Searches the names and titles in the index of `content_store`."""

    log = Logger()

    def __init__(self, reactor: Reactor, content_store: ContentStore) -> None:
        self._reactor = reactor
        self._store = content_store
        self._index = content_store.index
        self._names = KnownNames()
        self._there: set[str] = set()
        """Names that can be found."""
        self._stale: set[str] = set()
        """Those among them whose titles may have changed."""
        self._generation = -1
        self._updated_at = float("-inf")
        self._updating: Deferred[None] | None = None
        self._is_stopped = False
        content_store.library.publisher.subscribe(IndexChanged, self._changed)

    def _changed(self, event: IndexChanged) -> None:
        names = (change.name for change in event.changes if isinstance(change, IndexRecord))
        self._stale.update(self._there.intersection(names))

    async def stop(self) -> None:
        """Stop; returns when no thread is at work any more."""
        self._is_stopped = True
        if self._updating is not None:
            await self._updating
        self._names.close()

    async def search(self, terms: Sequence[Term], limit: int) -> list[Result]:
        """Return at most `limit` documents of others that have all `terms` in name and title, the best first."""
        await self._up_to_date()
        pool = self._reactor.getThreadPool()
        found = await deferToThreadPool(self._reactor, pool, self._names.search, terms, limit)
        return [result for name, weight in found for result in self._results(name, weight)][:limit]

    def _results(self, name: str, weight: int) -> list[Result]:
        now = self._store.now()
        known = documents(self._index.holders_of(name, now)) or documents(self._index.hearsay_of(name, now))
        return [Result(name, one.title, one.size, one.sha256, weight) for one in known]

    def document(self, result: Result, host: str) -> Document:
        """Return the document that was found, with all of its known holders; this peer is at `host`."""
        now = self._store.now()
        own = self._store.library.get(result.name)
        known = [] if own is None else [self._store.record(own, host)]
        known += self._index.holders_of(result.name, now)
        told = {(record.host, record.port) for record in known}
        title, size, sha256 = result.title, result.size, result.sha256
        known += [
            IndexRecord(result.name, title, *peer, TTL, size, sha256) for peer in result.peers if peer not in told
        ]
        for records, is_first_hand in ((known, True), (self._index.hearsay_of(result.name, now), False)):
            for document in documents(records):
                if document.sha256 == sha256:
                    document.is_first_hand = is_first_hand
                    return document
        return Document(result.name, title, size, sha256)

    # what has changed

    def _up_to_date(self) -> Deferred[None]:
        """Take what has changed in the index. Return a Deferred that fires when that is done, or after MAX_WAIT."""
        now = self._store.now()
        is_due = self._generation != self._index.generation and now >= self._updated_at + INTERVAL
        if self._updating is None and is_due and not self._is_stopped:
            self._updated_at, self._generation = now, self._index.generation
            updating = self._updating = Deferred.fromCoroutine(self._update())
            updating.addErrback(lambda failure: self.log.failure("taking the names of others", failure))
            updating.addCallback(lambda _: self._done())
        if self._updating is None:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._updating.addCallback(lambda _: waiting.callback(None))
        waiting.addTimeout(MAX_WAIT, self._reactor)
        return waiting.addErrback(lambda failure: failure.trap(defer.TimeoutError) and None)

    def _done(self) -> None:
        self._updating = None

    async def _update(self) -> None:
        stale, self._stale = self._stale, set()
        current: set[str] = set()
        new: list[str] = []
        names = self._index.names()
        for start in range(0, len(names), SLICE):
            batch = names[start : start + SLICE]
            current.update(batch)
            new += [name for name in batch if name not in self._there or name in stale]
            await deferLater(self._reactor, 0)
        gone, self._there = self._there - current, current
        await self._put((), gone)
        for start in range(0, len(new), AT_ONCE):
            if self._is_stopped:
                return
            batch = new[start : start + AT_ONCE]
            await self._put([(name, self._index.titles_of(name)) for name in batch], ())
            await deferLater(self._reactor, 0)

    def _put(self, added: Iterable[tuple[str, set[str]]], gone: Iterable[str]) -> Deferred[None]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._names.update, added, gone)
