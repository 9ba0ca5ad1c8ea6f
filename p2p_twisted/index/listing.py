"""The documents of this peer and of all others as one sorted list, which is made anew only after a change.

A long list is requested page by page: making and searching it for each page would cost more than the pages. It is made
in steps, and holds no more than names: 100 000 documents must neither stop the process nor fill the memory. Pure; time
is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Protocol

from ..wire.records import IndexRecord
from .distributed import DistributedIndex
from .holdings import Holdings, Known, contents
from .packed import pack
from .query import Query, narrows
from .search import Document, documents
from .sorting import KEYS, is_reversed, sorted_in_steps

STEP = 500
"""Names looked at in one step."""


Rows = list[tuple[Any, str, int]]
"""The place of each name in an order, the name, and the number of its contents."""


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
        self._names: list[str] = []
        """All names, in order."""
        self._query = ""
        self._matching: list[str] = []
        """Those that match the query, in order."""
        self._sort: str | None = None
        self._found: list[str] = []
        """These in the order of the list, each as often as it has contents."""

    def search(self, query: str, sort: str, now: float) -> Iterator[None]:
        """Find the documents that match `query` (see Query) in steps; nothing else may be called until the last one.

        `sort` is one of SORTS; `now` is monotonic seconds. A name counts as a whole: all of its contents match if one
        of them does.
        """
        state = self._own.state, self._index.generation
        is_current = state == self._state and now < self._valid_until
        if is_current and query == self._query and sort == self._sort:
            return
        self._sort = None
        if not is_current:
            yield from self._update_names()
            self._matching, self._query = self._names, ""
            self._state, self._valid_until = state, self._index.next_expiry(now)
        if query != self._query:
            yield from self._match(query)
        yield from self._order(sort, self._index.holdings(now))
        self._sort = sort

    def _update_names(self) -> Iterator[None]:
        present = {*self._index.names(), *self._own.names()}
        yield
        kept = [name for name in self._names if name in present]
        yield
        present.difference_update(kept)
        yield
        self._names = kept + (yield from sorted_in_steps(list(present)))
        self._names.sort()  # finds the two parts sorted, and merges them

    def _match(self, query: str) -> Iterator[None]:
        names = self._matching if narrows(self._query, query) else self._names
        matching: list[str] = []
        looked_for = Query(query)
        for start in range(0, len(names), STEP):
            matching += [name for name in names[start : start + STEP] if self._matches(looked_for, name)]
            yield
        self._matching, self._query = matching, query

    def _matches(self, query: Query, name: str) -> bool:
        titles = self._index.titles_of(name)
        if (own := self._own.get(name)) is not None:
            titles.add(own.title)
        return any(query.matches(name, title) for title in titles)

    def _order(self, sort: str, holdings: Holdings) -> Iterator[None]:
        found: list[str] = []
        if sort in KEYS:
            rows: Rows = []
            yield from self._rows(KEYS[sort], holdings, rows)
            rows = yield from sorted_in_steps(rows)
            found = [name for _, name, times in rows for _ in range(times)]
        else:
            yield from self._repeat(holdings, found)
        self._found = found[::-1] if is_reversed(sort) else found

    def _rows(self, key: Callable[[Known], Any], holdings: Holdings, rows: Rows) -> Iterator[None]:
        """Put a row for each name that matches into `rows`."""
        for number, name in enumerate(self._matching):
            if known := self._known(name, holdings):
                rows.append((key(known), name, contents(known)))
            if number % STEP == 0:
                yield

    def _repeat(self, holdings: Holdings, found: list[str]) -> Iterator[None]:
        """Put each name that matches into `found`, as often as it has contents."""
        own = set(self._own.names())
        for start in range(0, len(self._matching), STEP):
            names = self._matching[start : start + STEP]
            times = holdings.contents(names)
            if own.isdisjoint(names) and times.count(1) == len(times):
                found += names
            else:
                for name, number in zip(names, times, strict=True):
                    found += [name] * (contents(self._known(name, holdings)) if name in own else number)
            yield

    def _known(self, name: str, holdings: Holdings) -> Known:
        own = self._own.get(name)
        return holdings.of(name, None if own is None else pack(own))

    def page(self, limit: int, offset: int, now: float) -> tuple[int, list[Document]]:
        """Return how many documents were found, and those from `offset` on, at most `limit`.

        Those that are gone since then are left out.
        """
        names = self._found[offset : offset + limit]
        skipped = 0
        while names and skipped < offset and self._found[offset - skipped - 1] == names[0]:
            skipped += 1
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
