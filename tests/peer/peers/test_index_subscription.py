"""The index of another peer, followed: over a network in memory, and answer by answer, with answers that mean harm."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.library.pieces import MIN_PIECE
from p2p_twisted.net import client
from p2p_twisted.net.connect import dial
from p2p_twisted.peer.peers import changes_sink
from p2p_twisted.peer.peers.index_subscription import UNFOLLOWED_TIME, IndexSubscription, TooFast
from p2p_twisted.peer.peers.pace import MAX_PAUSE, MAX_SLOWED
from p2p_twisted.peer.serving.index_feed import KEEPALIVE_INTERVAL
from p2p_twisted.swarm.storage import Storage
from p2p_twisted.swarm.target import Target
from p2p_twisted.wire.changes import Have, Removed
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.messages import INITIAL_VERSION, Response, Version
from p2p_twisted.wire.ranges import members
from p2p_twisted.wire.records import IndexRecord
from tests.support.index_intake import make_intake
from tests.support.memory_network import Network, ScriptedFactory, Silent
from tests.support.peer_server import make_factory

THERE = ("10.0.1.1", 4001)
ONE, TWO = "1" * 64, "2" * 64


def record(name, sha256=ONE, host="10.9.9.9", port=9, ttl=TTL):
    """A line of an index, as the peer itself gives it."""
    return f"{name}\ttxt\tTitle\t{host}\t{port}\t{ttl}\t10\t{sha256}\t-\n"


def have(pieces, sha256=ONE, size=9 * MIN_PIECE):
    return f"have\t{sha256}\t{size}\t{pieces}\n"


def v11(body):
    """An answer of a 1.1 server that tells everything."""
    return f"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: {len(body)}\nIndex: x.1\n\n{body}".encode()


class Answering:
    """A connection of a follower, or of a client that asks once, on which answers come when the test says so."""

    def __init__(self, network) -> None:
        self._network = network

    def follow(self, message, sink, on_response) -> Deferred[Any]:
        self._sink, self._on_response = sink, on_response
        self.following: Deferred[Any] = Deferred()  # kept, as a coroutine waits for it
        return self.following

    def request_in_time(self, message, sink) -> Deferred[Any]:
        self.done: Deferred[Any] = Deferred()
        self.follow(message, sink, self.done.callback)
        return self.done

    def close(self) -> None:
        pass

    def answer(self, text, since, index) -> None:
        body = text.encode("utf-8", "surrogateescape")
        response = Response(200, Version.V11, "h", "o", length=len(body), index=index, since=since)
        self._sink.begin(response)
        if body:
            self._sink.data(body)
        self._network.settle()
        self._on_response(response)


class Case(SynchronousTestCase):
    """Each test has somebody who follows the peer at THERE."""

    def setUp(self) -> None:
        self.network = cast(Any, Network())
        self.index = DistributedIndex()
        self.on_changes = []
        on_changes = lambda address, changes: self.on_changes.append((address, changes))  # noqa: E731
        self.intake = make_intake(self.network, self.index, on_changes)
        self.subscription = IndexSubscription(THERE, self.intake)
        self.events = EventLoggingObserver.createWithCleanup(cast(Any, self), globalLogPublisher)

    def answer(self, *lines, since="x.1", index="x.2") -> None:
        """An answer to a follower with these lines; `since` None: it tells everything."""
        if self.subscription.connection is None:
            self.connection = Answering(self.network)
            Deferred.fromCoroutine(self.subscription.run(cast(Any, self.connection)))
        self.connection.answer("".join(lines), since, index)
        self.network.settle()

    def names(self):
        records = self.index.records(self.network.seconds())
        return sorted(record.name for record in records if (record.host, record.port) == THERE)

    def pieces(self, sha256=ONE):
        return set(members(self.subscription.parts[sha256].pieces))


class Answers(Case):
    """Changes made by each answer."""

    def test_files_come_change_and_go(self) -> None:
        self.answer(record("a"), record("b"), since=None, index="x.1")
        self.assertEqual((self.names(), self.subscription.since), (["a.txt", "b.txt"], "x.1"))
        self.answer(record("c"), record("b", TWO), "-\ta\ttxt\n")
        self.assertEqual((self.names(), self.subscription.since), (["b.txt", "c.txt"], "x.2"))
        [changed] = self.index.holders_of("b.txt", 0)
        self.assertEqual(changed.sha256, TWO)

    def test_records_of_the_peer_get_its_address_and_the_full_ttl(self) -> None:
        """Host and TTL in the record are ignored: the peer lists its own files."""
        self.answer(record("a", ttl=5, host="127.0.0.1"), since=None)
        self.assertEqual(self.index.holders_of("a.txt", 0), [IndexRecord("a.txt", "Title", *THERE, TTL, 10, ONE, "")])

    def test_a_whole_index_replaces_the_former(self) -> None:
        self.answer(record("a"), record("b"), have("1-3"), since=None)
        self.answer(record("c"), have("2", TWO), since=None, index="y.1")
        self.assertEqual((self.names(), self.subscription.since), (["c.txt"], "y.1"))
        self.assertEqual(set(self.subscription.parts), {TWO})

    def test_an_empty_one_says_that_all_is_still_there(self) -> None:
        self.answer(record("a"), since=None)
        self.network.advance(TTL - 1)
        self.answer()
        self.network.advance(TTL - 1)
        self.assertEqual(self.names(), ["a.txt"])
        self.network.advance(1)
        self.assertEqual(self.names(), [])

    def test_pieces_of_an_unfinished_file_add_up_until_it_is_complete(self) -> None:
        self.answer(have("0-1,4"), have("7", TWO), since=None)
        self.answer(have("5"))
        self.assertEqual((self.pieces(), self.pieces(TWO)), ({0, 1, 4, 5}, {7}))
        self.answer(record("a"))
        self.assertEqual((set(self.subscription.parts), self.names()), ({TWO}, ["a.txt"]))

    def test_changes_are_published(self) -> None:
        self.answer(record("a"), "-\tb\ttxt\n", have("3"))
        [(address, changes)] = self.on_changes
        expected = [IndexRecord("a.txt", "Title", *THERE, TTL, 10, ONE, ""), Removed("b.txt")]
        self.assertEqual((address, changes), (THERE, [*expected, Have(ONE, 9 * MIN_PIECE, ((3, 3),))]))

    def test_an_answer_without_a_version_is_followed_by_a_whole_index(self) -> None:
        self.answer(index="x.5")
        self.answer(index=None)
        self.assertEqual(self.subscription.since, INITIAL_VERSION)

    def test_an_answer_without_following_lists_every_unfinished_file(self) -> None:
        """A file that was given up is not listed any more, so its known pieces are removed."""
        self.answer(have("1"), have("2", TWO), since=None)
        asked = Answering(self.network)
        Deferred.fromCoroutine(self.subscription.fetch(cast(Any, asked), lambda size: None))
        asked.answer(have("3", TWO), "x.2", "x.3")
        self.assertEqual(set(self.subscription.parts), {TWO})
        self.assertEqual(self.pieces(TWO), {3})


class Hostile(Case):
    """Answers that are not what they should be cost little, and what is right in them counts."""

    def test_invalid_lines(self) -> None:
        bad = [
            "\n",
            "\t\n",
            "-\n",
            "-\t\t\n",
            "-\ta\ttxt\tmore\n",
            "-\t\x07\t\n",
            "have\n",
            "\xff\xfe\n",
            "x" * 10**6,
            "\n",
        ]
        bad += [have(p) for p in ("", "x", "-1", "5-1", "1,1", "1-2,3", "+1", "4294967296", "0-4294967296")]
        bad += [have("1", sha) for sha in ("", "1" * 63, "1" * 65, "A" * 64)]
        bad += [have("1", size=size) for size in ("", -1, "1_0", 2**63)]
        bad += [record("a", port=0), record("a", ttl=TTL + 1), record("a", "x"), record("a\ta")]
        self.answer(*bad, record("good"), have("1", TWO), since=None)
        self.assertEqual((self.names(), set(self.subscription.parts)), (["good.txt"], {TWO}))
        [event] = [event for event in self.events if "bad" in event]
        self.assertGreater(event["bad"], 20)

    def test_pieces_beyond_the_end_of_the_file(self) -> None:
        self.answer(have("0,8-4294967295"))
        self.assertEqual(self.pieces(), {0, 8})
        self.answer(have("8-100000", size=2**60))
        self.assertEqual(self.pieces(), {0, 8}, "its size is what it was said to be first")
        self.answer(have("0-7", TWO, size=0))
        self.assertEqual(self.pieces(TWO), set())

    def test_more_lines_than_are_looked_at(self) -> None:
        """What came first counts."""
        self.patch(changes_sink, "MAX_ROWS", 3)
        self.network.servers[THERE] = ScriptedFactory(v11("".join(record(str(number)) for number in range(9))))
        cut: list[bool] = []

        async def fetch() -> None:
            connection = await dial(self.network, THERE, None, Version.V11)
            is_cut, _ = await self.subscription.fetch(connection, lambda size: None)
            cut.append(is_cut)

        Deferred.fromCoroutine(fetch())
        self.network.settle()
        self.assertEqual((self.names(), cut), (["0.txt", "1.txt", "2.txt"], [True]))

    def test_a_peer_that_is_too_fast_is_read_slowly_and_then_followed_no_longer(self) -> None:
        self.network.servers[THERE] = factory = cast(Any, ScriptedFactory(b""))
        factory.protocol, factory.network = Pushing, self.network
        ended: list[Any] = []

        async def run() -> None:
            connection = await dial(self.network, THERE, None, Version.V11)
            ended.append(await self.subscription.run(connection))

        Deferred.fromCoroutine(run())
        self.network.settle()
        self.assertEqual(self.names(), ["good.txt"])
        self.network.wait(MAX_SLOWED - 1, step=1)
        self.assertEqual((ended, self.subscription.may_follow), ([], True))
        self.network.wait(2 * MAX_PAUSE, step=1)
        self.assertEqual([type(why) for why in ended], [TooFast])
        self.assertFalse(self.subscription.may_follow)
        self.network.wait(UNFOLLOWED_TIME, step=10)
        self.assertTrue(self.subscription.may_follow)

    def test_removing_an_unknown_document_changes_nothing(self) -> None:
        self.index.put(("10.0.0.7", 7), IndexRecord("a.txt", "", "10.0.0.7", 7, TTL), 0)
        self.answer("-\ta\ttxt\n", "-\tb\ttxt\n")
        self.assertEqual(self.index.names(), ["a.txt"])


class Pushing(Protocol):
    """A server that pushes 6 000 changes a second without end."""

    def dataReceived(self, data) -> None:
        self.push()

    def push(self) -> None:
        if not self.transport.disconnected:
            body = record("good") + 6000 * "-\ta\ttxt\n"
            head = f"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: {len(body)}\nIndex: x.1\nSince: x.1\n\n"
            self.transport.write((head + body).encode())
            self.factory.network.callLater(1, self.push)


class Refusing(Protocol):
    """A server that refuses what it is asked."""

    def dataReceived(self, data) -> None:
        self.transport.write(b"403 FORBIDDEN P2P-CI/1.1\nHost: h\nOS: o\nLength: 3\n\nno\n")


class Followed(Case):
    """A peer over the network, with real files."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        made: list[Any] = []
        coroutine = make_factory(self.folder / "1", {"a.txt": b"1"}, self.network, self.network.seconds, self.network)
        Deferred.fromCoroutine(coroutine).addCallback(made.append)
        self.network.settle()
        [self.factory] = made
        self.addCleanup(self.factory.content_store.library.stop)
        self.network.servers[THERE] = self.factory
        self.ended: list[Any] = []

    def follow(self) -> None:
        """Follow it over a new connection."""

        async def run() -> None:
            connection = await dial(self.network, THERE, None, Version.V11)
            await self.subscription.run(connection)

        Deferred.fromCoroutine(run()).addBoth(self.ended.append)
        self.network.settle()

    def change(self, *added, removed=()) -> None:
        for name in added:
            (self.folder / "1" / name).write_bytes(name.encode())
        for name in removed:
            (self.folder / "1" / name).unlink()
        self.factory.content_store.library.scan()
        self.network.wait(1)

    def keep(self, *pieces) -> None:
        content = Storage("big.bin", ONE, 9 * MIN_PIECE, TWO, Target(self.folder, "big.bin"))
        self.factory.content_store.parts[ONE] = content
        for piece in pieces:
            content.have.add(piece)
            self.factory.index_feed.piece_verified(content, piece, True)
        self.factory.index_feed.download_started(content)
        self.network.settle()

    def lose(self) -> None:
        """The connection breaks."""
        for connection in list(self.factory.connections):
            connection.transport.abortConnection()
        self.network.settle()

    def test_each_change_is_known_in_a_moment(self) -> None:
        self.follow()
        self.assertEqual(self.names(), ["a.txt"])
        self.change("b.txt", removed=["a.txt"])
        self.assertEqual(self.names(), ["b.txt"])
        self.keep(2, 3)
        self.assertEqual(self.pieces(), {2, 3})
        self.assertEqual(self.subscription.since, self.factory.index_feed.version)
        [found] = self.index.holders_of("b.txt", self.network.seconds())
        self.assertEqual((found.host, found.port), THERE)
        self.assertEqual(found.sha256, hashlib.sha256(b"b.txt").hexdigest())
        self.assertEqual(self.ended, [])

    def test_a_quiet_one_is_followed_on_and_its_files_stay(self) -> None:
        self.follow()
        self.network.wait(2 * TTL, step=KEEPALIVE_INTERVAL / 3)
        self.assertEqual((self.names(), self.ended), (["a.txt"], []))
        self.assertIsNotNone(self.subscription.connection)

    def test_only_changes_are_sent_after_a_break(self) -> None:
        """And unfinished files are forgotten, until they are told of again."""
        self.follow()
        self.keep(2)
        self.lose()
        self.assertEqual((self.ended, self.subscription.connection, dict(self.subscription.parts)), ([None], None, {}))
        self.assertEqual(self.names(), ["a.txt"])
        self.change("b.txt")
        self.assertEqual(self.names(), ["a.txt"])
        self.on_changes.clear()
        self.follow()
        self.assertEqual((self.names(), self.pieces()), (["a.txt", "b.txt"], {2}))
        [(_, changes)] = self.on_changes
        self.assertEqual([type(change) for change in changes], [IndexRecord, Have])

    def test_after_a_new_start_of_the_peer_everything_is(self) -> None:
        self.follow()
        self.lose()
        self.change("b.txt", removed=["a.txt"])
        self.factory.index_feed._log.epoch = "fedcba987654"
        self.follow()
        self.assertEqual(self.names(), ["b.txt"])
        self.assertEqual(self.subscription.since, self.factory.index_feed.version)

    def test_it_can_be_followed_no_longer(self) -> None:
        self.follow()
        self.subscription.close()
        self.network.settle()
        self.assertEqual((self.ended, self.subscription.connection), ([None], None))
        self.assertEqual(self.factory.connections, set())
        self.subscription.close()

    def test_a_silent_peer_is_given_up(self) -> None:
        self.network.servers[THERE] = factory = ScriptedFactory(b"")
        factory.protocol = Silent
        self.follow()
        self.network.wait(3 * client.STALL_TIMEOUT - 1, step=1)
        self.assertEqual(self.ended, [])
        self.network.wait(2, step=1)
        self.assertEqual((self.ended, self.subscription.connection), ([None], None))

    def test_ones_that_cannot_be_followed(self) -> None:
        """The connection ends; what is known of their files stays for its time."""
        self.follow()
        self.lose()
        head = b"200 OK P2P-CI/1.1\nHost: h\nOS: o\n"
        for answer in (
            b"rubbish\n\n",
            head + b"\n",
            head + b"Length: 99999999999\n\n",
            head + b"Length: 9\n\nhalf",
            b"",
        ):
            self.network.servers[THERE] = ScriptedFactory(answer)
            self.ended.clear()
            self.follow()
            self.assertEqual((self.ended, self.subscription.connection), ([None], None), answer)
        self.network.servers[THERE].protocol = Refusing
        self.ended.clear()
        self.follow()
        self.assertEqual((self.ended, self.names()), ([None], ["a.txt"]))
        self.assertEqual([event for event in self.events if event["log_level"].name in ("error", "critical")], [])
