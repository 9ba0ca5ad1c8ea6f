"""The connections that a server refuses for their address: they are reset, and a log line counts them."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionAborted
from twisted.internet.task import Clock
from twisted.logger import formatEvent
from twisted.python.failure import Failure

from p2p_twisted.config.settings import network
from p2p_twisted.net.admission import REPORT_INTERVAL, admission
from p2p_twisted.net.factory import MAX_LINES, SWEEP_INTERVAL, RequestFactory
from p2p_twisted.net.server import RequestConnection
from tests.support.captured_log import captured_log
from tests.support.peer_server import connect

REQUEST = b"GET INDEX P2P_DI_1.1\nHost 10.153.44.84\nOS Mac OS X\n\n"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def factory(clock: Clock) -> RequestFactory:
    """A factory that admits 192.0.2.0/24 except 192.0.2.66, and one connection from each address."""
    made = RequestFactory(clock, 10, 1, admission([network("192.0.2.0/24")], [network("192.0.2.66")]))
    made.protocol = RequestConnection
    made.doStart()
    return made


def aborted(factory: RequestFactory, host: str) -> bool:
    return connect(factory, host)[1].aborted


def test_only_admitted_addresses_are_connected(factory: RequestFactory) -> None:
    hosts = ["192.0.2.1", "::ffff:192.0.2.2", "192.0.2.66", "::ffff:192.0.2.66", "192.0.3.1", "2001:db8::1"]
    assert [aborted(factory, host) for host in hosts] == [False, False, True, True, True, True]
    assert len(factory.connections) == 2


def test_a_refused_connection_reads_nothing_and_takes_no_place(factory: RequestFactory) -> None:
    connection, transport = connect(factory, "192.0.2.66")
    connection.dataReceived(REQUEST)
    connection.connectionLost(Failure(ConnectionAborted()))
    assert transport.received() == b""
    assert not factory.connections and not factory.places.of("192.0.2.66")


def test_one_line_a_minute_counts_the_refused(factory: RequestFactory, clock: Clock) -> None:
    with captured_log() as log:
        for _ in range(2 * REPORT_INTERVAL):
            aborted(factory, "192.0.2.66")
            aborted(factory, "::ffff:10.0.0.1")
            clock.advance(SWEEP_INTERVAL)
        clock.pump([SWEEP_INTERVAL] * 2 * REPORT_INTERVAL)
    lines = [formatEvent(event) for event in log]
    assert lines == [
        f"connections refused (allow, deny): {count}, the last from ::ffff:10.0.0.1"
        for count in (2, 2 * REPORT_INTERVAL, 2 * REPORT_INTERVAL - 2)
    ]


def test_connections_beyond_a_limit_have_a_line_of_their_own(factory: RequestFactory, clock: Clock) -> None:
    with captured_log() as log:
        assert [aborted(factory, "192.0.2.1") for _ in range(3)] == [False, False, False]
        clock.advance(SWEEP_INTERVAL)
    assert [formatEvent(event) for event in log] == [
        "all places are taken: 2 slow connections ended, the last of 192.0.2.1"
    ]


def test_without_networks_all_addresses_are_admitted(clock: Clock) -> None:
    factory = RequestFactory(clock, 10, 10, admission([], []))
    factory.protocol = RequestConnection
    assert [aborted(factory, host) for host in ("192.0.2.66", "2001:db8::1", "127.0.0.1")] == [False] * 3


def test_clients_without_tls_have_a_line_each_until_there_are_too_many(factory: RequestFactory, clock: Clock) -> None:
    with captured_log() as log:
        for number in range(MAX_LINES + 3):
            factory.log_unsecured(f"192.0.2.1:{number}: it does not speak TLS")
        clock.advance(SWEEP_INTERVAL)
    lines = [formatEvent(event) for event in log]
    assert lines[0] == "no TLS with 192.0.2.1:0: it does not speak TLS"
    assert lines[MAX_LINES:] == [f"no TLS with 3 more, the last 192.0.2.1:{MAX_LINES + 2}: it does not speak TLS"]
