"""The documents that a peer has or knows of, page by page: made and searched in turns of the reactor."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime

from ..index.listing import Listing
from ..index.search import Document
from ..net.lines import Slicer
from ..wire.records import IndexRecord
from .serving.content_store import ContentStore


class DocumentList:
    """The list of all documents of `content_store` and its index. `host` gives this peer's host."""

    def __init__(
        self, clock: IReactorTime, content_store: ContentStore, host: Callable[[], str], now: Callable[[], float]
    ) -> None:
        """`now` gives monotonic seconds."""
        self._listing = Listing(content_store.index, _OwnRecords(content_store, host))
        self._slicer = Slicer(clock)
        self._lock = DeferredLock()
        self._now = now

    def page(self, query: str, sort: str, limit: int, offset: int) -> Deferred[tuple[int, list[Document]]]:
        """Fire with how many documents match `query` (see Query), and at most `limit` of them from `offset` on.

        `sort` is one of SORTS.
        """
        return self._lock.run(lambda: Deferred.fromCoroutine(self._page(query, sort, limit, offset)))

    async def _page(self, query: str, sort: str, limit: int, offset: int) -> tuple[int, list[Document]]:
        await self._slicer.coiterate(self._listing.search(query, sort, self._now()))
        return self._listing.page(limit, offset, self._now())


class _OwnRecords:
    """The records of the shared files."""

    def __init__(self, content_store: ContentStore, host: Callable[[], str]) -> None:
        self._store = content_store
        self._host = host

    @property
    def state(self) -> Hashable:
        return self._store.library.version, self._store.advertise or self._host(), self._store.port

    def names(self) -> list[str]:
        return list(self._store.library.files)

    def get(self, name: str) -> IndexRecord | None:
        file = self._store.library.files.get(name)
        return None if file is None else self._store.record(file, self._host())
