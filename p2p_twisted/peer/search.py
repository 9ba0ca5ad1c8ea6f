"""The search of a peer: in the texts of its own documents, in the names of others', and at other peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThreadPool

from ..index.fulltext import FullText
from ..index.ranking import Result, merged, result_of, successors
from ..index.search import Document
from ..index.text_tables import Match
from ..library.shared import Reactor
from ..wire.search import RfcFacts
from ..wire.search_terms import Term
from .known_documents import KnownDocuments
from .peers.swarm_search import Answers, SwarmSearch
from .serving.content_store import ContentStore
from .serving.search_answers import SearchAnswers
from .text_indexer import TextIndexer

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Found:
    """What a search has found: the best documents, and how many other peers were asked and have answered.

    `relations` are the facts of all RFCs that are known to obsolete or update others.
    """

    results: list[Result]
    asked: int
    answered: int
    relations: list[RfcFacts]

    def successors(self, number: int | None) -> tuple[list[int], list[int]]:
        """Return the RFCs that obsolete the RFC `number`, and those that update it."""
        return successors(number, self.relations)


class PeerSearch:
    """Searches the documents of `content_store`, their texts kept in the file `path`, and those of others."""

    def __init__(self, reactor: Reactor, content_store: ContentStore, path: Path) -> None:
        """Make a search that has yet to be started."""
        self._reactor = reactor
        self._library = content_store.library
        self._fulltext = FullText(path)
        self._indexer = TextIndexer(reactor, content_store.library, self._fulltext)
        self._known = KnownDocuments(reactor, content_store)
        self.answers = SearchAnswers(reactor, content_store.library, self._fulltext)
        self.swarm: SwarmSearch | None = None
        """Asks other peers; None: there are none."""

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
        await self._known.stop()
        await self._indexer.stop()

    async def search(self, terms: Sequence[Term], limit: int, ask_others: bool) -> Found:
        """Return the best `limit` documents that have all `terms`; with `ask_others`, within two seconds."""
        asking = succeed(Answers(0, []))
        if ask_others and self.swarm is not None:
            asking = Deferred.fromCoroutine(self.swarm.ask(terms, limit))
        private = {file.name: file.sha256 for file in self._library.private.values()}
        own = self._in_thread(self._own, terms, limit, private)
        known = Deferred.fromCoroutine(self._known.search(terms, limit))
        matches, relations = await own
        names, answers = await known, await asking
        results = [_own_result(match) for match in matches if self._is_here(match)]
        results += [result_of(hit, address) for address, hits in answers.answers for hit in hits]
        results += names
        relations += [result.facts for result in results]
        return Found(merged(results, terms, limit), answers.asked, len(answers.answers), relations)

    def document(self, result: Result, host: str) -> Document:
        """Return the document that was found, with all of its known holders; this peer is at `host`."""
        return self._known.document(result, host)

    def _own(self, terms: Sequence[Term], limit: int, private: dict[str, str]) -> tuple[list[Match], list[RfcFacts]]:
        """Search own documents, in a thread."""
        found = self._fulltext.search(terms, limit)
        if private:
            found += self._fulltext.search_private(terms, limit, private)
        return found, self._fulltext.relations()

    def _is_here(self, match: Match) -> bool:
        file = self._library.get(match.entry.name)
        return file is not None and file.sha256 == match.entry.sha256

    def _in_thread(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work, *args, **kwargs)


def _own_result(match: Match) -> Result:
    entry = match.entry
    return Result(entry.name, entry.title, entry.size, entry.sha256, match.weight, entry.facts, match.passage)
