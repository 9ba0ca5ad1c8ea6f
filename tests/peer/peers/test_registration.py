"""A peer at its RS: registered, kept alive, gone again; and an RS that is away, forgets, or lies."""

from __future__ import annotations

import shutil
import tempfile
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import Event, Registered, RegistrationFailed
from p2p_twisted.net import client
from p2p_twisted.net import connect as dialing
from p2p_twisted.net.errors import FetchError, Garbled, Refused, Unreachable
from p2p_twisted.peer.peers import registration as rs_client
from p2p_twisted.peer.peers.peer_list import MAX_LISTED
from p2p_twisted.peer.peers.registration import Registration
from p2p_twisted.peer.peers.rs_finder import RsFinder
from p2p_twisted.registry.record import PROTECTED_TIME
from p2p_twisted.rs.factory import RSFactory
from p2p_twisted.rs.trust import TrustedNetworks
from p2p_twisted.wire.limits import MAX_COOKIE
from tests.support.memory_network import Network, ScriptedFactory, Silent
from tests.support.registries import SynchronousRegistry

RS = ("10.0.0.9", 65423)
PORT = 4394


def ok(body):
    """The answer of an RS of 1.0."""
    return b"200 OK P2P-CI/1.0\nHost: 10.0.0.9\nOS: Linux\n\n" + body


REFUSED = b"403 FORBIDDEN P2P-CI/1.0\nHost: 10.0.0.9\nOS: Linux\n\nwho are you?\n"
RENEWED = ok(b"you have been renewed! TTL is 7200 seconds\n")


class Case(SynchronousTestCase):
    """`run` starts a Registration in a folder that all of one test share; `rs` starts an RS."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.network = cast(Any, Network())
        self.publisher = Publisher()
        self.published: list[Event] = []
        self.publisher.subscribe(Event, self.published.append)
        self.events = EventLoggingObserver.createWithCleanup(cast(Any, self), globalLogPublisher)

    def rs(self, ttl=7200):
        """A real RS without memory of others before it; returns its registry."""
        registry = SynchronousRegistry(ttl, self.network.seconds, lambda: 1e9 + self.network.seconds())
        networks = TrustedNetworks([ip_network("10.0.0.0/24")])
        self.network.servers[RS] = RSFactory(self.network, registry.store, networks)
        return registry

    def script(self, *answers):
        """An RS that answers just that; returns what is said to it."""
        server = self.network.servers[RS] = ScriptedFactory(*answers)
        return server.received

    def silence(self) -> None:
        """An RS that takes connections and never answers."""
        self.network.servers[RS] = Factory.forProtocol(Silent)

    def make(self, **options):
        return Registration(self.network, RsFinder(self.network, [RS]), PORT, self.folder, self.publisher, **options)

    def run_one(self, **options):
        """A Registration that was started, and has had its first turn."""
        registration = self.make(**options)
        registration.startService()
        self.addCleanup(self.stop, registration)
        self.network.settle()
        return registration

    def stop(self, registration):
        """Stop it; returns whether it is over at once."""
        if not registration.running:
            return None
        done = registration.stopService()
        self.network.settle()
        return bool(done.called)

    def outcome(self, coroutine):
        """Return the result, or the Failure."""
        outcome: list[Any] = []
        Deferred.fromCoroutine(coroutine).addBoth(outcome.append)
        self.network.settle()
        self.assertEqual(len(outcome), 1)
        return outcome[0]

    def tries(self):
        """When the RS was dialled."""
        return [seconds for seconds, address in self.network.dialled if address == RS]

    def logged(self, level="warn"):
        return [event for event in self.events if event["log_level"].name == level]

    def tearDown(self) -> None:
        self.assertEqual(self.logged("critical"), [], "a traceback in the log")


class Registers(Case):
    """The cookie: got once, saved, and shown ever after."""

    def test_the_first_time(self) -> None:
        registry = self.rs()
        registration = self.run_one()
        (record,) = registry.records()
        self.assertTrue(record.active)
        self.assertEqual((record.host, record.port), (Network.HOST, PORT))
        self.assertEqual((registration.cookie, registration.registered), (record.cookie, True))
        self.assertEqual(registration.seen_as, Network.HOST)
        self.assertIsNone(registration.error)
        self.assertEqual((self.folder / "cookie").read_text(), f"10.0.0.9:65423 {record.cookie}\n")
        self.assertGreater(record.cookie, 2**31, "a 1.1 peer gets 63 bits")

    def test_a_restart_comes_back_with_its_cookie(self) -> None:
        registry = self.rs()
        first = self.run_one()
        self.assertTrue(self.stop(first))
        self.assertFalse(registry.records()[0].active)
        second = self.run_one()
        (record,) = registry.records()
        self.assertTrue(record.active)
        self.assertEqual(second.cookie, record.cookie)
        self.assertEqual(registry.describe(record)["registered_count"], 2)

    def test_a_cookie_of_another_rs_is_not_shown(self) -> None:
        registry = self.rs()
        self.assertTrue(self.stop(self.run_one()))
        saved = (self.folder / "cookie").read_text()
        (self.folder / "cookie").write_text(saved.replace("10.0.0.9", "10.0.0.8"))
        self.run_one()
        self.assertEqual(len(registry.records()), 2)

    def test_a_cookie_that_the_rs_never_gave(self) -> None:
        registry = self.rs()
        (self.folder / "cookie").write_text("10.0.0.9:65423 4\n")
        registration = self.run_one()
        (record,) = registry.records()
        self.assertEqual(registration.cookie, record.cookie)
        self.assertIn(str(record.cookie), (self.folder / "cookie").read_text())

    def test_a_file_that_holds_no_cookie(self) -> None:
        contents: tuple[bytes, ...] = (
            b"",
            b"\n",
            b"4\n",
            b"10.0.0.9:65423 -4",
            b"10.0.0.9:65423 \xd9\xa4",
            b"10.0.0.9:65423 4 4\n",
        )
        contents += (b"\xff\xfe\x00", b"10.0.0.9:65423 " + b"9" * 40, b"\0" * 100000)
        for content in contents:
            registry = self.rs()
            (self.folder / "cookie").write_bytes(content)
            registration = self.run_one()
            self.assertEqual([registration.cookie], [record.cookie for record in registry.records()], content)
            self.assertTrue(self.stop(registration))

    def test_a_cookie_that_cannot_be_saved(self) -> None:
        """It is used as long as the peer runs."""
        registry = self.rs(ttl=40)
        (self.folder / "cookie").mkdir()
        registration = self.run_one()
        self.network.wait(100)
        (record,) = registry.records()
        self.assertEqual((registration.cookie, registration.registered, record.active), (record.cookie, True, True))
        self.assertEqual(len(self.logged("error")), 1)

    def test_concurrent_callers_share_one_registration(self) -> None:
        """At the start the list of peers is asked for before the first registration is through."""
        registry = self.rs()
        registration = self.make()
        outcomes: list[Any] = []
        registration.startService()
        self.addCleanup(self.stop, registration)
        for _ in range(3):
            Deferred.fromCoroutine(registration.peers()).addBoth(outcomes.append)
        self.network.settle()
        self.assertEqual(outcomes, [[(Network.HOST, PORT)]] * 3)
        self.assertEqual([registration.cookie], [record.cookie for record in registry.records()])

    def test_a_host_that_is_advertised(self) -> None:
        registry = self.rs()
        registration = self.run_one(advertise="peer.example.org")
        self.assertEqual(registry.records()[0].host, "peer.example.org")
        self.assertEqual(registration.seen_as, "peer.example.org")

    def test_an_rs_of_1_0(self) -> None:
        received = self.script(ok(b"cookie:4\n"), RENEWED)
        registration = self.run_one()
        self.assertEqual((registration.cookie, registration.registered, registration.error), (4, True, None))
        self.assertEqual([said.split(b" ")[0] for said in received], [b"Register", b"KeepAlive"])
        self.assertTrue(received[0].endswith(b"\n\ncookie:\nport:4394\n"))
        self.assertTrue(received[1].endswith(b"\n\ncookie:4\nport:4394\n"))


class TakenPort(Case):
    """The RS keeps the port for another peer, which has renewed lately."""

    def setUp(self) -> None:
        super().setUp()
        self.registry = self.rs()
        for port in (PORT, PORT + 1):
            self.registry.register(Network.HOST, port)

    def test_the_next_port_is_taken(self) -> None:
        ports = iter((PORT + 1, PORT + 2))
        registration = self.run_one(next_port=lambda: next(ports))
        self.assertEqual((registration.registered, registration.port, registration.error), (True, PORT + 2, None))
        self.assertIn((Network.HOST, PORT + 2), self.registry.active()[0])
        self.assertEqual(self.logged(), [])

    def test_a_saved_cookie_is_kept(self) -> None:
        registration = self.make()
        registration.port = PORT + 5
        self.outcome(registration.register())
        again = self.run_one(next_port=lambda: PORT + 2)
        self.assertEqual((again.cookie, again.port), (registration.cookie, PORT + 2))
        self.assertEqual(len(self.registry.records()), 3)

    def test_a_port_that_must_stay_is_tried_again(self) -> None:
        registration = self.run_one()
        self.assertFalse(registration.registered)
        (line,) = self.logged()
        self.assertIn("has renewed lately", formatEvent(line))
        self.network.wait(PROTECTED_TIME + 75)
        self.assertEqual((registration.registered, registration.port), (True, PORT))


class KeepsAlive(Case):
    """The RS's TTL sets the pace."""

    def test_it_never_runs_out(self) -> None:
        registry = self.rs(ttl=40)
        self.run_one()
        for _ in range(400):
            self.network.wait(1)
            self.assertTrue(registry.records()[0].active)
        pauses = [later - earlier for earlier, later in pairwise(self.tries()[1:])]
        self.assertGreater(len(pauses), 20)
        self.assertTrue(all(7 <= pause <= 13 for pause in pauses), pauses)
        self.assertGreater(len(set(pauses)), 1, "no jitter: all peers of an RS that restarts would ask in step")
        self.assertEqual(registry.describe(registry.records()[0])["registered_count"], 1)

    def test_a_long_ttl(self) -> None:
        registry = self.rs(ttl=2_592_000)
        self.run_one()
        self.network.wait(2000, step=5)
        self.assertIn(len(self.tries()), range(10, 18), "each 180 s, with jitter")
        pauses = [later - earlier for earlier, later in pairwise(self.tries()[1:])]
        self.assertLess(max(pauses), PROTECTED_TIME)
        self.assertTrue(registry.records()[0].active)

    def test_an_invalid_ttl(self) -> None:
        for text in (b"TTL is 0 seconds", b"TTL is -7 seconds", b"TTL is " + b"9" * 1000 + b" seconds", b"", b"\xff"):
            self.script(ok(b"cookie:4\n"), ok(b"you have been renewed! %s\n" % text))
            registration = self.run_one()
            before = len(self.tries())
            self.network.wait(20)
            self.assertLessEqual(len(self.tries()) - before, 30, text)
            self.assertTrue(registration.registered, text)
            self.assertTrue(self.stop(registration))

    def test_an_rs_that_has_forgotten(self) -> None:
        self.rs(ttl=40)
        registration = self.run_one()
        registry = self.rs(ttl=40)
        self.network.wait(13)
        (record,) = registry.records()
        self.assertEqual((record.active, registration.cookie), (True, record.cookie))
        self.assertEqual((registration.registered, registration.error), (True, None))

    def test_an_rs_that_has_forgotten_is_asked_for_peers(self) -> None:
        self.rs()
        registration = self.run_one()
        registry = self.rs()
        self.assertEqual(self.outcome(registration.peers()), [(Network.HOST, PORT)])
        self.assertEqual([registration.cookie], [record.cookie for record in registry.records()])

    def test_a_peer_that_had_run_out(self) -> None:
        registry = self.rs(ttl=40)
        registration = self.run_one()
        self.stop(registration)
        registration = self.run_one()
        self.network.servers[RS] = None
        self.network.wait(100)
        self.assertFalse(registry.records()[0].active)
        self.network.servers[RS] = RSFactory(self.network, registry.store, TrustedNetworks([]))
        self.network.wait(90)
        (record,) = registry.records()
        self.assertEqual((record.active, record.cookie), (True, registration.cookie))


class Retries(Case):
    """An RS that is away."""

    def pauses(self):
        return [later - earlier for earlier, later in pairwise(self.tries())]

    def test_with_back_off_and_jitter(self) -> None:
        registration = self.run_one()
        self.assertFalse(registration.registered)
        self.assertIn("refused", registration.error)
        self.network.wait(600)
        pauses = self.pauses()
        for pause, base in zip(pauses, [1, 2, 4, 8, 16, 32] + [60] * 20, strict=False):
            self.assertTrue(0.75 * base <= pause <= 1.25 * base + 0.5, pauses)
        self.assertGreater(len(pauses), 10)
        self.assertEqual(len(self.logged()), 1, "one line, not one for each try")

    def test_until_it_is_there(self) -> None:
        registration = self.run_one()
        self.network.wait(5)
        registry = self.rs()
        self.network.wait(10)
        self.assertEqual((registration.registered, registration.error), (True, None))
        self.assertEqual(len(registry.records()), 1)

    def test_an_rs_that_goes_away_and_comes_back(self) -> None:
        registry = self.rs(ttl=40)
        registration = self.run_one()
        server = self.network.servers.pop(RS)
        self.network.wait(60)
        self.assertIn("refused", registration.error)
        self.network.servers[RS] = server
        self.network.wait(80)
        self.assertEqual((registration.registered, registration.error), (True, None))
        self.assertEqual([record.active for record in registry.records()], [True])
        before = len(self.tries())
        self.network.wait(60)
        self.assertGreaterEqual(len(self.tries()) - before, 4, "the back-off is over")
        failed = RegistrationFailed(RS, "Connection was refused by other side")
        self.assertEqual(self.published, [Registered(RS), failed, Registered(RS, renewed=True)])

    def test_an_rs_that_accepts_connections_and_sends_nothing(self) -> None:
        self.silence()
        registration = self.run_one()
        self.network.wait(client.STALL_TIMEOUT + 1)
        self.assertIn("next to nothing, for", registration.error)
        self.rs()
        self.network.wait(client.STALL_TIMEOUT + 5)
        self.assertTrue(registration.registered)

    def test_an_rs_behind_a_dead_link(self) -> None:
        self.network.servers[RS] = None
        registration = self.run_one()
        self.network.wait(dialing.CONNECT_TIMEOUT + 0.5)
        self.assertIsNotNone(registration.error)
        self.rs()
        self.network.wait(5)
        self.assertTrue(registration.registered)

    def test_peers_fails_and_says_why(self) -> None:
        failure = self.outcome(self.make().peers())
        self.assertIsInstance(failure, Failure)
        failure.trap(Unreachable)

    def test_an_rs_that_sends_no_peers_is_reported_until_it_does(self) -> None:
        self.rs()
        registration = self.run_one()
        server = self.network.servers.pop(RS)
        self.outcome(registration.peers()).trap(Unreachable)
        self.assertEqual((registration.registered, "refused" in registration.error), (True, True))
        self.network.servers[RS] = server
        self.outcome(registration.peers())
        self.assertIsNone(registration.error)

    def test_a_registered_peer_says_soon_that_its_rs_does_not_answer(self) -> None:
        self.rs()
        registration = self.run_one()
        self.silence()
        outcome: list[Any] = []
        Deferred.fromCoroutine(registration.peers()).addBoth(outcome.append)
        self.network.wait(rs_client.ANSWER_TIMEOUT + 0.5)
        self.assertEqual((outcome, registration.registered, registration.error), ([], True, "no answer for 2 s"))
        self.network.wait(client.STALL_TIMEOUT)
        self.assertIn("next to nothing, for", registration.error)
        self.assertIsInstance(outcome[0], Failure)
        failed = [RegistrationFailed(RS, "no answer for 2 s"), RegistrationFailed(RS, registration.error)]
        self.assertEqual(self.published, [Registered(RS), *failed])


class Leaves(Case):
    """It stops: the RS is told, if it can be, and nothing goes on."""

    def assert_nothing_goes_on(self) -> None:
        before = len(self.network.dialled)
        self.network.wait(700, step=5)
        self.assertEqual(len(self.network.dialled), before)

    def test_the_rs_gets_a_leave(self) -> None:
        registry = self.rs()
        registration = self.run_one()
        self.assertTrue(self.stop(registration))
        self.assertFalse(registry.records()[0].active)
        self.assertFalse(registration.registered)
        self.assert_nothing_goes_on()

    def test_the_rs_is_gone(self) -> None:
        self.rs()
        registration = self.run_one()
        del self.network.servers[RS]
        self.assertTrue(self.stop(registration))
        self.assert_nothing_goes_on()

    def test_the_rs_does_not_answer(self) -> None:
        for server in (None, Factory.forProtocol(Silent)):
            self.rs()
            registration = self.run_one()
            self.network.servers[RS] = server
            done = registration.stopService()
            self.network.wait(rs_client.LEAVE_TIMEOUT - 0.25)
            self.assertFalse(done.called)
            self.network.wait(0.25)
            self.assertTrue(done.called)
            self.assertIsNone(self.successResultOf(done))
            self.assert_nothing_goes_on()

    def test_it_never_was_registered(self) -> None:
        registration = self.run_one()
        self.assertTrue(self.stop(registration))
        self.assert_nothing_goes_on()

    def test_stopped_in_the_middle_of_a_request(self) -> None:
        """Dialling, registering, or renewing: it stops, and there is nothing in the log."""
        for server in (None, Factory.forProtocol(Silent)):
            for ttl in (None, 40):
                self.network.servers[RS] = server
                if ttl is not None:
                    self.rs(ttl)
                registration = self.run_one()
                self.network.servers[RS] = server
                if ttl is not None:
                    self.network.wait(15)
                done = registration.stopService()
                self.network.wait(rs_client.LEAVE_TIMEOUT)
                self.assertTrue(done.called)
                self.assert_nothing_goes_on()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_stopped_in_the_middle_of_a_request_for_peers(self) -> None:
        self.silence()
        registration = self.run_one()
        outcome: list[Any] = []
        Deferred.fromCoroutine(registration.peers()).addBoth(outcome.append)
        self.network.settle()
        done = registration.stopService()
        self.network.wait(rs_client.LEAVE_TIMEOUT)
        self.assertTrue(done.called)
        self.network.wait(2 * client.STALL_TIMEOUT)
        self.assertIsInstance(outcome[0].value, FetchError)

    def test_while_it_is_being_registered(self) -> None:
        """The RS grants what was asked of it before: then it is told that the peer leaves."""
        registry, registration, stopping = self.rs(), self.make(), []
        stop, apply = registration.stopService, registry.store.apply
        self.patch(registry.store, "apply", lambda request: [stopping.append(stop()), apply(request)][1])
        registration.startService()
        self.network.settle()
        self.assertTrue(stopping[0].called)
        self.assertEqual([record.active for record in registry.records()], [False])
        self.assert_nothing_goes_on()


class Hostile(Case):
    """An RS that answers with anything but what it should: a typed error, one line in the log, and a retry."""

    ANSWERS = {
        "nothing": b"",
        "rubbish": b"\x00\xff rubbish\n\n",
        "HTTP": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "no cookie": ok(b""),
        "an empty cookie": ok(b"cookie:\n"),
        "a negative one": ok(b"cookie:-4\n"),
        "one with a sign": ok(b"cookie:+4\n"),
        "one in other digits": ok("cookie:٤\n".encode()),
        "one that is too large": ok(b"cookie:%d\n" % (MAX_COOKIE + 1)),
        "one without its name": ok(b"4\n"),
        "two": ok(b"cookie:4\ncookie:5\n"),
        "bytes": ok(bytes(range(256)) * 100),
        "a refusal": REFUSED,
        "a refusal full of control characters": REFUSED[:-13] + b"\x1b[2J\x07\r\n",
        "a length and no more": b"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: 99999999999999\n\n",
    }

    def test_register(self) -> None:
        for what, data in self.ANSWERS.items():
            self.script(data)
            registration = self.run_one()
            self.assertFalse(registration.registered, what)
            self.assertTrue(registration.error.isprintable(), what)
            self.assertFalse((self.folder / "cookie").exists(), what)
            before = len(self.tries())
            self.network.wait(12)
            self.assertLessEqual(len(self.tries()) - before, 2 * 4, what)
            self.assertTrue(self.stop(registration))

    def test_a_keep_alive_is_refused_each_time(self) -> None:
        """And a Register granted each time: it backs off."""
        self.script(lambda said: ok(b"cookie:4\n") if said.startswith(b"Register") else REFUSED)
        registration = self.run_one()
        self.network.wait(60)
        self.assertLess(len(self.tries()), 50)
        self.assertIn("who are you?", registration.error)

    def test_the_list_of_peers(self) -> None:
        lines = b"10.0.0.1 4394\n\n10.0.0.2\n 10.0.0.3 1\n10.0.0.4 0\n10.0.0.5 65536\n10.0.0.6  7\nh\xc3\xb6st 8\n"
        lines += b"10.0.0.7 9\r\nname.example.org 10\n\x00\n::1 11\n10.0.0.8 12 13\n10.0.0.9 14"
        self.script(ok(b"cookie:4\n"), RENEWED, ok(lines))
        expected = [("10.0.0.1", 4394), ("10.0.0.7", 9), ("name.example.org", 10), ("::1", 11), ("10.0.0.9", 14)]
        self.assertEqual(self.outcome(self.make().peers()), expected)

    def test_a_list_that_is_long_and_wrong(self) -> None:
        """It costs neither memory nor a line of the log for each of its own."""
        self.script(ok(b"cookie:4\n"), RENEWED, ok(b"x\n" * 500_000))
        self.assertEqual(self.outcome(self.make().peers()), [])
        self.assertLess(len(self.events), 10)
        self.script(ok(b"10.0.0.1 1\n" * 100_000))
        registration = self.make()
        registration.registered = True
        self.assertEqual(len(self.outcome(registration.peers())), MAX_LISTED)

    def test_unexpected_errors(self) -> None:
        for answer, kind in ((REFUSED, Refused), (ok(b"no"), Garbled), (b"", Unreachable)):
            self.script(answer)
            failure = self.outcome(self.make().register())
            self.assertIsInstance(failure, Failure)
            self.assertIs(failure.type, kind)
