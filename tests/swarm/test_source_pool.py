"""Sources that cannot be reached, are silent, or were suspended; and more of them than may be connected at once."""

from __future__ import annotations

from pathlib import Path
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.net.errors import FetchError, Stalled, Unreachable
from p2p_twisted.swarm.errors import PeersFailed
from p2p_twisted.swarm.snubbing import Snubbing
from p2p_twisted.swarm.source_pool import MAX_CONNECTED, TRIED_AT_ONCE, SourcePool
from p2p_twisted.wire.messages import GetNext
from p2p_twisted.wire.ranges import from_ranges, members
from tests.support.fake_sources import Document, FakeConnection, FakeSource, RunningSwarm, is_document
from tests.support.inline_reactor import InlineReactor

REFUSED = Unreachable("connection refused")


class TestOneOfTwoThatHadItFromTheStart(TestCase):
    """The RS and the downloaders do not know that the other one is gone."""

    def test_the_other_gives_all_of_it_each_piece_to_one_downloader(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        document = Document(40)
        gone, there = FakeSource(1, [document]), FakeSource(2, [document])
        gone.refuses_to_connect = Unreachable("10.0.0.1:1: connection refused")
        swarm = RunningSwarm(folder, [document], [there, gone])
        swarm.serve()
        self.assertEqual(swarm.completed, {document.name: None})
        self.assertTrue(is_document(folder / document.name, document))
        nexts = [message for message in there.asked if isinstance(message, GetNext)]
        named = {piece for message in nexts for piece in members(from_ranges(message.wants[0][1], 40))}
        self.assertEqual(named, set(range(40)))
        self.assertTrue(all(event.super_seeded for event in swarm.verified))


class SilentSource(FakeSource):
    """A host that does not answer: a connection to it fails after five seconds."""

    def __init__(self, reactor, port, documents) -> None:
        super().__init__(port, documents)
        self.reactor = reactor

    async def connect(self) -> FakeConnection:
        failing: Deferred[FakeConnection] = Deferred()
        self.reactor.callLater(5, failing.errback, Unreachable("timed out"))
        return await failing


class TestManyThatAreGone(TestCase):
    """More than may be connected at the same time, and one that is there, offered last."""

    def swarm(self, gone, there=None):
        """`there`: the error that connecting to the last one ends with, if any."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.document = Document(10)
        reactor = InlineReactor()
        sources = [gone(reactor, number) for number in range(1, 301)]
        self.there = FakeSource(999, [self.document])
        self.there.refuses_to_connect = there
        return RunningSwarm(folder, [self.document], [*sources, self.there], reactor)

    def refusing(self, reactor, number):
        source = FakeSource(number, [self.document])
        source.refuses_to_connect = REFUSED
        return source

    def silent(self, reactor, number):
        return SilentSource(reactor, number, [self.document])

    def test_refused_connections_cost_no_time(self) -> None:
        swarm = self.swarm(self.refusing)
        swarm.wait(1)
        self.assertEqual((swarm.ended, swarm.completed), ([None], {self.document.name: None}))

    def test_silent_hosts_hold_up_the_others_for_a_moment_only(self) -> None:
        swarm = self.swarm(self.silent)
        swarm.wait(6)
        self.assertEqual((swarm.ended, swarm.completed), ([None], {self.document.name: None}))

    def test_alone_they_are_named(self) -> None:
        swarm = self.swarm(self.refusing, REFUSED)
        swarm.wait(10)
        error = swarm.completed[self.document.name]
        self.assertIsInstance(error, PeersFailed)
        self.assertRegex(str(error), r"(10\.0\.0\.1:\d+: connection refused; ){5}and 296 more$")


class TestPlaces(TestCase):
    """The order of connections and their maximum number."""

    def setUp(self) -> None:
        self.clock = InlineReactor()
        self.dialled = []
        self.sources = {}

    async def connect(self, address):
        self.dialled.append(address)
        return await self.sources.setdefault(address, FakeSource(address[1], [])).connect()

    def pool(self, rank=lambda address: 0, is_seed=lambda address: True):
        pool = SourcePool(self.clock, self.connect, rank, is_seed, Random(1), Publisher())
        self.addCleanup(pool.close)
        return pool

    def add(self, pool, number) -> None:
        """Add a source, and keep it connected as a swarm does."""
        source = pool.add(("10.0.0.1", number))
        Deferred.fromCoroutine(self.use(pool, source)).addErrback(self.fail)

    async def use(self, pool, source) -> None:
        while source.banned is None and not source.closed:
            try:
                await pool.connect(source)
                why = await source.lost
            except FetchError as e:
                why = e
            pool.lost(source, why)

    def test_one_of_each_network_before_a_second_of_any(self) -> None:
        pool = self.pool()
        for number in range(MAX_CONNECTED + 5):
            self.add(pool, number)
        pool.add(("10.9.9.9", 1))
        other = pool[("10.9.9.9", 1)]
        Deferred.fromCoroutine(self.use(pool, other)).addErrback(self.fail)
        pool.ban(pool["10.0.0.1", 0], Unreachable("x"))
        self.assertEqual(self.dialled[-1], ("10.9.9.9", 1))

    def test_more_are_tried_while_none_of_them_sends(self) -> None:
        pool = self.pool()
        for number in range(MAX_CONNECTED + 2 * TRIED_AT_ONCE):
            self.add(pool, number)
        pool.widen()
        self.assertEqual(len(self.dialled), MAX_CONNECTED + TRIED_AT_ONCE)
        pool.narrow()
        pool.ban(pool["10.0.0.1", 0], Unreachable("x"))
        self.assertEqual(len(self.dialled), MAX_CONNECTED + TRIED_AT_ONCE)

    def test_silent_ones_are_snubbed_only_where_others_wait_for_their_places(self) -> None:
        pool = self.pool()
        snubbing = Snubbing(self.clock, pool, Publisher())
        for number in range(MAX_CONNECTED + 1):
            if number == MAX_CONNECTED:
                self.assertEqual(snubbing.snub_silent(0.5), [], "slow ones of few are left alone")
            self.add(pool, number)
            pool["10.0.0.1", number].outstanding = {number: None}
            self.clock.advance(1)
        snubbed = snubbing.snub_silent(0.5)
        self.assertEqual([source.address[1] for source in snubbed], list(range(MAX_CONNECTED + 1)))
        self.assertTrue(all(source.snubbed for source in snubbed))
        self.assertEqual(snubbing.snub_silent(0.5), [])

    def test_connections_are_bounded_and_a_ban_makes_room(self) -> None:
        pool = self.pool()
        for number in range(MAX_CONNECTED + 5):
            self.add(pool, number)
        self.assertEqual(len(self.dialled), MAX_CONNECTED)
        pool.ban(pool["10.0.0.1", 0], REFUSED)
        self.assertEqual(self.dialled[MAX_CONNECTED:], [("10.0.0.1", MAX_CONNECTED)])

    def test_the_likeliest_of_those_that_wait(self) -> None:
        pool = self.pool(rank=lambda address: address[1] % 2)
        for number in range(MAX_CONNECTED + 6):
            self.add(pool, number)
        for number in range(3):
            pool.ban(pool["10.0.0.1", number], REFUSED)
        self.assertEqual([port % 2 for _, port in self.dialled[MAX_CONNECTED:]], [0, 0, 0])

    def test_a_source_that_was_given_up_is_still_tried_now_and_then(self) -> None:
        pool = self.pool()
        address = "10.0.0.1", 1
        source = self.sources[address] = FakeSource(1, [])
        source.refuses_to_connect = REFUSED
        self.add(pool, 1)
        for _ in range(20):
            self.clock.advance(1)
            pool.tick()
        self.assertFalse(pool.is_hopeful(address))
        self.assertLess(len(self.dialled), 8)
        source.refuses_to_connect = None
        for _ in range(20):
            self.clock.advance(1)
            pool.tick()
        self.assertEqual(pool[address].state, "connected")

    def test_a_source_banned_while_it_waits_is_not_connected_to(self) -> None:
        pool = self.pool()
        for number in range(MAX_CONNECTED + 2):
            self.add(pool, number)
        pool.ban(pool["10.0.0.1", MAX_CONNECTED], REFUSED)
        pool.ban(pool["10.0.0.1", 0], REFUSED)
        self.assertEqual(self.dialled[MAX_CONNECTED:], [("10.0.0.1", MAX_CONNECTED + 1)])


class SlowToConnect(FakeSource):
    """A host to which a connection takes a second."""

    def __init__(self, reactor, port, documents) -> None:
        super().__init__(port, documents)
        self.reactor = reactor

    async def connect(self) -> FakeConnection:
        await deferLater(self.reactor, 1)
        return await super().connect()


class TestConnectedTooLate(TestCase):
    """The swarm is over before the connection is made."""

    def test_the_connection_is_closed(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        document, reactor = Document(2), InlineReactor()
        source = SlowToConnect(reactor, 1, [document])
        swarm = RunningSwarm(folder, [document], [source], reactor)
        swarm.running.cancel()
        swarm.advance(1)
        self.assertEqual([str(connection.lost) for connection in source.connections], ["closed by this side"])
        self.assertEqual((len(swarm.ended), swarm.completed, source.asked), (1, {}, []))
        self.assertEqual(reactor.getDelayedCalls(), [])


class TestSuspended(TestCase):
    """The process of a source is stopped, and goes on after more than a minute."""

    def test_it_is_a_source_again(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        document = Document(10)
        source = FakeSource(1, [document])
        swarm = RunningSwarm(folder, [document], [source])
        source.answer(2)
        source.serves = False
        for second in range(70):
            if second % 20 == 19:
                source.lose(Stalled("nothing came for 20 s"))  # as a connection to it does
            swarm.wait(1)
        self.assertEqual(swarm.ended, [])
        source.serves = True
        swarm.wait(3)
        self.assertEqual((swarm.ended, swarm.completed), ([None], {document.name: None}))
        self.assertIsInstance(source.connection, FakeConnection)
