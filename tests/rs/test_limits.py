"""The limits of a host, and the rates at which it asks: pure, then on a real RS in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.logger import formatEvent

from p2p_twisted.config.settings import network
from p2p_twisted.net.admission import admission
from p2p_twisted.net.factory import SWEEP_INTERVAL
from p2p_twisted.rs.guesses import FREE_SHARE
from p2p_twisted.rs.limits import BURST_TIME, COOKIES_PER_PEER, TRUSTED_FACTOR, Limits, RequestRates
from p2p_twisted.rs.settings import LIMITS
from tests.support.captured_log import captured_log
from tests.support.rs_server import RENEWED, Rig, answer, keep_alive, request

RATE = 5
BURST = BURST_TIME * RATE
FEW = Limits(max_requests_per_second=RATE, request_timeout=10)
TOO_MANY = f"more than {RATE} requests a second from your address; ask again later\n"


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig(limits=FEW)
    yield made
    made.factory.doStop()


def test_the_options_are_the_limits_and_have_their_defaults() -> None:
    options = {setting.name: setting.value([str(setting.default)]) for setting in LIMITS}
    assert Limits.of(options) == Limits()


def test_more_peers_and_a_trusted_network_may_send_more_wrong_cookies() -> None:
    limits = Limits(max_wrong_cookies=100, max_peers_per_host=10)
    assert limits.wrong_cookies(False) == 100
    assert limits.wrong_cookies(True) == 100 * TRUSTED_FACTOR
    assert Limits(max_wrong_cookies=100, max_peers_per_host=70).wrong_cookies(False) == 70 * COOKIES_PER_PEER


def test_refusals_are_answered_at_the_rate_of_requests() -> None:
    rates = RequestRates(RATE)
    assert sum(not rates.take("a", 0) for _ in range(2 * BURST)) == BURST
    assert not rates.is_spent("a", 0)
    assert [rates.may_refuse("a", 0) for _ in range(RATE + 2)] == [True] * RATE + [False] * 2
    assert rates.is_spent("a", 0) and not rates.is_spent("b", 0)
    assert not rates.is_spent("a", 1 / RATE)


def test_a_host_that_asks_too_much_is_told_when_to_come_back(rig: Rig) -> None:
    cookie = rig.register()
    for _ in range(BURST - 1):
        assert rig.ask(keep_alive(cookie)) == answer(RENEWED)
    assert rig.ask(keep_alive(cookie)) == answer(TOO_MANY, "300 BAD_REQUEST")
    head, _, body = rig.ask(keep_alive(cookie, minor=1)).partition(b"\n\n")
    assert b"\nRetry-After: 1\n" in head + b"\n" and body == TOO_MANY.encode()
    assert rig.register(1, "192.168.1.2")
    rig.clock.advance(1)
    assert [rig.ask(keep_alive(cookie))[:3] for _ in range(RATE + 1)] == [b"200"] * RATE + [b"300"]
    assert rig.factory.limit_hits["requests"] == 3


def test_a_refused_request_changes_nothing(rig: Rig) -> None:
    for _ in range(BURST):
        rig.ask(request("PQuery", "cookie:7", "port:7"))
    assert rig.ask(request("Register", "cookie:", "port:7")).startswith(b"300")
    assert rig.registry.records() == []


def test_pipelined_requests_count_one_by_one(rig: Rig) -> None:
    cookie = rig.register(minor=1)
    connection, transport = rig.connect()
    connection.dataReceived(keep_alive(cookie, minor=1) * (2 * BURST))
    said = transport.drain()
    assert (said.count(b"200 OK"), said.count(b"300 BAD")) == (BURST - 1, 1)
    assert transport.ended, "nothing more is read of it"


def test_beyond_as_many_refusals_connections_are_reset(rig: Rig) -> None:
    cookie = rig.register()
    with captured_log() as log:
        said = [rig.connect() for _ in range(BURST + 2 * RATE)]
        for connection, _ in said:
            connection.dataReceived(keep_alive(cookie))
        assert not said[BURST + RATE - 2][1].aborted
        assert said[-1][1].aborted and said[-1][1].value() == b""
        assert rig.connect()[1].aborted
        assert not rig.connect("192.168.1.2")[1].aborted
        rig.clock.advance(SWEEP_INTERVAL)
    assert "connections refused (too many requests): 1, the last from 192.168.1.1" in [
        formatEvent(event) for event in log
    ]
    assert rig.ask(keep_alive(cookie)) == answer(RENEWED)


def test_what_is_no_request_counts_too(rig: Rig) -> None:
    said = [rig.connect() for _ in range(3 * BURST)]
    for connection, _ in said:
        connection.dataReceived(b"rubbish\n\n")
    assert rig.connect()[1].aborted
    assert not rig.connect("192.168.1.2")[1].aborted
    for connection, _ in [rig.connect("127.0.0.1") for _ in range(3 * BURST)]:
        connection.dataReceived(b"rubbish\n\n")
    assert not rig.connect("127.0.0.1")[1].aborted


def test_ipv6_counts_by_network(rig: Rig) -> None:
    said = [rig.ask(request("Register", "cookie:", f"port:{n}"), f"2001:db8::{n:x}")[:3] for n in range(1, BURST + 2)]
    assert said == [b"200"] * BURST + [b"300"]
    assert rig.register(1, "2001:db8:0:1::1")


def test_the_trusted_networks_may_ask_as_much_as_they_like(rig: Rig) -> None:
    cookie = rig.register(peer="127.0.0.1", host="127.0.0.1")
    said = {rig.ask(keep_alive(cookie, host="127.0.0.1"), "127.0.0.1") for _ in range(3 * BURST)}
    assert said == {answer(RENEWED)}
    assert len(rig.factory.rates._granted) == 0


def test_a_slow_request_is_ended_at_its_deadline_whatever_comes(rig: Rig) -> None:
    connection, transport = rig.connect()
    idle, _ = rig.connect()
    cookie = rig.register(minor=1)
    idle.dataReceived(keep_alive(cookie, minor=1))
    for byte in keep_alive(cookie)[: FEW.request_timeout - 1]:
        connection.dataReceived(bytes([byte]))
        rig.clock.advance(1)
    assert not transport.aborted
    rig.clock.advance(2)
    assert transport.aborted
    assert rig.factory.limit_hits["deadline"] == 1
    assert idle in rig.factory.connections, "a connection that awaits no request is no slow one"


def test_a_longer_deadline_is_given_too() -> None:
    rig = Rig(limits=Limits(request_timeout=100))
    connection, transport = rig.connect()
    connection.dataReceived(b"K")
    rig.clock.pump([1] * 99)
    assert not transport.aborted
    rig.clock.pump([1] * 3)
    assert transport.aborted
    rig.factory.doStop()


def test_connections_of_a_host_are_limited_and_counted() -> None:
    rig = Rig(limits=Limits(max_connections=4, max_connections_per_host=2))
    hosts = ("10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3")
    aborted = [transport.aborted for _, transport in [rig.connect(host) for host in hosts]]
    assert aborted == [True, True, False, False, False, False], "beyond its own two, then beyond four of all"
    assert rig.factory.limit_hits == {"connections": 2}
    rig.factory.doStop()


def test_peers_of_a_host_are_limited_and_counted() -> None:
    rig = Rig(limits=Limits(max_peers_per_host=1))
    rig.register(1)
    assert rig.ask(request("Register", "cookie:", "port:2")).startswith(b"403 FORBIDDEN")
    assert rig.factory.limit_hits == {"registrations": 1}
    rig.factory.doStop()


def test_wrong_cookies_that_are_slowed_are_counted() -> None:
    rig = Rig(limits=Limits(max_wrong_cookies=FREE_SHARE, max_peers_per_host=1))
    for _ in range(3):
        rig.connect()[0].dataReceived(keep_alive(5))
    assert rig.factory.limit_hits == {"cookies": 2}
    rig.clock.advance(1)
    rig.factory.doStop()


def test_who_is_not_admitted_is_counted() -> None:
    rig = Rig()
    rig.factory._admission = admission([], [network("10.0.0.0/8")])
    assert rig.connect("10.0.0.1")[1].aborted
    assert rig.factory.limit_hits == {"admission": 1}
    rig.factory.doStop()
