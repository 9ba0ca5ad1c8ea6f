"""The documents that a peer has or knows of, page by page."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from p2p_twisted.index.search import Document
from p2p_twisted.peer.document_list import DocumentList
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.records import IndexRecord
from tests.peer.serving.test_content_store import BIG, FAR, HERE, SMALL, Case

Page = tuple[int, list[Document]]


class Documents(Case):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.list = DocumentList(self.clock, self.content_store, lambda: HERE, self.reactor.seconds)

    def page(self, query: str = "", limit: int = 100, offset: int = 0) -> Page:
        page: Deferred[Page] = self.list.page(query, "name", limit, offset)
        self.clock.pump([0.0] * 20)
        found: Page = self.successResultOf(page)
        return found

    def test_those_of_all_with_their_holders(self) -> None:
        self.learn(SMALL.name)
        self.learn("far.txt", document=BIG)
        found = {document.name: document for document in self.page()[1]}
        self.assertEqual(set(found), {SMALL.name, BIG.name, "far.txt"})
        holders = sorted((holder.host, holder.port) for holder in found[SMALL.name].holders)
        self.assertEqual(holders, [(HERE, 4394), FAR])

    def test_an_own_file_that_comes_shows(self) -> None:
        before, _ = self.page()
        self.reactor.advance(1)
        self.assertEqual(self.page()[0], before)

    def test_searches_at_the_same_time_do_not_mix(self) -> None:
        now = self.reactor.seconds()
        for number in range(3000):
            self.content_store.index.put(FAR, IndexRecord(f"{number}.txt", "", *FAR, TTL), now)
        pages = [self.list.page(query, "name", 10, 0) for query in ("1*.txt", "2*.txt", "")]
        self.clock.pump([0.0] * 500)
        counts = [self.successResultOf(page)[0] for page in pages]
        self.assertEqual(counts[:2], [1111, 1111])
        self.assertGreater(counts[2], 3000)
