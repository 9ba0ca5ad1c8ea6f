"""A swarm gets the sources that are known at its start, and those learnt of later."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import IndexChanged
from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.index.search import Document
from p2p_twisted.peer.downloads.source_feed import LOOK_INTERVAL, RECENT, SourceFeed
from p2p_twisted.wire.changes import Change, Have, Removed
from p2p_twisted.wire.records import IndexRecord
from tests.support.diallers import make_dialler

ONE, TWO, FORBIDDEN = (("10.0.1.1", port) for port in (1, 2, 3))
SHA256, LIST, OTHER = "ab" * 32, "cd" * 32, "ef" * 32


def record(port: int, name: str = "a.bin", sha256: str = SHA256) -> IndexRecord:
    return IndexRecord(name, "", "10.0.1.1", port, 7200, 300_000, sha256, LIST)


class FakeSwarm:
    """A swarm of one file of three pieces that notes the calls of the feed."""

    def __init__(self) -> None:
        self.files = {SHA256: SimpleNamespace(count=3, size=300_000)}
        self.unfinished = {SHA256}
        self.calls: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda address, sha256, *more: self.calls.append((name, address, *more))

    def new_calls(self) -> list[tuple[object, ...]]:
        """Return the calls since the last time."""
        calls, self.calls = self.calls, []
        return calls


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, self.publisher, self.index = Clock(), Publisher(), DistributedIndex()
        self.discovery: Any = SimpleNamespace(peers={}, index=self.index, dialler=make_dialler(self.clock))
        parts: Any = SimpleNamespace(
            reactor=self.clock, now=self.clock.seconds, discovery=self.discovery, publisher=self.publisher
        )
        document = Document("a.bin", "", 300_000, SHA256, [record(1)])
        self.feed = SourceFeed(parts, lambda address: address != FORBIDDEN, {SHA256: document})
        self.swarm: Any = FakeSwarm()

    def peer(self, port: int, pieces: int | None = None, **more: Any) -> None:
        parts = {} if pieces is None else {SHA256: SimpleNamespace(pieces=pieces)}
        subscription = SimpleNamespace(parts=parts, connection=more.pop("connection", None))
        known = SimpleNamespace(address=("10.0.1.1", port), subscription=subscription, seen=None, failures=0)
        vars(known).update(more)
        self.discovery.peers["10.0.1.1", port] = known

    def start(self) -> None:
        self.feed.start(self.swarm)
        self.swarm.new_calls()

    def change(self, port: int, *changes: Change) -> list[tuple[object, ...]]:
        """Publish changes of a peer; return the calls that the swarm got."""
        self.publisher.publish(IndexChanged(("10.0.1.1", port), changes))
        new_calls: list[tuple[object, ...]] = self.swarm.new_calls()
        return new_calls


class Start(Case):
    def test_known_sources_are_added_at_the_start(self) -> None:
        self.peer(2, 0b101)
        self.peer(3, 0b10)
        self.feed.start(self.swarm)
        self.assertEqual(self.swarm.new_calls(), [("add_seed", ONE), ("add_pieces", TWO, 0b101)])


class Announced(Case):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def test_pieces(self) -> None:
        self.assertEqual(self.change(2, Have(SHA256, 300_000, ((0, 1),))), [("add_pieces", TWO, 0b11)])
        self.assertEqual(self.change(2, Have(OTHER, 300_000, ((0, 1),))), [])

    def test_a_file_that_is_complete(self) -> None:
        self.assertEqual(self.change(2, record(2)), [("add_complete", TWO)])
        self.assertEqual(self.change(2, record(2, "b.bin", OTHER)), [])

    def test_a_file_that_is_gone(self) -> None:
        self.assertEqual(self.change(1, Removed("b.bin")), [])
        self.assertEqual(self.change(1, Removed("a.bin")), [("remove", ONE)])
        self.assertEqual(self.change(1, Removed("a.bin")), [])

    def test_a_file_that_is_replaced(self) -> None:
        self.assertEqual(self.change(1, record(1, sha256=OTHER)), [("remove", ONE)])

    def test_a_file_that_is_renamed_is_not_lost(self) -> None:
        self.assertEqual(self.change(1, Removed("a.bin"), record(1, "b.bin")), [("add_complete", ONE)])
        self.assertEqual(self.change(1, Removed("b.bin")), [("remove", ONE)])

    def test_a_peer_that_may_not_be_asked(self) -> None:
        self.assertEqual(self.change(3, record(3)), [])

    def test_nothing_after_the_end(self) -> None:
        self.feed.stop()
        self.assertEqual(self.change(2, record(2)), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])


class Learnt(Case):
    """By the index, from peers that are not followed."""

    def setUp(self) -> None:
        super().setUp()
        self.index.put(ONE, record(1), 0.0)
        self.start()

    def test_a_peer_that_has_it_too(self) -> None:
        self.clock.advance(LOOK_INTERVAL)
        self.assertEqual(self.swarm.new_calls(), [])
        self.index.put(TWO, record(2), 0.0)
        self.index.put(FORBIDDEN, record(3), 0.0)
        self.assertTrue(self.feed.has_more(SHA256))
        self.clock.advance(LOOK_INTERVAL)
        self.assertEqual(self.swarm.new_calls(), [("add_complete", TWO)])
        self.assertFalse(self.feed.has_more(SHA256))
        self.clock.advance(LOOK_INTERVAL)
        self.assertEqual(self.swarm.new_calls(), [])

    def test_another_content_of_that_name(self) -> None:
        self.index.put(TWO, record(2, sha256=OTHER), 0.0)
        self.clock.advance(LOOK_INTERVAL)
        self.assertEqual(self.swarm.new_calls(), [])


class Private(Case):
    """A request names the document, so only those who have told of it by that name are asked."""

    def setUp(self) -> None:
        super().setUp()
        self.feed._documents[SHA256].holders[:] = [replace(record(1), private=True)]

    def test_others_with_the_content_are_not_asked(self) -> None:
        self.peer(2, 0b101)
        self.feed.start(self.swarm)
        self.assertEqual(self.swarm.new_calls(), [("add_seed", ONE)])
        self.assertEqual(self.change(2, Have(SHA256, 300_000, ((0, 1),))), [])
        self.assertEqual(self.change(2, record(2, "b.bin")), [])

    def test_another_who_has_it_by_that_name(self) -> None:
        self.start()
        self.assertEqual(self.change(2, replace(record(2), private=True)), [("add_complete", TWO)])


class Rank(Case):
    def test_the_likeliest_first(self) -> None:
        self.peer(1, connection=object())
        self.peer(2, seen=0.0)
        self.peer(4, seen=-2 * RECENT)
        self.peer(5, failures=3)
        ranks = [self.feed.rank(("10.0.1.1", port)) for port in (1, 2, 4, 5, 6)]
        self.assertEqual(ranks, sorted(set(ranks)))
