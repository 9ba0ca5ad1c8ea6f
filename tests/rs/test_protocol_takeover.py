"""Who may speak for a peer: a stranger does not take its address, and a short cookie counts only at home."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p2p_twisted.registry.record import PROTECTED_TIME
from tests.support.rs_server import LEFT, RENEWED, Rig, answer, keep_alive, request

VICTIM, STRANGER = "192.168.1.1", "192.168.1.66"
UNKNOWN = answer("no peer is registered with this cookie and port\n", "403 FORBIDDEN")
PROTECTED = (
    "another peer is registered at this address and port and has renewed lately: "
    "use its cookie or another port, or try again later\n"
)


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig(trusted=("10.1.0.0/16",))
    yield made
    made.factory.doStop()


def test_a_takeover_once_a_second_leaves_the_victim_listed_throughout(rig: Rig) -> None:
    cookie = rig.register()
    for second in range(60):
        got = rig.ask(request("Register", "cookie:", "port:4394"))
        assert got == answer(PROTECTED, "403 FORBIDDEN")
        assert rig.registry.active()[0] == [(VICTIM, 4394)]
        rig.clock.advance(1)
        if second == 30:
            assert rig.ask(keep_alive(cookie)) == answer(RENEWED)
    assert len(rig.registry.records()) == 1


def test_in_1_1_the_refusal_says_when_to_try_again(rig: Rig) -> None:
    rig.register()
    rig.clock.advance(10)
    got = rig.ask(request("Register", "cookie:", "port:4394", minor=1))
    assert f"\nRetry-After: {PROTECTED_TIME - 10}\n".encode() in got
    rig.clock.pump([1] * (PROTECTED_TIME - 10))
    assert rig.ask(request("Register", "cookie:", "port:4394", minor=1)).startswith(b"200 OK")


def requests_with(cookie: int, host: str = "h") -> list[bytes]:
    who = f"cookie:{cookie}", "port:4394"

    return [request(method, *who, host=host) for method in ("KeepAlive", "PQuery", "Leave")]


def test_a_cookie_of_31_bits_is_worth_nothing_elsewhere(rig: Rig) -> None:
    cookie = rig.register()
    for data in requests_with(cookie, VICTIM):
        assert rig.ask(data, STRANGER) == UNKNOWN
    got = rig.ask(request("Register", f"cookie:{cookie}", "port:4394"), STRANGER)
    assert got == answer("this cookie was never given out: register with an empty one\n", "403 FORBIDDEN")
    assert rig.registry.active()[0] == [(VICTIM, 4394)]


@pytest.mark.parametrize(
    ("given_to", "used_from"),
    [(VICTIM, VICTIM), (VICTIM, f"::ffff:{VICTIM}"), (f"::ffff:{VICTIM}", VICTIM), ("2001:db8::1", "2001:db8::2")],
)
def test_at_home_it_counts_in_all_four_messages(rig: Rig, given_to: str, used_from: str) -> None:
    cookie = rig.register(peer=given_to)
    answers = [rig.ask(data, used_from) for data in requests_with(cookie)]
    assert answers[0] == answer(RENEWED) and answers[1].startswith(b"200 OK") and answers[2] == answer(LEFT)
    assert rig.ask(request("Register", f"cookie:{cookie}", "port:4394"), used_from) == answer(f"cookie:{cookie}\n")


def test_in_a_trusted_network_the_host_line_says_where_home_is(rig: Rig) -> None:
    cookie = rig.register(peer="10.1.0.1", host="10.9.9.9")
    for data in requests_with(cookie, "10.9.9.8"):
        assert rig.ask(data, "10.1.0.1") == UNKNOWN
    for data in requests_with(cookie, "10.9.9.9"):
        assert rig.ask(data, "10.1.0.2").startswith(b"200 OK"), data
        assert rig.ask(data, STRANGER).startswith(b"403"), data


def test_a_cookie_of_63_bits_moves(rig: Rig) -> None:
    cookie = rig.register(minor=1)
    assert rig.ask(keep_alive(cookie), STRANGER) == answer(RENEWED)
    assert rig.ask(request("Register", f"cookie:{cookie}", "port:7"), STRANGER) == answer(f"cookie:{cookie}\n")
    assert rig.registry.active()[0] == [(STRANGER, 7)]
