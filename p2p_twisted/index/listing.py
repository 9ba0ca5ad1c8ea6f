"""The documents of this peer and of all others as one sorted list, which is rebuilt only after a change.

A long list is requested page by page: building and searching it for each page would cost more than the pages. Pure;
time is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable

from ..wire.records import IndexRecord
from .distributed import DistributedIndex
from .search import Document, documents, matching


class Listing:
    """The list of all documents in `index` and of this peer."""

    def __init__(self, index: DistributedIndex) -> None:
        self._index = index
        self._state: Hashable = None
        self._valid_until = -math.inf
        self._documents: list[Document] = []
        self._query = ""
        self._found: list[Document] = []

    def page(
        self,
        own: Callable[[], Iterable[IndexRecord]],
        own_state: Hashable,
        now: float,
        query: str,
        limit: int,
        offset: int,
    ) -> tuple[int, list[Document]]:
        """Return how many documents match `query` (see Query), and those from `offset` on, at most `limit`.

        `own` returns the records of this peer; it is called when `own_state` differs from the last call. `now` is
        monotonic seconds. The caller must not change the documents; `index` has the TTL that each record has left.
        """
        state = own_state, self._index.generation
        if state != self._state or now >= self._valid_until:
            learnt, self._valid_until = self._index.lasting(now)
            self._documents = documents([*own(), *learnt])
            self._state = state
            self._search(query)
        elif query != self._query:
            self._search(query)
        return len(self._found), self._found[offset : offset + limit]

    def _search(self, query: str) -> None:
        self._query, self._found = query, matching(self._documents, query)
