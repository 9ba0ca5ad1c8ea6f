"""The answers to SEARCH INDEX: own documents with all terms, of which the asker may know."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThreadPool

from ...index.fulltext import FullText
from ...index.text_tables import Entry, Match
from ...library.catalogue import Catalogue
from ...library.shared import Reactor
from ...wire.errors import Forbidden
from ...wire.limits import MAX_HITS, MAX_SEARCH_ANSWER
from ...wire.messages import Search
from ...wire.search import Hit, encode_hit

DEFAULT_LIMIT = 20
"""Documents in an answer, where the request names no number."""
AT_ONCE = 2
"""Searches at a time: each takes a thread."""
PRIVATE_WEIGHT = 1000
"""The weight of each private document."""
MAX_WAITING = 32
"""Searches that may wait or be under way."""
RETRY_AFTER = 1
"""Seconds after which an asker may come again who was refused because there were too many."""


Searching = Callable[[Search, "str | None"], Coroutine["Deferred[Any]", Any, bytes]]
"""Returns the body of an answer for the peer whose certificate has the name in the second argument (None: anybody)."""


async def no_search(message: Search, reader: str | None) -> bytes:
    """Raise Forbidden: this is a peer without a search."""
    raise Forbidden("nothing is searched here")


class SearchAnswers:
    """Searches the documents of `library`, whose texts are in `fulltext`, in threads."""

    def __init__(self, reactor: Reactor, library: Catalogue, fulltext: FullText) -> None:
        self._reactor = reactor
        self._library = library
        self._fulltext = fulltext
        self._semaphore = DeferredSemaphore(AT_ONCE)
        self._waiting = 0

    async def answer(self, message: Search, reader: str | None) -> bytes:
        """Return the body of an answer for the peer whose certificate has the name `reader` (None: for anybody).

        Raises Forbidden if too many searches wait.
        """
        if self._waiting >= MAX_WAITING:
            raise Forbidden("too many searches are waiting", RETRY_AFTER)
        visible = {} if reader is None else self._private(reader)
        self._waiting += 1
        try:
            limit = min(message.limit or DEFAULT_LIMIT, MAX_HITS)
            found = await self._semaphore.run(self._in_thread, message, limit, visible)
        finally:
            self._waiting -= 1
        hits = [_hit(match) for match in found if self._is_for(match.entry, reader)]
        return _body([f"{encode_hit(hit)}\n".encode() for hit in hits[:limit]])

    def _private(self, reader: str) -> dict[str, str]:
        files = self._library.private.values()
        return {file.name: file.sha256 for file in files if file.is_for(reader)}

    def _in_thread(self, message: Search, limit: int, visible: dict[str, str]) -> Deferred[list[Match]]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._search, message, limit, visible)

    def _search(self, message: Search, limit: int, visible: dict[str, str]) -> list[Match]:
        """Return what is found, the best first; what weighs the same in the order of names."""
        found = self._fulltext.search(message.terms, limit)
        if visible:  # how well these fit would say something of what is not for this reader
            private = self._fulltext.search_private(message.terms, limit, visible)
            found += [replace(match, weight=PRIVATE_WEIGHT) for match in private]
        return sorted(found, key=lambda match: (-match.weight, match.entry.name))

    def _is_for(self, entry: Entry, reader: str | None) -> bool:
        """Return whether the document is here now, in this state, and `reader` may know of it."""
        file = self._library.get(entry.name)
        return file is not None and file.sha256 == entry.sha256 and file.is_for(reader)


def _hit(match: Match) -> Hit:
    entry = match.entry
    return Hit(entry.name, entry.title, entry.size, entry.sha256, match.weight, entry.facts, *match.passage)


def _body(lines: list[bytes]) -> bytes:
    """Return as many of the lines as an answer may have bytes."""
    size = 0
    for number, line in enumerate(lines):
        size += len(line)
        if size > MAX_SEARCH_ANSWER:
            return b"".join(lines[:number])
    return b"".join(lines)
