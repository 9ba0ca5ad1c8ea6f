"""The answer to each message, to the byte."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.registry.memory import MemoryStore
from p2p_twisted.registry.store import StoreError
from p2p_twisted.rs import protocol
from p2p_twisted.rs.limits import Limits
from tests.support.registries import RemoteStore
from tests.support.rs_server import LEFT, PATIENT, RENEWED, Rig, answer, keep_alive, request


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.rig = Rig()
        self.addCleanup(self.rig.factory.doStop)


class Version10(Case):
    """Bare LF, the client's side open, one request a connection."""

    def ask(self, data: bytes) -> bytes:
        """Return the answer, which is sent, and followed by the close, as soon as the last line is in."""
        connection, transport = self.rig.connect()
        connection.dataReceived(data[:-1])
        self.assertEqual(transport.value(), b"")
        connection.dataReceived(data[-1:])
        self.assertTrue(transport.ended)
        return transport.drain()

    def test_register(self) -> None:
        got = self.ask(request("Register", "cookie:", "port:4394"))
        (record,) = self.rig.registry.records()
        self.assertEqual(got, answer(f"cookie:{record.cookie}\n"))
        self.assertEqual((record.host, record.port), ("192.168.1.1", 4394))
        self.assertLess(record.cookie, 2**31)

    def test_register_again_with_the_cookie(self) -> None:
        cookie = self.rig.register()
        got = self.ask(request("Register", f"cookie:{cookie}", "port:4395"))
        self.assertEqual(got, answer(f"cookie:{cookie}\n"))
        self.assertEqual(self.rig.registry.active()[0], [("192.168.1.1", 4395)])

    def test_a_cookie_that_nobody_has(self) -> None:
        for message in ("Register", "Leave", "KeepAlive", "PQuery"):
            got = self.ask(request(message, "cookie:-1", "port:4394"))
            self.assertEqual(got.split(b"\n")[0], b"403 FORBIDDEN P2P-CI/1.0")
        self.assertEqual(list(self.rig.registry.records()), [])
        self.assertEqual(self.rig.factory.limit_hits["cookies"], 0)

    def test_leave(self) -> None:
        cookie = self.rig.register()
        self.assertEqual(self.ask(request("Leave", f"cookie:{cookie}", "port:4394")), answer(LEFT))
        self.assertEqual(self.rig.registry.active()[0], [])

    def test_keep_alive(self) -> None:
        cookie = self.rig.register()
        self.rig.clock.pump([1000, 1])
        self.assertEqual(self.ask(keep_alive(cookie)), answer(RENEWED))
        self.assertEqual(self.rig.registry.records()[0].ttl(self.rig.clock.seconds()), 7200)

    def test_keep_alive_tells_the_ttl_of_this_rs(self) -> None:
        self.rig = Rig(ttl=60)
        self.addCleanup(self.rig.factory.doStop)
        cookie = self.rig.register()
        body = "you have been renewed! TTL is 60 seconds\n"
        self.assertEqual(self.ask(keep_alive(cookie)), answer(body))
        self.assertEqual(
            self.ask(keep_alive(cookie).replace(b"KeepAlive NULL P2P_DI", b"KeepAlive NULL P2P-DI")), answer(body)
        )

    def test_pquery_lists_every_active_peer_with_the_caller(self) -> None:
        cookie = self.rig.register(4396)
        self.rig.register(4391)
        self.rig.register(4392, peer="10.0.0.9")
        gone = self.rig.register(4393)
        self.rig.registry.leave(gone, 4393)
        listed = answer("10.0.0.9 4392\n192.168.1.1 4391\n192.168.1.1 4396\n")
        for label in ("cookie", "port"):
            self.assertEqual(self.ask(request("PQuery", f"cookie:{cookie}", f"{label}:4396")), listed)

    def test_pquery_follows_peers_that_come_and_go(self) -> None:
        cookie = self.rig.register(1)
        query = request("PQuery", f"cookie:{cookie}", "port:1")
        self.assertEqual(self.ask(query), answer("192.168.1.1 1\n"))
        other = self.rig.register(2)
        self.assertEqual(self.ask(query), answer("192.168.1.1 1\n192.168.1.1 2\n"))
        self.rig.registry.leave(other, 2)
        self.assertEqual(self.ask(query), answer("192.168.1.1 1\n"))

    def test_every_spelling_of_the_request(self) -> None:
        cookie = self.rig.register()
        plain = keep_alive(cookie)
        for spelt in (
            plain.replace(b"\n", b"\r\n"),
            plain.replace(b"Host ", b"Host: ").replace(b"OS ", b"OS: "),
            plain.replace(b"P2P_DI_1.0", b"P2P-DI_1.0"),
            plain.replace(b"P2P_DI_1.0", b"P2P-DI/1.0"),
        ):
            self.assertEqual(self.ask(spelt), answer(RENEWED))

    def test_bytes_after_the_request_are_ignored(self) -> None:
        cookie = self.rig.register()
        for tail in (b"NULL\nNULL\n", keep_alive(cookie), b"\0" * 100):
            connection, transport = self.rig.connect()
            connection.dataReceived(keep_alive(cookie) + tail)
            connection.dataReceived(tail)
            self.assertEqual(transport.drain(), answer(RENEWED))

    def test_a_client_that_closes_its_side_early_gets_its_answer(self) -> None:
        cookie = self.rig.register()
        for data, wanted in (
            (keep_alive(cookie), RENEWED),
            (request("PQuery", f"cookie:{cookie}", "port:4394"), "192.168.1.1 4394\n"),
        ):
            connection, transport = self.rig.connect()
            connection.dataReceived(data)
            connection.readConnectionLost()
            self.assertEqual(transport.drain(), answer(wanted))
            self.assertTrue(transport.ended)


class Refusals(Case):
    def test_forbidden(self) -> None:
        cookie = self.rig.register()
        unknown = "no peer is registered with this cookie and port\n"
        for method in ("Leave", "KeepAlive", "PQuery"):
            for data in (
                (f"cookie:{cookie}", "port:4395"),
                (f"cookie:{cookie ^ 1}", "port:4394"),
                ("cookie:0", "port:1"),
            ):
                self.assertEqual(self.rig.ask(request(method, *data)), answer(unknown, "403 FORBIDDEN"))

    def test_forbidden_to_the_inactive(self) -> None:
        cookie = self.rig.register()
        self.rig.registry.leave(cookie, 4394)
        inactive = "this peer is not active: it has left, or its TTL ran out; register again\n"
        for method in ("Leave", "PQuery"):
            got = self.rig.ask(request(method, f"cookie:{cookie}", "port:4394"))
            self.assertEqual(got, answer(inactive, "403 FORBIDDEN"))

    def test_register_with_a_cookie_that_nobody_was_given(self) -> None:
        got = self.rig.ask(request("Register", "cookie:4", "port:4394"))
        self.assertEqual(got, answer("this cookie was never given out: register with an empty one\n", "403 FORBIDDEN"))
        self.assertEqual(self.rig.registry.records(), [])

    def test_a_request_for_peers_is_a_bad_request(self) -> None:
        why = "this is the RS: it serves Register, Leave, KeepAlive and PQuery; files are with peers\n"
        for line in (b"GET INDEX", b"GET FILE"):
            data = line + b" P2P_DI_1.0\nHost a\nOS b\n\nrfc1.txt\npdf\n"
            self.assertEqual(self.rig.ask(data), answer(why, "300 BAD_REQUEST"))

    def test_a_full_disk_is_refused_and_logged_without_traceback(self) -> None:
        def fail(*args: object) -> None:
            raise StoreError("registry.sqlite: disk is full; make room on the disk")

        self.patch(MemoryStore, "_store", fail)
        got = self.rig.ask(request("Register", "cookie:", "port:4394"))
        self.assertEqual(got, answer("the RS cannot write down anything now; try again later\n", "300 BAD_REQUEST"))
        self.assertEqual(self.flushLoggedErrors(), [])


class Version11(Case):
    """Connections stay open, and every answer says how long it is."""

    def setUp(self) -> None:
        super().setUp()
        self.connection, self.transport = self.rig.connect()

    def ask(self, data: bytes) -> bytes:
        self.connection.dataReceived(data)
        self.assertFalse(self.transport.ended)
        return self.transport.drain()

    def test_a_whole_life_on_one_connection(self) -> None:
        got = self.ask(request("Register", "cookie:", "port:1", minor=1))
        (record,) = self.rig.registry.records()
        self.assertEqual(got, answer(f"cookie:{record.cookie}\n", minor=1))
        self.assertIn(record.cookie, range(2**31, 2**63))
        self.assertEqual(self.ask(keep_alive(record.cookie, 1, 1)), answer(RENEWED, minor=1))
        who = f"cookie:{record.cookie}", "port:1"
        self.assertEqual(self.ask(request("PQuery", *who, minor=1)), answer("192.168.1.1 1\n", minor=1))
        self.assertEqual(self.ask(request("Leave", *who, minor=1)), answer(LEFT, minor=1))

    def test_pipelined_requests_are_answered_in_order(self) -> None:
        cookie = self.rig.register()
        query = request("PQuery", f"cookie:{cookie}", "port:4394", minor=1)
        alive, wrong = keep_alive(cookie, minor=1), keep_alive(cookie, 1, minor=1)
        wanted = [
            answer(RENEWED, minor=1),
            answer(RENEWED, minor=1),
            answer("no peer is registered with this cookie and port\n", "403 FORBIDDEN", minor=1),
            answer("192.168.1.1 4394\n", minor=1),
            answer(RENEWED, minor=1),
        ]
        self.assertEqual(self.ask(alive + alive + wrong + query + alive), b"".join(wanted))

    def test_a_request_of_1_0_is_the_last(self) -> None:
        cookie = self.rig.register()
        self.connection.dataReceived(keep_alive(cookie, minor=1) + keep_alive(cookie) + keep_alive(cookie, minor=1))
        self.assertEqual(self.transport.drain(), answer(RENEWED, minor=1) + answer(RENEWED))
        self.assertTrue(self.transport.ended)

    def test_the_list_in_pages(self) -> None:
        cookie, *_ = [self.rig.register(port) for port in (1, 2, 3, 4, 5)]

        def page(*headers: str) -> bytes:
            return self.ask(request("PQuery", f"cookie:{cookie}", "port:1", minor=1, headers=headers))

        lines = [f"192.168.1.1 {port}\n" for port in (1, 2, 3, 4, 5)]
        self.assertEqual(page("Limit: 2"), answer("".join(lines[:2]), minor=1, more=True))
        self.assertEqual(page("Limit: 2", "After: 192.168.1.1 2"), answer("".join(lines[2:4]), minor=1, more=True))
        self.assertEqual(page("Limit: 2", "After: 192.168.1.1 4"), answer(lines[4], minor=1))
        self.assertEqual(page("After: 192.168.1.1 3"), answer("".join(lines[3:]), minor=1))
        self.assertEqual(page("After: 192.168.1.1 5"), answer("", minor=1))

    def test_the_rs_may_give_fewer_than_were_wanted(self) -> None:
        self.patch(protocol, "MAX_PAGE", 2)
        cookie, *_ = [self.rig.register(port) for port in (1, 2, 3)]
        got = self.ask(request("PQuery", f"cookie:{cookie}", "port:1", minor=1, headers=("Limit: 1000000",)))
        self.assertEqual(got, answer("192.168.1.1 1\n192.168.1.1 2\n", minor=1, more=True))

    def test_a_sample(self) -> None:
        cookie, *_ = [self.rig.register(port) for port in (1, 2, 3)]

        def sample(number: int) -> bytes:
            query = request("PQuery", f"cookie:{cookie}", "port:1", minor=1, headers=(f"Sample: {number}",))
            return self.ask(query)

        self.assertEqual(sample(3), answer("".join(f"192.168.1.1 {port}\n" for port in (1, 2, 3)), minor=1))
        two = {sample(2) for _ in range(60)}
        pairs = [(1, 2), (1, 3), (2, 3)]
        wanted = {answer("".join(f"192.168.1.1 {port}\n" for port in pair), minor=1, more=True) for pair in pairs}
        self.assertEqual(two, wanted)

    def test_who_asks_for_all_gets_others_each_time_and_reads_all_in_parts(self) -> None:
        rig = Rig(limits=replace(PATIENT, peer_list=2))
        self.addCleanup(rig.factory.doStop)
        cookie, *_ = [rig.register(port) for port in (1, 2, 3)]

        def query(*headers: str, minor: int = 1) -> bytes:
            return rig.ask(request("PQuery", f"cookie:{cookie}", "port:1", minor=minor, headers=headers))

        pairs = [(1, 2), (1, 3), (2, 3)]
        wanted = {answer("".join(f"192.168.1.1 {port}\n" for port in pair), minor=1, more=True) for pair in pairs}
        self.assertEqual({query() for _ in range(60)}, wanted)
        lines = "".join(f"192.168.1.1 {port}\n" for port in (1, 2, 3))
        self.assertEqual(query("Limit: 3"), answer(lines, minor=1))
        self.assertEqual(query(minor=0), answer(lines))


class OnARemoteStore(SynchronousTestCase):
    """The store answers a round trip when `arrive` is called, and renews nothing at once."""

    def setUp(self) -> None:
        self.trips: list[Deferred[None]] = []
        self.rig = Rig(make_store=lambda clocks: RemoteStore(clocks, self.travel))
        self.addCleanup(self.rig.factory.doStop)
        self.connection, self.transport = self.rig.connect()
        self.connection.dataReceived(request("Register", "cookie:", "port:1", minor=1))
        self.arrive()
        self.cookie = int(self.transport.drain().rpartition(b":")[2])

    def travel(self) -> Deferred[None]:
        self.trips.append(Deferred())
        return self.trips[-1]

    def arrive(self) -> None:
        while self.trips:
            self.trips.pop(0).callback(None)

    def test_pipelined_requests_wait_for_one_another(self) -> None:
        alive = keep_alive(self.cookie, 1, minor=1)
        query = request("PQuery", f"cookie:{self.cookie}", "port:1", minor=1)
        self.connection.dataReceived(alive + query + b"rubbish\n\n")
        self.assertEqual((self.transport.value(), len(self.trips)), (b"", 1))
        self.arrive()
        got = self.transport.drain()
        wanted = answer(RENEWED, minor=1) + answer("192.168.1.1 1\n", minor=1)
        self.assertTrue(got.startswith(wanted + b"300 BAD_REQUEST"), got)

    def test_a_refusal_comes_when_the_store_has_answered(self) -> None:
        self.connection.dataReceived(keep_alive(self.cookie, 2, minor=1))
        self.assertEqual(self.transport.value(), b"")
        self.arrive()
        unknown = "no peer is registered with this cookie and port\n"
        self.assertEqual(self.transport.drain(), answer(unknown, "403 FORBIDDEN", minor=1))

    def test_a_client_that_closes_its_side_meanwhile_gets_its_answer(self) -> None:
        connection, transport = self.rig.connect()
        connection.dataReceived(keep_alive(self.cookie, 1))
        connection.readConnectionLost()
        self.assertFalse(transport.ended)
        self.arrive()
        self.assertEqual(transport.drain(), answer(RENEWED))
        self.assertTrue(transport.ended)

    def test_a_client_that_is_lost_meanwhile_gets_nothing(self) -> None:
        self.connection.dataReceived(keep_alive(self.cookie, 1, minor=1) * 3)
        self.transport.disconnected = True
        self.connection.connectionLost(Failure(ConnectionDone()))
        self.arrive()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertNotIn(self.connection, self.rig.factory.connections)


class RecordedHosts(Case):
    """The connection's own address, unless the client may say otherwise."""

    def recorded(self, peer: str, host: str) -> str:
        self.rig.register(peer=peer, host=host)
        (record,) = self.rig.registry.records()
        return record.host

    def test_a_stranger_is_not_believed(self) -> None:
        self.assertEqual(self.recorded("192.168.1.1", "10.9.9.9"), "192.168.1.1")

    def test_loopback_is(self) -> None:
        self.assertEqual(self.recorded("127.0.0.1", "10.9.9.9"), "10.9.9.9")

    def test_a_mapped_address_is_the_plain_one(self) -> None:
        self.assertEqual(self.recorded("::ffff:192.168.1.1", "192.168.1.1"), "192.168.1.1")
        self.assertEqual(self.rig.registry.active()[0], [("192.168.1.1", 4394)])

    def test_a_host_has_its_number_of_records_and_the_trusted_have_no_limit(self) -> None:
        self.rig = Rig(limits=Limits(max_peers_per_host=3))
        self.addCleanup(self.rig.factory.doStop)
        for port in range(1, 6):
            self.rig.register(port, peer="127.0.0.1", host="127.0.0.1")
        for port in range(1, 4):
            self.rig.register(port)
        got = self.rig.ask(request("Register", "cookie:", "port:4"))
        self.assertTrue(got.startswith(b"403 FORBIDDEN"), got)
        self.rig.register(4, peer="192.168.1.2")
