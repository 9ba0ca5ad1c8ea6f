"""The documents of this peer and of all others as one sorted list, which is made anew only after a change.

A long list is requested page by page: making and searching it for each page would cost more than the pages. It is made
in steps, and holds no more than names: 100 000 documents must neither stop the process nor fill the memory. Pure; time
is an argument.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from heapq import merge
from itertools import chain, islice
from typing import Protocol

from ..wire.records import IndexRecord
from .distributed import DistributedIndex
from .query import Query
from .search import Document, documents

STEP = 200
"""Names looked at in one step."""
SORTED_AT_ONCE = 10_000
"""Names sorted in one step."""


class OwnRecords(Protocol):
    """The records of this peer."""

    @property
    def state(self) -> Hashable:
        """Something that is another after each change."""

    def names(self) -> Sequence[str]:
        """Return the names of all of them."""

    def get(self, name: str) -> IndexRecord | None:
        """Return the record of the document `name`."""


class Listing:
    """The list of all documents in `index` and in `own`."""

    def __init__(self, index: DistributedIndex, own: OwnRecords) -> None:
        self._index = index
        self._own = own
        self._state: Hashable = None
        self._valid_until = -math.inf
        self._query = ""
        self._found: list[str] = []
        """Names in order, each as often as it has contents."""

    def search(self, query: str, now: float) -> Iterator[None]:
        """Find the documents that match `query` (see Query) in steps; nothing else may be called until the last one.

        `now` is monotonic seconds. A name counts as a whole: all of its contents match if one of them does.
        """
        state = self._own.state, self._index.generation
        if state == self._state and query == self._query and now < self._valid_until:
            return
        found: list[str] = []
        yield from self._collect(query, found, now)
        self._found, self._query, self._state = found, query, state
        self._valid_until = self._index.next_expiry(now)

    def _collect(self, query: str, found: list[str], now: float) -> Iterator[None]:
        names = list({*self._index.names(), *self._own.names()})
        if query.strip():
            matching: list[str] = []
            yield from self._filter(Query(query), names, matching)
            names = matching
        parts = []
        for start in range(0, len(names), SORTED_AT_ONCE):
            parts.append(sorted(names[start : start + SORTED_AT_ONCE]))
            yield
        for number, name in enumerate(merge(*parts)):
            found += [name] * self._contents(name, now)
            if number % STEP == 0:
                yield

    def _filter(self, query: Query, names: list[str], matching: list[str]) -> Iterator[None]:
        for number, name in enumerate(names):
            if number % STEP == 0:
                yield
            titles = self._index.titles_of(name)
            if (own := self._own.get(name)) is not None:
                titles.add(own.title)
            if any(query.matches(name, title) for title in titles):
                matching.append(name)

    def _contents(self, name: str, now: float) -> int:
        """Return the number of documents of that name."""
        hashes = self._index.hashes_of(name, now)
        own = self._own.get(name)
        if own is not None:
            hashes.add(bytes.fromhex(own.sha256 or ""))
        hashes = hashes or self._index.hashes_of(name, now, False)
        return len(hashes) - (len(hashes) > 1 and b"" in hashes)

    def page(self, limit: int, offset: int, now: float) -> tuple[int, list[Document]]:
        """Return how many documents were found, and those from `offset` on, at most `limit`.

        Those that are gone since then are left out.
        """
        names = self._found[offset : offset + limit]
        skipped = offset - bisect_left(self._found, names[0]) if names else 0
        found = chain.from_iterable(self._documents(name, now) for name in dict.fromkeys(names))
        return len(self._found), list(islice(found, skipped, skipped + limit))

    def _documents(self, name: str, now: float) -> list[Document]:
        own = self._own.get(name)
        known = [] if own is None else [own]
        known += self._index.holders_of(name, now)
        if known:
            return documents(known)
        told = documents(self._index.hearsay_of(name, now))
        for document in told:
            document.is_first_hand = False
        return told
