"""Discovery of peers and documents, over a network in memory, with peers that are well, away, slow or hostile."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import Event, PeerGone, PeerSeen
from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.net import client
from p2p_twisted.net import connect as dialing
from p2p_twisted.net.client import ClientConnection
from p2p_twisted.net.errors import FetchError, Unreachable
from p2p_twisted.peer.peers import arrivals, circle, directory, following, rounds, waiting
from p2p_twisted.peer.peers.arrivals import Arrivals
from p2p_twisted.peer.peers.discovery import Discovery
from p2p_twisted.peer.peers.index_subscription import IndexSubscription
from p2p_twisted.peer.peers.neighbours import SMALL
from p2p_twisted.peer.peers.registration import Registration
from p2p_twisted.peer.peers.rs_choice import Rs
from p2p_twisted.peer.peers.rs_finder import RsFinder
from p2p_twisted.peer.peers.unfinished import MAX_TOTAL
from p2p_twisted.peer.serving import protocol
from p2p_twisted.peer.serving.protocol import PeerConnection
from p2p_twisted.rs.factory import RSFactory
from p2p_twisted.rs.protocol import RSConnection
from p2p_twisted.rs.trust import TrustedNetworks
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.messages import Hello, PQuery, Version
from tests.support.memory_network import Network, ScriptedFactory, Silent
from tests.support.peer_server import connect, make_factory
from tests.support.registries import SynchronousRegistry

RS = ("10.0.0.9", 65423)
PORT = 4394
SELF = (Network.HOST, PORT)
HEAD_10 = b"200 OK P2P-CI/1.0\nHost: h\nOS: o\n\n"
SHA = b"ab" * 32
MANY = SMALL - 4
"""Silent peers, more than are asked at the same time."""


def at(number):
    """The address of the peer of that number."""
    return f"10.0.1.{number}", 4000 + number


def line(name, address=None, ttl=7200, more=b""):
    """An index record, by default of the peer that sends it (the first)."""
    host, port = address or at(1)
    return b"%s\ttxt\tTitle\t%s\t%d\t%d%s\n" % (name.encode(), host.encode(), port, ttl, more)


def v11(body, more=b""):
    """An answer in 1.1."""
    return b"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: %d\n%s\n%s" % (len(body), more, body)


class Dripping(Protocol):
    """A server with a very long index, of which there is always some more."""

    def dataReceived(self, data) -> None:
        self.transport.write(b"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: 250000000\n\n")
        self.drip()

    def drip(self) -> None:
        if not self.transport.disconnected:
            self.transport.write(b"x" * client.MIN_PROGRESS)
            self.factory.network.callLater(client.STALL_TIMEOUT - 1, self.drip)


class Case(SynchronousTestCase):
    """A Discovery with a real RS; `peer` and `fake` put others onto the network and into the RS's list."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.network = cast(Any, Network())
        self.registry = SynchronousRegistry(10**6, self.network.seconds, self.network.seconds)
        self.network.servers[RS] = RSFactory(self.network, self.registry.store, TrustedNetworks([]))
        self.index = DistributedIndex()
        self.publisher = Publisher()
        self.published: list[Event] = []
        self.publisher.subscribe(Event, self.published.append)
        self.registration = Registration(self.network, RsFinder(self.network, [RS]), PORT, self.folder, self.publisher)
        self.discovery = Discovery(self.network, self.registration, self.index, self.network.seconds, self.publisher)
        self.cookies: dict[int, int] = {}
        """The cookie of each peer that was registered."""
        self.events = EventLoggingObserver.createWithCleanup(cast(Any, self), globalLogPublisher)
        self.addCleanup(self.stop)

    def stop(self) -> None:
        self.discovery.stopService()
        self.network.settle()

    def tearDown(self) -> None:
        self.assertEqual([event for event in self.events if event["log_level"].name == "critical"], [])

    def start(self) -> None:
        self.discovery.startService()
        self.network.settle()

    def seen_and_gone(self):
        return [event for event in self.published if isinstance(event, PeerSeen | PeerGone)]

    def peer(self, number, **files):
        """A real peer that shares `files`."""
        return self.serve(number, self.make_peer(number, **files))

    def make_peer(self, number, **files):
        """The server of a real peer, not yet on the network."""
        made: list[Any] = []
        folder = self.folder / str(number)
        content = {f"{name}.txt": data for name, data in files.items()}
        coroutine = make_factory(folder, content, self.network, self.network.seconds, self.network)
        Deferred.fromCoroutine(coroutine).addCallback(made.append)
        self.network.settle()
        made[0].content_store.port = at(number)[1]
        self.addCleanup(made[0].content_store.library.stop)
        return made[0]

    def fake(self, number, *answers):
        """A peer that answers just that."""
        return self.serve(number, ScriptedFactory(*answers))

    def serve(self, number, factory):
        self.network.servers[at(number)] = factory
        host, port = at(number)
        record = self.registry.register(host, port, self.cookies.get(number), True)
        self.cookies[number] = record.cookie
        return factory

    def refresh(self, seconds=0):
        """One round; returns whether it is over after that time."""
        done = self.discovery.refresh()
        self.network.settle()
        if seconds:
            self.network.wait(seconds, step=1)
        return done.called

    def names(self):
        return sorted({record.name for record in self.index.records(self.network.seconds())})

    def holders(self, name):
        now = self.network.seconds()
        known = self.index.holders_of(name, now) + self.index.hearsay_of(name, now)
        return sorted((record.host, record.port) for record in known)

    def messages(self):
        return [event for event in self.events if event.get("log_namespace", "").startswith("p2p_twisted")]


class Learns(Case):
    """The normal course of things."""

    def test_records_are_learnt_from_every_peer(self) -> None:
        self.peer(1, one=b"1", both=b"the same")
        self.peer(2, two=b"22", both=b"the same")
        self.assertTrue(self.refresh())
        self.assertEqual(self.names(), ["both.txt", "one.txt", "two.txt"])
        self.assertEqual(self.holders("both.txt"), [at(1), at(2)])
        (record,) = self.index.holders_of("two.txt", self.network.seconds())
        self.assertEqual((record.size, record.ttl), (2, TTL))
        self.assertEqual(len(record.sha256 or ""), 64)
        others = [peer for peer in self.discovery.peers.values() if not peer.is_self]
        self.assertEqual([peer.address for peer in others], [at(1), at(2)])
        self.assertEqual([(peer.failures, peer.version) for peer in others], [(0, Version.V11)] * 2)

    def test_the_sites_that_peers_tell(self) -> None:
        self.peer(1, one=b"1").site = "lyon-2"
        self.peer(2, two=b"2")
        self.fake(3, HEAD_10 + line("old"))
        self.refresh()
        self.assertEqual([self.discovery.peers[at(number)].site for number in (1, 2, 3)], ["lyon-2", None, None])
        self.refresh()
        self.assertEqual(self.discovery.peers[at(1)].site, "lyon-2")

    def test_a_peer_that_comes_later(self) -> None:
        self.peer(1, one=b"1")
        self.start()
        self.assertEqual(self.names(), ["one.txt"])
        self.peer(2, two=b"2")
        self.network.wait(2 * rounds.REFRESH)
        self.assertEqual(self.names(), ["one.txt", "two.txt"])

    def test_files_that_come_and_go(self) -> None:
        factory = self.peer(1, one=b"1", two=b"2")
        self.start()
        (self.folder / "1" / "two.txt").unlink()
        (self.folder / "1" / "three.txt").write_bytes(b"3")
        factory.content_store.library.scan()
        self.network.wait(2 * rounds.REFRESH)
        self.assertEqual(self.names(), ["one.txt", "three.txt"])

    def test_records_are_learnt_from_a_1_0_peer(self) -> None:
        server = self.fake(1, HEAD_10 + line("old") + line("far", at(7), 100))
        self.assertTrue(self.refresh())
        self.assertEqual(self.names(), ["far.txt", "old.txt"])
        self.assertEqual((self.holders("old.txt"), self.holders("far.txt")), ([at(1)], [at(7)]))
        self.assertTrue(self.refresh())
        self.assertEqual(self.discovery.peers[at(1)].version, Version.V10)
        self.assertTrue(all(said.startswith(b"GET INDEX ") for said in server.received))

    def test_a_peer_is_known_by_the_address_that_the_rs_gave(self) -> None:
        """Its own address is the one at which it was reached."""
        self.fake(1, HEAD_10 + line("a", at(1)) + line("b", ("127.0.0.1", at(1)[1])))
        self.refresh()
        self.assertEqual(self.holders("a.txt"), [at(1)])

    def test_two_that_want_a_round_get_the_same(self) -> None:
        self.peer(1, one=b"1")
        rounds = [self.discovery.refresh(), self.discovery.refresh()]
        self.network.settle()
        self.assertTrue(all(done.called for done in rounds))
        self.assertEqual([address for _, address in self.network.dialled].count(at(1)), 1)

    def test_records_run_out(self) -> None:
        self.fake(1, HEAD_10 + line("near") + line("far", at(7), 100), b"")
        self.start()
        self.network.wait(rounds.REFRESH)
        self.assertEqual(self.names(), ["far.txt", "near.txt"])
        self.network.wait(200, step=1)
        self.assertEqual(self.names(), ["near.txt"])
        self.network.wait(TTL, step=10)
        self.assertEqual(self.names(), [])


class Oneself(Case):
    """The peer does not learn its own files from others."""

    def test_its_own_address_is_not_queried(self) -> None:
        self.peer(1, one=b"1")
        self.network.servers[SELF] = Factory.forProtocol(Silent)
        self.assertTrue(self.refresh())
        self.assertNotIn(SELF, [address for _, address in self.network.dialled])
        self.assertTrue(self.discovery.peers[SELF].is_self)

    def test_its_own_files_are_not_learnt_from_others(self) -> None:
        self.fake(1, HEAD_10 + line("mine", SELF) + line("theirs"))
        self.refresh()
        self.assertEqual(self.names(), ["theirs.txt"])

    def test_its_own_address_under_another_host_name(self) -> None:
        """It is told of an address that turns out to be itself."""
        self.registration.pool.exchange.seen_as = "10.9.9.9"
        self.registration.pool.exchange._advertise = "10.9.9.9"
        self.network.servers[SELF] = ScriptedFactory(HEAD_10 + line("mine", SELF))
        self.registration.cookies.counts(Rs(*RS, RS[0]), self.registry.register(*SELF, None, True).cookie)
        self.refresh()
        self.assertTrue(self.discovery.peers[SELF].is_self)
        self.assertEqual(self.seen_and_gone(), [PeerSeen(SELF), PeerGone(SELF)])
        self.assertEqual(self.names(), [])
        before = len(self.network.dialled)
        self.refresh()
        self.assertNotIn(SELF, [address for _, address in self.network.dialled[before:]])


class Away(Case):
    """The RS or a peer is not there."""

    def test_a_peer_that_is_gone_for_the_rs_too(self) -> None:
        """It is forgotten once it does not answer: the RS alone may be wrong."""
        host, port = at(1)
        record = self.registry.register(host, port, None, True)
        self.network.servers[at(1)] = ScriptedFactory(HEAD_10 + line("old"))
        self.refresh()
        self.registry.leave(record.cookie, record.port)
        self.refresh()
        self.assertEqual(self.names(), ["old.txt"])
        del self.network.servers[at(1)]
        self.refresh()
        self.refresh()
        self.assertEqual((self.names(), set(self.discovery.peers)), ([], {SELF}))
        self.assertEqual(self.seen_and_gone(), [PeerSeen(at(1)), PeerGone(at(1))])

    def test_a_peer_that_is_gone_for_us_alone(self) -> None:
        self.fake(1, HEAD_10 + line("old"))
        self.refresh()
        server = self.network.servers.pop(at(1))
        for failures in (1, 2, 3):
            self.assertTrue(self.refresh())
            self.assertEqual(self.discovery.peers[at(1)].failures, failures)
        self.assertEqual(self.names(), ["old.txt"], "its TTL has not run out")
        self.assertEqual(len([event for event in self.messages() if "refused" in str(event.get("why"))]), 1)
        self.network.servers[at(1)] = server
        self.refresh()
        self.assertEqual(self.discovery.peers[at(1)].failures, 0)

    def test_the_rs_is_away(self) -> None:
        """Known records stay, and known peers are still queried."""
        server = self.fake(1, HEAD_10 + line("old"), HEAD_10 + line("old") + line("new"))
        self.refresh()
        self.network.servers.pop(RS)
        self.assertTrue(self.refresh())
        self.assertEqual(self.names(), ["new.txt", "old.txt"])
        self.assertEqual(len(server.received), 2)

    def test_the_rs_never_was_there(self) -> None:
        self.network.servers.pop(RS)
        self.assertTrue(self.refresh())
        self.start()
        self.network.wait(300, step=1)
        self.assertEqual(self.discovery.peers, {})

    def test_the_rs_starts_again_and_knows_nobody(self) -> None:
        self.fake(1, HEAD_10 + line("old"))
        self.refresh()
        registry = SynchronousRegistry(7200, self.network.seconds, self.network.seconds)
        self.network.servers[RS] = RSFactory(self.network, registry.store, TrustedNetworks([]))
        self.refresh()
        self.assertEqual(self.names(), ["old.txt"])
        self.assertIn(at(1), self.discovery.peers)

    def test_stopped_in_the_middle_of_a_round(self) -> None:
        for server in (None, Factory.forProtocol(Silent)):
            for address in (at(1), RS):
                self.fake(1, b"")
                self.network.servers[address] = server
                self.start()
                waiting = self.discovery.refresh()
                self.network.settle()
                self.discovery.stopService()
                self.network.settle()
                self.assertTrue(waiting.called)
                before = len(self.network.dialled)
                self.network.wait(300, step=1)
                self.assertEqual(len(self.network.dialled), before)
        self.assertEqual(self.flushLoggedErrors(), [])


class Slow(Case):
    """One that hangs holds up nobody else."""

    def test_hosts_that_do_not_answer(self) -> None:
        for number in range(2, 2 + MANY):
            self.serve(number, None)
        self.peer(1, one=b"1")
        self.peer(99, late=b"2")
        self.assertTrue(self.refresh(4 * dialing.CONNECT_TIMEOUT))
        self.assertEqual(self.names(), ["late.txt", "one.txt"])

    def test_peers_that_answer_are_queried_first(self) -> None:
        for number in range(2, 2 + MANY):
            self.serve(number, None)
        server = self.fake(99, HEAD_10 + line("late"))
        self.refresh(4 * dialing.CONNECT_TIMEOUT)
        self.discovery.refresh()
        self.network.settle()
        self.assertEqual(len(server.received), 2)

    def test_servers_that_say_nothing(self) -> None:
        for number in range(2, 5):
            self.serve(number, Factory.forProtocol(Silent))
        self.peer(1, one=b"1")
        self.assertFalse(self.refresh())
        self.assertEqual(self.names(), ["one.txt"])
        self.assertTrue(self.refresh(client.STALL_TIMEOUT + 1))
        self.assertEqual([self.discovery.peers[at(number)].failures for number in range(2, 5)], [1] * 3)

    def test_an_index_that_never_ends(self) -> None:
        server = self.serve(2, Factory.forProtocol(Dripping))
        server.network = self.network
        self.peer(1, one=b"1")
        self.assertTrue(self.refresh(client.COLLECT_TIMEOUT + 1))
        self.assertEqual(self.discovery.peers[at(2)].failures, 1)
        self.assertEqual(self.names(), ["one.txt"])

    def test_a_silent_one_does_not_hold_up_who_waits(self) -> None:
        self.serve(2, Factory.forProtocol(Silent))
        self.peer(1, one=b"1")
        self.assertFalse(self.refresh())
        self.assertTrue(self.refresh(waiting.QUIET_TIMEOUT))
        self.assertEqual(self.names(), ["one.txt"])

    def test_hundreds_of_silent_ports_of_its_own_host_do_not_hold_up_a_peer(self) -> None:
        for port in range(200):
            self.registry.register(at(1)[0], 10_000 + port, None, True)
            self.network.servers[at(1)[0], 10_000 + port] = Factory.forProtocol(Silent)
        self.peer(1, one=b"1")
        done = self.discovery.refresh()
        self.network.wait(2 * waiting.QUIET_TIMEOUT)
        self.assertTrue(done.called)
        self.assertEqual(self.names(), ["one.txt"])

    def test_thousands_of_one_host_do_not_hold_up_another(self) -> None:
        for port in range(3000):
            self.registry.register("10.0.7.7", 10_000 + port, None, True)
            self.network.servers["10.0.7.7", 10_000 + port] = None
        self.peer(1, one=b"1")
        self.refresh()
        self.network.settle()
        self.assertEqual(self.names(), ["one.txt"])
        self.network.wait(2)
        self.peer(2, two=b"2")
        self.refresh()
        self.network.settle()
        self.assertEqual(self.names(), ["one.txt", "two.txt"])


class Hostile(Case):
    """Indexes that are not what they should be."""

    def test_lines_that_are_no_records(self) -> None:
        bad = [b"", b"\r", b"\t\t\t\t\t", b"a\ttxt\tt\th\t1", b"a\ttxt\tt\th\t0\t1", b"a\ttxt\tt\th\t65536\t1"]
        bad += [b"a\ttxt\tt\th\t1\t7201", b"a\ttxt\tt\th\t1\t-1", b"a\ttxt\tt\th\t1\t+1", b"\t\tt\th\t1\t1"]
        bad += [b"a\x07\ttxt\tt\th\t1\t1", b"a\ttxt\tt\x1b[2J\th\t1\t1", b"\xff\ttxt\tt\th\t1\t1\xff"]
        bad += [b"x" * 100_000, b"a\ttxt\t" + b"t" * 201 + b"\th\t1\t1", b"n" * 2000 + b"\ttxt\tt\th\t1\t1"]
        bad += [line("a", more=b"\t1\tnohash\t-").rstrip(), line("a", more=b"\t-1\t" + SHA + b"\t-").rstrip()]
        good = line("good"), line("crlf").replace(b"\n", b"\r\n"), line("last")[:-1]
        for answer in (
            HEAD_10 + b"\n".join(bad) + b"\n" + b"".join(good),
            v11(b"\n".join(bad) + b"\n" + b"".join(good)),
        ):
            self.fake(1, answer)
            self.assertTrue(self.refresh())
            self.assertEqual(self.names(), ["crlf.txt", "good.txt", "last.txt"])
            self.discovery.peers.clear()
            self.index.forget(at(1))
        self.assertLess(len(self.messages()), 10)

    def test_names_that_lead_elsewhere_are_only_names(self) -> None:
        self.fake(1, HEAD_10 + line("../../etc/passwd") + line("/etc/passwd") + line("C:\\x"))
        self.assertTrue(self.refresh())

    def test_a_refusal_and_rubbish(self) -> None:
        for answer in (
            v11(b"no\n").replace(b"200 OK", b"403 FORBIDDEN"),
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"\x00" * 70000,
            b"",
        ):
            self.fake(1, answer)
            self.assertTrue(self.refresh())
            self.assertEqual(self.discovery.peers[at(1)].failures, 1)
            self.discovery.peers.clear()

    def test_a_length_that_is_too_great(self) -> None:
        self.fake(1, b"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: 999999999999\n\n" + line("x"))
        self.assertTrue(self.refresh())
        self.assertEqual(self.discovery.peers[at(1)].failures, 1)

    def test_invalid_changes(self) -> None:
        """A peer of 1.1 whose second answer, changes, is as bad."""
        bad = b"\n".join([b"x"] * 10_000 + [b"-\ta", b"-\t\t", b"have\tx\t1\t0", b"have\t%s\t-1\t0" % SHA]) + b"\n"
        bad += b"have\t%s\t100\t%s\n" % (SHA, b"5-1") + b"have\t%s\t100\t1-0,7\n" % SHA + b"-\tnever\ttxt\n"
        self.fake(
            1, v11(line("a"), b"Index: x.1\n"), v11(bad + line("b", more=b"\t1\t" + SHA + b"\t-"), b"Index: x.2\n")
        )
        self.refresh()
        self.refresh()
        self.assertEqual(self.names(), ["b.txt"])
        self.assertLess(len(self.messages()), 20)

    def test_pieces_without_end(self) -> None:
        """It says that it has all of the four thousand million pieces of a huge file, again and again."""
        lines = b"".join(b"have\t%064x\t9223372036854775807\t0-4294967296\n" % number for number in range(200))
        lines += b"".join(b"have\t%064x\t%d\t0-4294967296\n" % (number, 2**42) for number in range(200))
        self.fake(1, v11(b"", b"Index: x.1\n"), v11(lines, b"Index: x.2\nSince: x.1\n"))
        self.refresh()
        self.refresh()
        parts = self.discovery.peers[at(1)].subscription.parts
        self.assertLessEqual(sum(len(part) for part in parts.values()), MAX_TOTAL)
        self.assertTrue(parts)

    def test_a_list_of_peers_that_is_too_long(self) -> None:
        lines = b"".join(b"10.2.%d.%d 5000\n" % (number // 250, number % 250 + 1) for number in range(15_000))
        answers = {b"P": HEAD_10 + lines, b"R": HEAD_10 + b"cookie:4\n", b"K": HEAD_10 + b"TTL is 7200 seconds\n"}
        self.network.servers[RS] = ScriptedFactory(lambda said: answers[said[:1]])
        self.refresh()
        self.network.wait(5)
        self.assertTrue(SMALL <= len(self.seen_and_gone()) / 2 <= 2 * SMALL + circle.MAX_MET)  # a sample was tried


class Arrives(Case):
    """A peer that is new says Hello to the others, and they ask it at once."""

    def setUp(self) -> None:
        super().setUp()
        self.peer(1, one=b"1")
        self.start()
        self.network.wait(2 * rounds.REFRESH)
        self.server = self.network.servers[SELF] = self.make_peer(0)
        self.server.arrivals = Arrivals(self.network.seconds, self.discovery.vouching.is_listed, self.discovery.arrived)

    def newcomer(self, number, **files):
        """A peer that registers now, and asks everybody once."""
        self.peer(number, **files)
        network = self.network
        self.addCleanup(setattr, network, "HOST", Network.HOST)
        network.HOST = at(number)[0]
        publisher = Publisher()
        finder = RsFinder(network, [RS])
        registration = Registration(network, finder, at(number)[1], self.folder / str(number), publisher)
        registration.cookies.counts(Rs(*RS, RS[0]), self.cookies[number])
        other = Discovery(network, registration, DistributedIndex(), network.seconds, publisher)
        other.startService()
        self.addCleanup(other.stopService)
        network.settle()
        network.HOST = Network.HOST
        network.wait(1)
        return other

    def hello(self, source, host, port, wait=1):
        """The answer to a Hello from `source` whose Host line says `host`."""
        connection, transport = connect(self.server, source)
        connection.dataReceived(f"Hello NULL P2P_DI_1.1\nHost {host}\nOS o\n\nport:{port}\n".encode())
        self.network.wait(wait, step=wait / 4)
        return transport.received()

    def test_it_is_known_within_a_second(self) -> None:
        self.newcomer(2, two=b"2")
        self.assertEqual(self.names(), ["one.txt", "two.txt"])
        self.assertIsNotNone(self.discovery.peers[at(2)].subscription.connection)

    def test_each_is_greeted_once_and_does_not_greet_back(self) -> None:
        said = []
        received = PeerConnection.received
        self.patch(
            PeerConnection,
            "received",
            lambda this, request, waiting: [said.append(request.message), received(this, request, waiting)],
        )
        self.newcomer(2)
        self.network.wait(3 * rounds.REFRESH)
        hellos = [message for message in said if isinstance(message, Hello)]
        self.assertEqual(hellos, [Hello(at(2)[1])] * 2)

    def test_a_peer_that_was_away_is_contacted_again(self) -> None:
        """It may not have reached us either, and have given us up for a while."""
        said = []
        received = PeerConnection.received
        self.patch(PeerConnection, "received", lambda *a: [said.append(a[1].message), received(*a)])
        server = self.network.servers[at(1)]
        self.network.servers[at(1)] = None
        for connection in list(server.connections):
            connection.transport.abortConnection()
        self.network.wait(dialing.CONNECT_TIMEOUT)
        self.network.servers[at(1)] = server
        self.discovery.refresh()
        self.network.settle()
        self.assertEqual([message for message in said if isinstance(message, Hello)], [Hello(PORT)])

    def test_a_peer_that_lacks_hello_is_queried_and_followed(self) -> None:
        """Its connection ends with the Hello; it is not said again."""
        self.patch(protocol, "Hello", type("Unknown", (), {}))
        self.peer(3, three=b"3")
        self.discovery.refresh()
        self.network.wait(1)
        self.assertEqual(self.names(), ["one.txt", "three.txt"])
        self.assertEqual(self.discovery.peers[at(3)].failures, 0)
        self.assertIsNotNone(self.discovery.peers[at(3)].subscription.connection)

    def test_a_peer_that_is_not_followed_is_queried(self) -> None:
        self.patch(following, "MAX_FOLLOWED", 0)
        self.newcomer(2, two=b"2")
        self.assertEqual(self.names(), ["one.txt", "two.txt"])

    def test_a_peer_that_does_not_answer_is_not_remembered(self) -> None:
        answer = self.hello("10.0.1.7", "10.0.1.7", 4007)
        self.assertIn(b"200 OK", answer)
        self.assertIn(("10.0.1.7", 4007), [address for _, address in self.network.dialled])
        self.assertNotIn(("10.0.1.7", 4007), self.discovery.peers)

    def test_an_address_that_the_rs_does_not_list_is_not_dialled(self) -> None:
        """Or anybody could have any address dialled."""
        self.hello("10.0.1.7", "10.0.1.9", 22)
        self.hello("10.0.1.7", "victim.example", 22)
        dialled = {address for _, address in self.network.dialled}
        self.assertFalse(dialled & {("10.0.1.9", 22), ("victim.example", 22), ("10.0.1.7", 22)})

    def test_one_causes_at_most_one_connection(self) -> None:
        """Whatever listens at the address that it comes from, and whatever its Host line says."""
        source = "10.0.1.7"
        servers = {4007: None, 4008: Factory.forProtocol(Silent), 4009: ScriptedFactory(b"220 smtp.example\r\n")}
        self.network.servers.update({(source, port): server for port, server in servers.items()})
        for port in (*servers, 4010):
            for said in (source, "-", "0.0.0.0", "127.0.0.1", "10.0.1.9", "victim.example", at(1)[0]):
                self.network.dialled.clear()
                self.hello(source, said, port)
                self.network.wait(20)
                made = [address for _, address in self.network.dialled if address not in (RS, at(1))]
                self.assertEqual(made, [(source, port)] if said in (source, "-", "0.0.0.0") else [], (port, said))

    def test_an_address_that_the_rs_lists_is(self) -> None:
        """The address of a peer that advertises it, or is behind a translator."""
        self.peer(2, two=b"2")
        self.hello("10.0.5.5", at(2)[0], at(2)[1])
        self.assertEqual(self.names(), ["one.txt", "two.txt"])
        self.peer(3, three=b"3")
        self.hello(at(3)[0], "192.168.1.1", at(3)[1])
        self.assertEqual(self.names(), ["one.txt", "three.txt", "two.txt"])

    def test_the_rs_is_asked_for_that_one_address(self) -> None:
        asked = []
        answer = RSConnection.answer
        self.patch(
            RSConnection,
            "answer",
            lambda this, request, caller: [asked.append(request.message), answer(this, request, caller)][1],
        )
        self.peer(2)
        self.hello("10.0.5.5", *at(2))
        queries = [query for query in asked if isinstance(query, PQuery) and query.limit]
        self.assertEqual(
            [(query.limit, query.after) for query in queries],
            [(1, (at(2)[0], at(2)[1] - 1))],
        )

    def test_too_many_from_one_host_are_refused(self) -> None:
        answers = [self.hello("10.0.1.7", "10.0.1.7", 5000 + number) for number in range(12 * arrivals.WINDOW)]
        self.assertTrue(all(b"200 OK" in answer for answer in answers), "one each second")
        before = len(self.network.dialled)
        self.patch(self.network, "wait", lambda seconds, step: None)
        answers = [self.hello("10.0.1.7", "10.0.1.7", 6000 + number) for number in range(2 * arrivals.MAX_OF_HOST)]
        self.assertLessEqual(sum(b"200 OK" in answer for answer in answers), arrivals.MAX_OF_HOST)
        self.assertIn(b"403 FORBIDDEN", answers[-1])
        self.assertLessEqual(len(self.network.dialled) - before, arrivals.MAX_OF_HOST)
        self.assertIn(b"200 OK", self.hello("10.0.1.8", "10.0.1.8", 6000))

    def test_unlisted_peers_are_bounded_in_number(self) -> None:
        """Beyond that number it is asked for each, and those that it lists are known all the same."""
        self.patch(directory, "MAX_UNLISTED", 3)
        self.network.servers.update({("10.0.1.7", 5000 + number): None for number in range(9)})
        for number in range(9):
            self.hello("10.0.1.7", "10.0.1.7", 5000 + number, wait=0.01)
        self.assertEqual(sum(peer.is_listed is None for peer in self.discovery.peers.values()), 3)
        self.peer(2, two=b"2")
        self.hello(at(2)[0], *at(2))
        self.assertEqual(self.names(), ["one.txt", "two.txt"])


class Stops(Case):
    """A peer that is followed and stops is no holder any more, whatever anybody else says."""

    def setUp(self) -> None:
        super().setUp()
        self.server = self.peer(1, one=b"1")
        self.server.doStart()
        self.start()
        self.assertIsNotNone(self.discovery.peers[at(1)].subscription.connection)

    def stop_peer(self, refuses=True) -> None:
        """The server ends as one does that is stopped."""
        self.network.servers.pop(at(1))
        if not refuses:
            self.network.servers[at(1)] = None
        self.server.doStop()
        self.network.settle()

    def begin_a_round(self) -> None:
        """The next one begins only after a minute."""
        self.network.wait(5 * rounds.REFRESH)
        self.refresh()

    def break_off(self) -> None:
        for connection in list(self.server.connections):
            connection.transport.abortConnection()
        self.network.settle()

    def test_records_of_a_stopped_peer_are_removed_at_once(self) -> None:
        self.stop_peer()
        self.assertEqual(self.names(), [])
        self.assertEqual(self.discovery.peers[at(1)].failures, 1, "the RS lists it as yet")

    def test_on_a_machine_that_went_off(self) -> None:
        """It said that it stops, and then nothing answers there."""
        self.stop_peer(refuses=False)
        self.network.wait(dialing.CONNECT_TIMEOUT)
        self.assertEqual(self.names(), [])

    def test_a_peer_whose_connection_breaks_is_followed_again(self) -> None:
        self.break_off()
        self.assertEqual(self.names(), ["one.txt"])
        self.assertIsNotNone(self.discovery.peers[at(1)].subscription.connection)

    def test_a_peer_that_is_silent_for_a_while_stays_known(self) -> None:
        """It has not sent a Leave."""
        self.network.servers[at(1)] = None
        self.break_off()
        self.network.wait(dialing.CONNECT_TIMEOUT)
        self.assertEqual((self.names(), self.discovery.peers[at(1)].failures), (["one.txt"], 1))
        self.network.servers[at(1)] = self.server
        self.network.wait(3 * rounds.REFRESH)
        self.assertIsNotNone(self.discovery.peers[at(1)].subscription.connection)

    def test_a_peer_that_closes_each_connection_is_not_dialled_again_and_again(self) -> None:
        for _ in range(10):
            self.break_off()
        self.assertEqual([address for _, address in self.network.dialled].count(at(1)), 2)

        for _ in range(60):
            self.network.wait(following.REDIAL)
            self.break_off()
        times = 2 + 600 // rounds.REFRESH + 600 // following.MAX_REDIAL + 3  # it is asked each round, too
        self.assertLessEqual([address for _, address in self.network.dialled].count(at(1)), times)

    def test_one_that_is_lost_and_stops_soon_after_is_no_holder_for_long(self) -> None:
        self.begin_a_round()
        self.break_off()
        self.stop_peer()
        self.assertEqual(self.names(), ["one.txt"], "it was dialled a moment ago")
        self.network.wait(following.REDIAL)
        self.assertEqual(self.names(), [])

    def test_one_that_is_lost_as_it_is_to_be_followed(self) -> None:
        """It is dialled although it is being asked at that moment."""

        async def lost(this: IndexSubscription, connection: ClientConnection, hearsay: bool) -> FetchError:
            self.network.servers.pop(at(1))
            connection.close()
            return Unreachable("the connection was lost")

        self.begin_a_round()
        with patch.object(IndexSubscription, "run", lost):
            self.break_off()
            self.network.wait(following.REDIAL)
        self.assertEqual(self.names(), [])

    def test_nobody_is_dialled_after_the_end(self) -> None:
        self.break_off()
        self.break_off()
        self.stop()
        dialled = len(self.network.dialled)
        self.network.wait(2 * following.REDIAL)
        self.assertEqual(len(self.network.dialled), dialled)

    def test_hearsay_of_a_stopped_peer_does_not_count(self) -> None:
        self.stop_peer()
        self.fake(2, HEAD_10 + line("one", at(1), 7000) + line("two", at(2)))
        self.refresh()
        self.assertEqual(self.names(), ["two.txt"])

    def test_until_it_registers_again(self) -> None:
        [record] = [one for one in self.registry.records() if (one.host, one.port) == at(1)]
        self.stop_peer()
        self.registry.leave(record.cookie, record.port)
        self.refresh()
        self.assertNotIn(at(1), self.discovery.peers)
        host, port = at(1)
        self.registry.register(host, port, record.cookie, True)
        self.fake(2, HEAD_10 + line("one", at(1), 7000))
        self.refresh()
        self.refresh()
        self.assertEqual(self.names(), ["one.txt"])


class Backs(Case):
    """Rounds pass over those that fail, longer and longer; but not when it may be this peer that was away."""

    def dialled(self):
        return [address for _, address in self.network.dialled].count(at(1))

    def test_a_failing_peer_is_queried_at_growing_intervals(self) -> None:
        self.serve(1, None)
        self.start()
        self.network.wait(3600, step=1)
        self.assertLess(self.dialled(), 15)
        self.assertGreater(self.dialled(), 7)

    def test_all_are_asked_when_the_rs_is_back(self) -> None:
        self.fake(1, b"")
        self.start()
        self.network.wait(1800, step=1)
        rs = self.network.servers.pop(RS)
        self.network.wait(200, step=1)
        self.network.servers[RS] = rs
        before = self.dialled()
        self.network.wait(2 * rounds.REFRESH, step=1)
        self.assertGreaterEqual(self.dialled() - before, 1)

    def test_a_registration_begins_a_round(self) -> None:
        """However long it is until the next."""
        rs = self.network.servers.pop(RS)
        self.start()
        self.network.wait(10 * rounds.REFRESH, step=1)
        self.peer(1, one=b"1")
        self.network.servers[RS] = rs
        Deferred.fromCoroutine(self.registration.register())
        self.network.settle()
        self.assertEqual(self.names(), ["one.txt"])
