"""Peers that try whether others can be reached, and what a peer makes of it; over a network in memory."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import Registered
from p2p_twisted.net import connect as dialing
from p2p_twisted.peer.peers import probing
from p2p_twisted.peer.peers.index_subscription import IndexSubscription
from p2p_twisted.peer.peers.known_peer import KnownPeer
from p2p_twisted.peer.peers.probing import Prober, Reachability
from p2p_twisted.wire.errors import Forbidden
from p2p_twisted.wire.messages import Version
from tests.support.diallers import make_dialler
from tests.support.index_intake import make_intake
from tests.support.memory_network import Network, ScriptedFactory, Silent

SOURCE = "10.0.5.5"
OPEN, CLOSED, MUTE = 4001, 4002, 4003


class Tries(SynchronousTestCase):
    """Probes on behalf of others, and refusals of them."""

    def setUp(self) -> None:
        self.network = cast(Any, Network())
        self.network.servers[SOURCE, OPEN] = Factory.forProtocol(Silent)
        self.network.servers[SOURCE, MUTE] = None
        self.listed = []
        self.prober = Prober(make_dialler(self.network), self.network.seconds, self.is_listed)

    async def is_listed(self, address):
        return address in self.listed

    def probe(self, source=SOURCE, said=SOURCE, port=OPEN):
        outcome: list[Any] = []
        Deferred.fromCoroutine(self.prober.probe(source, said, port)).addBoth(outcome.append)
        self.network.wait(dialing.CONNECT_TIMEOUT)
        return outcome[0]

    def test_a_port_that_is_open(self) -> None:
        self.assertEqual(self.probe(), "10.0.5.5:4001 can be reached")

    def test_ports_that_are_not(self) -> None:
        self.assertIn("10.0.5.5:4002 cannot be reached: Connection was refused", self.probe(port=CLOSED))
        self.assertIn("10.0.5.5:4003 cannot be reached: ", self.probe(port=MUTE))

    def test_an_address_that_the_rs_lists(self) -> None:
        self.listed.append(("10.0.9.9", OPEN))
        self.assertIn("10.0.9.9:4001 cannot be reached", self.probe(said="10.0.9.9"))

    def test_no_other_address_is_connected_to(self) -> None:
        for said in ("10.0.9.9", "victim.example", "127.0.0.1", "-", "::1"):
            self.network.dialled.clear()
            self.assertEqual(self.probe(said=said), "10.0.5.5:4001 can be reached")
            self.assertEqual([address for _, address in self.network.dialled], [(SOURCE, OPEN)], "one for each probe")

    def test_too_many(self) -> None:
        outcomes: list[Any] = []
        for _ in range(2 * probing.MAX_PROBES_OF_HOST):
            Deferred.fromCoroutine(self.prober.probe(SOURCE, SOURCE, MUTE)).addBoth(outcomes.append)
        self.assertEqual(len(outcomes), probing.MAX_PROBES_OF_HOST)
        self.assertTrue(all(outcome.check(Forbidden) for outcome in outcomes))
        for host in range(100):
            source = f"10.0.6.{host}"
            self.network.servers[source, MUTE] = None
            Deferred.fromCoroutine(self.prober.probe(source, source, MUTE)).addBoth(outcomes.append)
        self.assertEqual(len(self.network.dialled), probing.MAX_PROBES)
        self.network.wait(dialing.CONNECT_TIMEOUT + 10)
        self.assertEqual(self.probe(), "10.0.5.5:4001 can be reached")


class AtTheRS:
    """The part of a Registration that Reachability uses."""

    registered = True
    seen_as = SOURCE
    port = OPEN


def answer(line):
    body = f"{line}\n".encode()
    return b"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: %d\n\n%s" % (len(body), body)


YES, NO = answer(f"{SOURCE}:{OPEN} can be reached"), answer(f"{SOURCE}:{OPEN} cannot be reached: Connection refused")
UNKNOWN = b"300 BAD_REQUEST P2P-CI/1.1\nHost: h\nOS: o\nLength: 4\n\nwhat"


class FindsOut(SynchronousTestCase):
    """The result of probes by other peers."""

    def setUp(self) -> None:
        self.network = cast(Any, Network())
        self.peers = []
        self.registration = cast(Any, AtTheRS())
        self.dialler = make_dialler(self.network)
        self.publisher = Publisher()
        self.reachability = Reachability(self.dialler, self.registration, lambda: self.peers, self.publisher)
        self.events = EventLoggingObserver.createWithCleanup(cast(Any, self), globalLogPublisher)

    def witnesses(self, *answers) -> None:
        for number, one in enumerate(answers, 1):
            address = f"10.0.1.{number}", 4000
            self.network.servers[address] = ScriptedFactory(one)
            self.dialler.proven.put(address, Version.V11)
            subscription = IndexSubscription(address, make_intake(self.network))
            self.peers.append(KnownPeer(address, subscription, version=Version.V11))

    def look(self):
        self.reachability.look()
        self.network.settle()
        return self.reachability.is_reachable

    def test_nobody_is_there_to_try(self) -> None:
        self.assertIsNone(self.look())

    def test_it_can_be_reached(self) -> None:
        self.witnesses(YES)
        self.assertTrue(self.look())
        before = len(self.network.dialled)
        self.assertTrue(self.look())
        self.assertEqual(len(self.network.dialled), before, "that is known")

    def test_it_cannot(self) -> None:
        self.witnesses(NO, NO)
        self.assertIs(self.look(), False)
        why = self.reachability.why
        for part in ("10.0.5.5:4001 cannot be reached: Connection refused", "--advertise", "--listen"):
            self.assertIn(part, why)
        self.look()
        warnings = [event for event in self.events if event["log_level"].name == "warn"]
        self.assertEqual(len(warnings), 1, "it is said once")

    def test_one_peer_that_reaches_it_outweighs_those_that_do_not(self) -> None:
        self.witnesses(NO, YES)
        self.assertTrue(self.look())

    def test_peers_without_a_result(self) -> None:
        self.witnesses(UNKNOWN, UNKNOWN)
        self.assertIsNone(self.look())

    def test_it_is_looked_at_again_until_it_can_be(self) -> None:
        self.witnesses(NO)
        self.assertIs(self.look(), False)
        self.network.servers[self.peers[0].address] = ScriptedFactory(YES)
        self.assertTrue(self.look())
        self.assertIsNone(self.reachability.why)

    def test_a_new_registration_is_probed_again(self) -> None:
        self.witnesses(YES)
        self.look()
        self.publisher.publish(Registered(("10.0.0.9", 65423)))
        self.assertIsNone(self.reachability.is_reachable)

    def test_received_texts_are_made_printable(self) -> None:
        self.witnesses(answer("10.0.5.5:4001 cannot be reached: \x1b[2J\x07 ha"))
        self.look()
        self.assertTrue(self.reachability.why.isprintable())
