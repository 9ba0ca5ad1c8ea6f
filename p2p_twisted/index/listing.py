"""The documents of this peer and of all others as one sorted list, put together only when something has changed.

A list of many pages is asked for page by page: putting it together and searching it each time would cost more than the
pages themselves. Plain; knows no clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable

from ..wire.records import IndexRecord
from .distributed import DistributedIndex
from .search import Document, documents, matching


class Listing:
    """All documents that `index` knows, and those of this peer."""

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

        `own` gives the records of this peer; it is called when `own_state` is another than before. `now` is monotonic
        seconds. The documents are not the caller's to change; what time a holder has left, `index` says.
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
