"""The lines on what the RS decides, and the guesses that it slows, on a real RS in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from twisted.logger import formatEvent

from p2p_twisted.rs.guesses import CUT_OFF_TIME, FREE_SHARE, MAX_DELAY
from p2p_twisted.rs.limits import COOKIES_PER_PEER, TRUSTED_FACTOR
from p2p_twisted.rs.request_log import MAX_LINES
from tests.support.captured_log import captured_log
from tests.support.rs_server import PATIENT, RENEWED, Rig, answer, keep_alive, request

LIMIT = 600
FREE = LIMIT // FREE_SHARE
LIMITS = replace(PATIENT, max_wrong_cookies=LIMIT, max_peers_per_host=LIMIT // COOKIES_PER_PEER - 1)
WRONG = "no peer is registered with this cookie and port\n"


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig(limits=LIMITS)
    yield made
    made.factory.doStop()


def test_each_register_leave_and_refusal_has_a_line(rig: Rig) -> None:
    with captured_log() as log:
        cookie = rig.register(7)
        rig.ask(keep_alive(cookie, 7))
        rig.ask(request("Leave", f"cookie:{cookie}", "port:7"))
        rig.ask(request("PQuery", f"cookie:{cookie}", "port:7"))
        rig.ask(b"rubbish \x00\n\n")
    lines = [formatEvent(event) for event in log]
    assert lines[:3] == [
        "192.168.1.1:7 has registered, from 192.168.1.1:50000",
        "192.168.1.1:7 has left, from 192.168.1.1:50000",
        "refused 192.168.1.1:50000: 403 this peer is not active: it has left, or its TTL ran out; register again",
    ]
    assert lines[3].startswith("refused 192.168.1.1:50000: 300 ") and len(lines) == 4
    assert {event["log_level"].name for event in log} == {"info"}


def test_a_flood_of_refusals_is_a_few_lines_and_a_count(rig: Rig) -> None:
    with captured_log() as log:
        for _ in range(2):
            for number in range(MAX_LINES + 5):
                rig.ask(b"rubbish\n\n", f"10.0.0.{number}")
            rig.clock.advance(1)
    lines = [formatEvent(event) for event in log]
    assert len(lines) == 2 * (MAX_LINES + 1)
    assert lines[MAX_LINES].startswith(f"refused: 5 more, the last: refused 10.0.0.{MAX_LINES + 4}:50000: 300 ")


def wrong(rig: Rig, host: str = "192.168.1.1") -> bytes:
    return rig.ask(keep_alive(5), host)


def test_guesses_are_slowed_while_honest_peers_of_that_host_are_served(rig: Rig) -> None:
    cookie = rig.register(1)
    with captured_log() as log:
        for _ in range(FREE):
            assert wrong(rig) == answer(WRONG, "403 FORBIDDEN")
        connection, transport = rig.connect()
        connection.dataReceived(keep_alive(5))
        assert transport.value() == b""
        assert rig.ask(keep_alive(cookie, 1)) == answer(RENEWED)
        assert wrong(rig, "192.168.1.2") == answer(WRONG, "403 FORBIDDEN"), "other hosts are answered at once"
        rig.clock.advance(MAX_DELAY)
        warning = f"; your address has sent {FREE + 1} wrong cookies: at {LIMIT}, it is cut off for 300 s\n"
        assert transport.drain() == answer(WRONG.replace("\n", warning), "403 FORBIDDEN")
    texts = [formatEvent(event) for event in log]
    assert f"192.168.1.1 has sent {FREE + 1} wrong cookies: its answers are delayed" in texts


def test_who_guesses_on_is_cut_off_for_a_while(rig: Rig) -> None:
    cookie = rig.register(1)
    _, open_transport = rig.connect()
    with captured_log() as log:
        for _ in range(LIMIT):
            connection, _ = rig.connect()
            connection.dataReceived(keep_alive(5))
            rig.clock.advance(0)
    assert open_transport.aborted
    assert rig.connect()[1].aborted
    assert not rig.connect("192.168.1.2")[1].aborted
    lines = [formatEvent(event) for event in log if "refused for" in formatEvent(event)]
    assert lines == [f"192.168.1.1 has sent {LIMIT} wrong cookies: its connections are refused for 300 s"]
    assert rig.registry.active()[0] == [("192.168.1.1", 1)]
    rig.clock.advance(CUT_OFF_TIME + 1)
    assert rig.ask(keep_alive(cookie, 1)) == answer(RENEWED)


def test_more_records_and_a_trusted_network_raise_the_limit(rig: Rig) -> None:
    for peers, host, limit in (
        (LIMIT, "192.168.1.1", LIMIT * COOKIES_PER_PEER),
        (1, "127.0.0.1", LIMIT * TRUSTED_FACTOR),
    ):
        rig.factory.host_limits = replace(LIMITS, max_peers_per_host=peers)
        for number in range(limit // FREE_SHARE + 1):
            is_free = number < limit // FREE_SHARE
            assert (wrong(rig, host) == answer(WRONG, "403 FORBIDDEN")) is is_free, (number, host)


def test_a_whole_host_comes_back_to_an_rs_that_has_lost_its_registry(rig: Rig) -> None:
    for number in range(LIMITS.max_peers_per_host):
        for message in (keep_alive(2**62 + number), request("Register", f"cookie:{2**62 + number}", "port:7")):
            assert b"403 FORBIDDEN" in rig.ask(message), "answered at once"


def test_a_connection_that_is_lost_while_it_waits_is_forgotten(rig: Rig) -> None:
    for _ in range(FREE):
        wrong(rig)
    connection, _ = rig.connect()
    connection.dataReceived(keep_alive(5, minor=1) * 10)
    connection.connectionLost()
    rig.clock.pump([1] * 10)
    assert connection not in rig.factory.connections
    assert wrong(rig, "192.168.1.2") == answer(WRONG, "403 FORBIDDEN")
