"""The search of a peer: the texts of its own documents, kept up to date, and the answers to others."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred

from ..index.fulltext import FullText
from ..library.shared import Reactor
from .serving.content_store import ContentStore
from .serving.search_answers import SearchAnswers
from .text_indexer import TextIndexer


class PeerSearch:
    """Searches the documents of `content_store`, their texts kept in the file `path`."""

    def __init__(self, reactor: Reactor, content_store: ContentStore, path: Path) -> None:
        """Make a search that has yet to be started."""
        fulltext = FullText(path)
        self._indexer = TextIndexer(reactor, content_store.library, fulltext)
        self.answers = SearchAnswers(reactor, content_store.library, fulltext)

    def start(self, scanned: Deferred[None]) -> Deferred[None]:
        """Follow the library, whose first scan is complete when `scanned` fires.

        Return a Deferred that fires then; to cancel it cancels nothing else.
        """
        self._indexer.start()
        waiting: Deferred[None] = Deferred()
        scanned.addCallback(lambda _: self._indexer.scanned()).chainDeferred(waiting)
        return waiting

    async def stop(self) -> None:
        """Stop; returns when no thread is at work any more."""
        await self._indexer.stop()
