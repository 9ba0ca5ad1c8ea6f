"""A peer with several RS: one fails in any way, and the next is asked in time; with one registry, or one for each."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import Event, Registered
from p2p_twisted.peer.peers import rs_choice, rs_pool
from p2p_twisted.peer.peers.registration import MAX_KEEPALIVE, Registration
from p2p_twisted.peer.peers.rs_choice import Rs
from p2p_twisted.peer.peers.rs_cookies import Name
from p2p_twisted.peer.peers.rs_finder import RsFinder
from p2p_twisted.rs.factory import RSFactory
from p2p_twisted.rs.trust import TrustedNetworks
from p2p_twisted.wire.address import Address
from tests.support.memory_network import Network, ScriptedFactory, Silent
from tests.support.registries import SynchronousRegistry

A, B, C = (("10.0.0.7", 65423), ("10.0.0.8", 65423), ("10.0.0.9", 65423))
PORT = 4394
FAIL_OVER = 5.0
REFUSED = b"403 FORBIDDEN P2P-CI/1.0\nHost: h\nOS: o\n\nwho are you?\n"
FULL = b"300 BAD REQUEST P2P-CI/1.0\nHost: h\nOS: o\n\nthe RS cannot write down anything now; try again later\n"


def failing() -> dict[str, Any]:
    """Servers that are no RS any more: nothing listens, the host is gone, silence, rubbish, and so on."""
    return {
        "refuses": (),
        "is a black hole": None,
        "is silent": Factory.forProtocol(Silent),
        "closes": ScriptedFactory(b""),
        "answers rubbish": ScriptedFactory(b"\x00\xff rubbish\n\n"),
        "is a web server": ScriptedFactory(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        "breaks off": ScriptedFactory(b"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: 50\n\nyou "),
        "has a full disk": ScriptedFactory(FULL),
    }


class Late(Protocol):
    """Passes what it receives on to `server`, three seconds later."""

    factory: Slow
    server: Any

    def connectionMade(self) -> None:
        self.server.makeConnection(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self.factory.network.callLater(3, self.server.dataReceived, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.server.connectionLost(reason)


class Slow(Factory):
    """The RS `factory`, which takes three seconds for each request."""

    noisy = False

    def __init__(self, network: Network, factory: Any) -> None:
        self.network = network
        self._factory = factory

    def buildProtocol(self, addr: Any) -> Any:
        made = Late()
        made.factory = self
        made.server = self._factory.buildProtocol(addr)
        return made


class Case(SynchronousTestCase):
    """`run_one` starts a Registration that may use the RS at the given addresses, the first of them drawn first."""

    def setUp(self) -> None:
        self.patch(random, "shuffle", lambda names: None)
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.network = cast(Any, Network())
        self.publisher = Publisher()
        self.published: list[Event] = []
        self.publisher.subscribe(Event, self.published.append)
        self.events = EventLoggingObserver.createWithCleanup(cast(Any, self), globalLogPublisher)

    def rs(self, *addresses: Address, ttl: int = 7200) -> SynchronousRegistry:
        """RS at `addresses` that share one registry, which is returned."""
        registry = SynchronousRegistry(ttl, self.network.seconds, lambda: 1e9 + self.network.seconds())
        for address in addresses:
            self.network.servers[address] = RSFactory(self.network, registry.store, TrustedNetworks([]))
        return registry

    def break_rs(self, address: Address, server: Any) -> None:
        self.network.servers[address] = server
        if server == ():
            del self.network.servers[address]

    def run_one(self, *addresses: Address) -> Registration:
        finder = RsFinder(self.network, addresses)
        registration = Registration(self.network, finder, PORT, self.folder, self.publisher)
        registration.startService()
        self.addCleanup(self.stop, registration)
        self.network.settle()
        return registration

    def stop(self, registration: Registration) -> None:
        if registration.running:
            registration.stopService()
            self.network.settle()

    def peers(self, registration: Registration, seconds: float = FAIL_OVER) -> Any:
        """Return the peers that an RS lists, or the Failure, within `seconds`."""
        outcome: list[Any] = []
        Deferred.fromCoroutine(registration.peers()).addBoth(outcome.append)
        self.network.settle()
        while not outcome and seconds > 0:
            self.network.wait(0.25)
            seconds -= 0.25
        self.assertEqual(len(outcome), 1, "no answer in time")
        return outcome[0]

    def logged(self, level: str = "warn") -> list[str]:
        return [formatEvent(event) for event in self.events if event["log_level"].name == level]

    def tearDown(self) -> None:
        self.assertEqual(self.logged("critical"), [], "a traceback in the log")


class OneRegistry(Case):
    """The RS share their registry, as with Redis: one cookie is enough."""

    def test_the_next_rs_answers_whatever_the_first_does(self) -> None:
        for what, server in failing().items():
            registry = self.rs(A, B)
            registration = self.run_one(A, B)
            self.assertEqual(registration.rs, A)
            self.break_rs(A, server)
            self.assertEqual(self.peers(registration), [(Network.HOST, PORT)], what)
            self.assertEqual((registration.rs, registration.registered, registration.error), (B, True, None), what)
            (record,) = registry.records()
            self.assertEqual(record.cookie, registration.cookie, what)
            self.assertEqual(registry.describe(record)["registered_count"], 1, f"{what}: registered anew")
            self.stop(registration)
            (self.folder / "cookie").unlink()

    def test_at_the_start(self) -> None:
        for what, server in failing().items():
            registry = self.rs(B)
            self.break_rs(A, server)
            registration = self.run_one(A, B)
            self.network.wait(FAIL_OVER)
            self.assertEqual((registration.rs, registration.registered, registration.error), (B, True, None), what)
            self.assertEqual(len(registry.records()), 1)
            self.stop(registration)

    def test_two_of_three_are_silent(self) -> None:
        self.rs(A, B, C)
        registration = self.run_one(A, B, C)
        self.break_rs(A, None)
        self.break_rs(B, Factory.forProtocol(Silent))
        self.peers(registration)
        self.assertEqual(registration.rs, C)

    def test_the_pace_of_keep_alives_goes_on(self) -> None:
        registry = self.rs(A, B, ttl=40)
        registration = self.run_one(A, B)
        self.break_rs(A, None)
        for _ in range(200):
            self.network.wait(1)
            self.assertTrue(registry.records()[0].active)
        self.assertEqual((registration.rs, len(registry.records())), (B, 1))
        (line,) = self.logged()
        self.assertEqual(line, "RS 10.0.0.7:65423: no connection within 2 s; asking 10.0.0.8:65423")

    def test_it_leaves_at_the_other(self) -> None:
        registry = self.rs(A, B)
        registration = self.run_one(A, B)
        self.break_rs(A, ())
        self.stop(registration)
        self.assertFalse(registry.records()[0].active)

    def test_the_restart_of_a_peer_at_the_other_rs(self) -> None:
        registry = self.rs(A, B)
        self.stop(self.run_one(A, B))
        registration = self.run_one(B, A)
        self.assertEqual(registration.rs, B)
        self.assertEqual([record.cookie for record in registry.records()], [registration.cookie])

    def test_it_returns_to_its_first_rs_after_a_while(self) -> None:
        registry = self.rs(A, B)
        registration = self.run_one(A, B)
        back = self.network.servers[A]
        self.break_rs(A, ())
        self.peers(registration)
        self.network.servers[A] = back
        self.network.wait(rs_choice.MIN_AWAY - 10, step=5)
        self.assertEqual(registration.rs, B, "it does not return at once")
        self.network.wait(rs_choice.MAX_AWAY - rs_choice.MIN_AWAY + 2 * MAX_KEEPALIVE, step=5)
        self.assertEqual((registration.rs, registration.registered, registration.error), (A, True, None))
        self.assertEqual(len(registry.records()), 1)
        self.assertIn("RS 10.0.0.7:65423 answers again: it is used again", self.logged("info"))

    def test_its_first_rs_stays_away(self) -> None:
        self.rs(A, B)
        registration = self.run_one(A, B)
        self.break_rs(A, None)
        self.peers(registration)
        self.network.wait(3 * rs_choice.MAX_AWAY, step=5)
        self.assertEqual((registration.rs, registration.registered, registration.error), (B, True, None))
        tries = [seconds for seconds, address in self.network.dialled if address == A]
        self.assertLess(len(tries), 14, "it is tried now and then only")
        self.assertEqual(len(self.logged()), 1, "one line")

    def test_addresses_near_both(self) -> None:
        self.rs(A, B)
        registration = self.run_one(A, B)
        self.break_rs(A, ())
        self.peers(registration)
        self.assertEqual(registration.pool.exchange.near, {A[0], B[0], Network.HOST})


class NoneAnswers(Case):
    """All RS fail."""

    def test_it_says_so_and_goes_on(self) -> None:
        registration = self.run_one(A, B)
        reasons = (
            "10.0.0.7:65423: Connection was refused by other side; 10.0.0.8:65423: Connection was refused by other side"
        )
        self.assertEqual(registration.error, f"none of 2 RS answers: {reasons}")
        self.network.wait(30)
        self.assertEqual(len(self.logged()), 3, "one line for each RS, and one for both, not for each try")
        self.rs(A, B)
        self.network.wait(60)
        self.assertEqual((registration.registered, registration.error), (True, None))

    def test_rs_that_are_too_slow_for_the_first_timeout(self) -> None:
        """A timeout that nothing can keep grows until something does."""
        self.break_rs(A, None)
        self.break_rs(B, None)
        registration = self.run_one(A, B)
        self.network.wait(60)
        assert registration.pool.choice.timeout is not None
        self.assertGreater(registration.pool.choice.timeout, rs_choice.MAX_TIMEOUT)

    def test_rs_that_always_take_three_seconds_are_used_all_the_same(self) -> None:
        registry = self.rs(A, B, ttl=40)
        for address in (A, B):
            self.network.servers[address] = Slow(self.network, self.network.servers[address])
        registration = self.run_one(A, B)
        self.network.wait(30)
        self.assertEqual((registration.registered, registration.error), (True, None))
        failed = len(self.logged())
        for _ in range(300):
            self.network.wait(1)
            self.assertTrue(registry.records()[0].active)
        self.assertEqual(len(self.logged()), failed, "it does not leave them again and again")

    def test_an_rs_that_grants_each_register_and_no_keep_alive(self) -> None:
        granted = b"200 OK P2P-CI/1.0\nHost: h\nOS: o\n\ncookie:4\n"
        self.break_rs(A, ScriptedFactory(lambda said: granted if said.startswith(b"Register") else REFUSED))
        self.rs(B)
        registration = self.run_one(A, B)
        self.network.wait(FAIL_OVER)
        self.assertEqual((registration.rs, registration.registered), (B, True))


class OneRegistryEach(Case):
    """The RS know nothing of one another: the peer has a cookie for each, and loses none."""

    def setUp(self) -> None:
        super().setUp()
        self.first, self.second = self.rs(A), self.rs(B)

    def test_a_cookie_of_its_own_and_the_first_is_kept(self) -> None:
        registration = self.run_one(A, B)
        cookie, server = registration.cookie, self.network.servers[A]
        self.break_rs(A, ())
        self.assertEqual(self.peers(registration), [(Network.HOST, PORT)])
        self.assertEqual((registration.rs, registration.registered), (B, True))
        (record,) = self.second.records()
        self.assertNotEqual(record.cookie, cookie)
        self.assertEqual(registration.cookie, record.cookie)
        self.stop(registration)
        self.network.servers[A] = server
        again = self.run_one(A, B)
        self.assertEqual((again.rs, again.cookie), (A, cookie))
        self.assertEqual((len(self.first.records()), len(self.second.records())), (1, 1))
        self.assertEqual([event for event in self.published if event == Registered(B)], [Registered(B)])

    def test_only_the_first_time_a_wrong_cookie_is_shown(self) -> None:
        self.stop(self.run_one(A, B))
        self.stop(self.run_one(B, A))
        guesses = self.network.servers[B].guesses
        counted = guesses.wrong(Network.HOST, 1000, self.network.seconds(), True).wrong
        for _ in range(5):
            self.stop(self.run_one(A, B))
            self.stop(self.run_one(B, A))
        self.assertEqual(guesses.wrong(Network.HOST, 1000, self.network.seconds(), True).wrong, counted)
        self.assertEqual((len(self.first.records()), len(self.second.records())), (1, 1))


class Finds(Case):
    """Names whose addresses change."""

    class Finder:
        names: Sequence[Name] = [("rs.example", 65423)]
        may_change = True
        nothing = "no address is known for this host name"

        def __init__(self, *found: list[Address]) -> None:
            self.found = list(found)

        async def find(self) -> list[Rs]:
            found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
            return [Rs("rs.example", port, host) for host, port in found]

    def run_found(self, *found: list[Address]) -> Registration:
        registration = Registration(self.network, self.Finder(*found), PORT, self.folder, self.publisher)
        registration.startService()
        self.addCleanup(self.stop, registration)
        self.network.settle()
        return registration

    def test_a_name_without_addresses(self) -> None:
        registration = self.run_found([], [A])
        self.assertEqual(
            (registration.rs, registration.error), (("rs.example", 65423), "no address is known for this host name")
        )
        self.rs(A)
        self.network.wait(3)
        self.assertTrue(registration.registered)

    def test_an_rs_that_has_moved(self) -> None:
        registry = self.rs(A, B)
        registration = self.run_found([A], [B])
        self.break_rs(A, ())
        self.network.wait(rs_pool.MIN_LOOK_UP_INTERVAL + 1)
        self.assertEqual(self.peers(registration), [(Network.HOST, PORT)])
        self.assertEqual(registration.pool.choice.current, Rs("rs.example", B[1], B[0]))
        self.assertEqual(len(registry.records()), 1)

    def test_another_rs_is_known_in_time(self) -> None:
        self.rs(A, B)
        registration = self.run_found([A], [A, B])
        self.network.wait(rs_pool.LOOK_UP_INTERVAL + MAX_KEEPALIVE * 1.3, step=5)
        self.assertEqual(len(registration.pool.choice.known), 2)
        self.break_rs(A, None)
        self.peers(registration)
        self.assertEqual(registration.pool.choice.current, Rs("rs.example", B[1], B[0]))
