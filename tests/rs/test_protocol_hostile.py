"""Clients that send malformed requests, are slow or flood, and the answers of the RS."""

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.net import connection_state, server
from p2p_twisted.net import producers as sending
from tests.support.rs_server import RENEWED, Rig, answer, keep_alive, request


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.rig = Rig()
        self.addCleanup(self.rig.factory.doStop)
        self.cookie = self.rig.register()

    def tearDown(self) -> None:
        self.assertEqual(self.flushLoggedErrors(), [])


class Malformed(Case):
    """300, one line that says why, and the close."""

    def test_malformed(self) -> None:
        good = keep_alive(self.cookie)
        for bad in (
            b"\n\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\n\n",
            good.replace(b"KeepAlive", b"keepalive"),
            good.replace(b"NULL", b"NIL"),
            good.replace(b"1.0", b"2.0"),
            good.replace(b"OS Mac OS X\n", b""),
            good.replace(b"Host 10.153.44.84\n", b"Host 10.153.44.84\nHost 10.153.44.85\n"),
            good.replace(b"port:4394", b"port:+4394"),
            good.replace(b"port:4394", b"port: 4394"),
            good.replace(b"port:4394", b"port:4_394"),
            good.replace(b"port:4394", b"port:65536"),
            good.replace(b"port:4394", b"port:0"),
            good.replace(b"cookie:", b"cookie:-"),
            good.replace(b"cookie:", "cookie:٣".encode()),
            good.replace(b"cookie:%d" % self.cookie, b"cookie:%d" % 2**63),
            good.replace(b"Mac OS X", b"Mac\0OS X"),
            good.replace(b"Mac OS X", b"Mac \xff"),
        ):
            connection, transport = self.rig.connect()
            connection.dataReceived(bad)
            got = transport.drain()
            head, _, why = got.partition(b"\n\n")
            self.assertTrue(head.startswith(b"300 BAD_REQUEST P2P-CI/1.0\nHost: "), (bad, got))
            self.assertTrue(why.endswith(b"\n") and why.count(b"\n") == 1 and len(why) > 10, (bad, got))
            self.assertTrue(transport.ended, bad)

    def test_oversized(self) -> None:
        for bad in (
            b"x" * 100_000,
            b"KeepAlive NULL P2P_DI_1.0\n" + b"x" * 9000 + b"\n",
            b"KeepAlive NULL P2P_DI_1.1\nHost a\nOS b\n" + b"X-%d: y\n" % 1 * 40,
            keep_alive(self.cookie)[:-10] + b"x" * 10_000 + b"\n",
        ):
            connection, transport = self.rig.connect()
            for at in range(0, len(bad), 1000):
                connection.dataReceived(bad[at : at + 1000])
            self.assertTrue(transport.drain().startswith(b"300 BAD_REQUEST"), bad[:60])
            self.assertTrue(transport.ended)

    def test_a_malformed_request_ends_a_pipeline_after_the_answers_before_it(self) -> None:
        alive = keep_alive(self.cookie, minor=1)
        connection, transport = self.rig.connect()
        connection.dataReceived(alive + alive + b"rubbish\n\n" + alive)
        got = transport.drain()
        self.assertTrue(got.startswith(answer(RENEWED, minor=1) * 2 + b"300 BAD_REQUEST"), got)
        self.assertEqual(got.count(b"P2P-CI"), 3)


class Slow(Case):
    def test_a_request_has_30_seconds_however_it_drips(self) -> None:
        connection, transport = self.rig.connect()
        for at, byte in enumerate(keep_alive(self.cookie)):
            self.assertFalse(transport.aborted, at)
            connection.dataReceived(bytes([byte]))
            self.rig.clock.advance(1)
            if at + 1 == connection_state.REQUEST_TIMEOUT:
                break
        self.assertTrue(transport.aborted)

    def test_a_request_that_is_in_time_is_answered(self) -> None:
        connection, transport = self.rig.connect()
        data = keep_alive(self.cookie, minor=1)
        for _ in range(5):
            connection.dataReceived(data[:-1])
            self.rig.clock.pump([1] * (connection_state.REQUEST_TIMEOUT - 2))
            connection.dataReceived(data[-1:])
            self.assertEqual(transport.drain(), answer(RENEWED, minor=1))
        self.assertFalse(transport.aborted)

    def test_idle_connections_are_ended_and_used_ones_are_not(self) -> None:
        connection, transport = self.rig.connect()
        for _ in range(5):
            connection.dataReceived(keep_alive(self.cookie, minor=1))
            self.rig.clock.pump([1] * (connection_state.IDLE_TIMEOUT - 1))
        self.assertFalse(transport.aborted)
        self.rig.clock.pump([1, 1])
        self.assertTrue(transport.aborted)

    def test_a_client_that_does_not_read_the_last_answer_is_dropped(self) -> None:
        connection, transport = self.rig.connect()
        connection.dataReceived(keep_alive(self.cookie))
        self.rig.clock.pump([1] * (connection_state.CLOSE_TIMEOUT - 1))
        self.assertFalse(transport.aborted)
        self.rig.clock.pump([1, 1])
        self.assertTrue(transport.aborted)


class LongLists(Case):
    """The whole list, to a client that reads it slowly, or not at all."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(sending, "PART", 100)
        self.patch(server, "PART", 100)
        for port in range(1, 51):
            self.rig.registry.register("192.168.1.1", port, None, True)
        self.body = "".join(f"192.168.1.1 {port}\n" for port in [*range(1, 51), 4394])
        self.query = request("PQuery", f"cookie:{self.cookie}", "port:4394", minor=1)

    def test_a_long_list_is_sent_as_it_is_read(self) -> None:
        connection, transport = self.rig.connect()
        connection.dataReceived(self.query + keep_alive(self.cookie, minor=1))
        self.assertLess(len(transport.value()), 250)
        wanted = answer(self.body, minor=1) + answer(RENEWED, minor=1)
        self.assertEqual(transport.drain(), wanted)

    def test_in_1_0_the_close_comes_after_the_last_part(self) -> None:
        connection, transport = self.rig.connect()
        connection.dataReceived(self.query.replace(b"1.1", b"1.0"))
        self.assertFalse(transport.ended)
        self.assertEqual(transport.drain(), answer(self.body))
        self.assertTrue(transport.ended)

    def test_a_list_being_sent_does_not_change(self) -> None:
        connection, transport = self.rig.connect()
        connection.dataReceived(self.query)
        self.rig.register(7000)
        self.assertEqual(transport.drain(), answer(self.body, minor=1))
        connection.dataReceived(self.query)
        self.assertEqual(transport.drain(), answer(self.body + "192.168.1.1 7000\n", minor=1))

    def test_a_client_that_reads_nothing_is_dropped_and_a_slow_one_is_not(self) -> None:
        self.patch(sending, "MIN_RATE", 1)
        connection, transport = self.rig.connect()
        connection.dataReceived(self.query)
        for _ in range(5):
            self.rig.clock.pump([1] * (connection_state.STALL_TIMEOUT - 1))
            self.assertFalse(transport.aborted)
            transport.resume()
        self.rig.clock.pump([1] * (connection_state.STALL_TIMEOUT + 1))
        self.assertTrue(transport.aborted)

    def test_a_client_that_vanishes_meanwhile_is_forgotten(self) -> None:
        connection, transport = self.rig.connect()
        connection.dataReceived(self.query * 3)
        transport.disconnected = True
        assert transport.producer is not None
        transport.producer.stopProducing()
        connection.connectionLost(Failure(ConnectionDone()))
        self.assertNotIn(connection, self.rig.factory.connections)

    def test_requests_that_wait_are_bounded(self) -> None:
        connection, transport = self.rig.connect()
        connection.dataReceived(self.query * 1000)
        self.assertEqual(transport.producerState, "paused")
        self.assertEqual(len(connection._waiting), server.MAX_WAITING)


class Floods(Case):
    def test_connections_are_bounded_in_all_and_for_one_address(self) -> None:
        self.rig.factory._max_connections, self.rig.factory._max_per_host = 5, 3
        one = [self.rig.connect("10.0.0.1")[1] for _ in range(4)]
        self.assertEqual([transport.aborted for transport in one], [True, False, False, False])
        self.rig.factory._max_connections = len(self.rig.factory.connections) + 1
        other = [self.rig.connect(f"10.0.1.{last}")[1] for last in (1, 2)]
        self.assertEqual([transport.aborted for transport in other], [False, False])
        self.assertEqual([transport.aborted for transport in one], [True, True, False, False])
        self.assertEqual(len(self.rig.factory.connections), self.rig.factory._max_connections)

    def test_a_client_that_pipelines_and_reads_nothing_is_not_answered_without_end(self) -> None:
        connection, transport = self.rig.connect()
        wrong = keep_alive(self.cookie, 1, minor=1)
        for _ in range(1000):
            if transport.producerState == "paused":
                break
            connection.dataReceived(wrong * 100)
        self.assertLess(len(transport.value()), 3 * server.MAX_UNREAD)
