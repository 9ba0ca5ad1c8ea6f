"""The rules, without a store."""

from __future__ import annotations

import pytest

from p2p_twisted.registry import rules
from p2p_twisted.registry.record import Moment, PeerRecord
from p2p_twisted.registry.rules import Changes, Found, Lookup, Request
from p2p_twisted.wire.errors import Forbidden

AT = Moment(10.0, 50.9, 100.0)
ACTIVE = PeerRecord("a", 1, 7, True, 100.0, 5, (5,))
LOOKUP = Lookup(7, ("a", 1))


def decide(request: Request, found: Found, at: Moment = AT) -> Changes:
    changes = request.decide(found, at)
    assert changes is not None
    return changes


def test_each_request_looks_at_the_records_that_it_may_change() -> None:
    assert rules.register("a", 1, 7).lookup() == LOOKUP
    for request in rules.leave(7, 1, ["a"]), rules.keep_alive(7, 1, ["a"]), rules.query(7, 1, ["a"]):
        assert request.lookup() == Lookup(7)
    new = rules.register("2001:db8::1", 1, limit=3)
    lookup = new.lookup()
    assert lookup == Lookup(lookup.cookie, ("2001:db8::1", 1), "2001:db8::", rules.MAX_RECORDS)


@pytest.mark.parametrize(("wide", "cookies"), [(False, range(1, 2**31)), (True, range(2**31, 2**63))])
def test_a_new_peer_draws_another_cookie_each_time(wide: bool, cookies: range) -> None:
    request = rules.register("a", 1, wide=wide)
    drawn = [request.lookup().cookie for _ in range(50)]
    assert len(set(drawn)) == 50 and all(cookie in cookies for cookie in drawn)


def test_a_cookie_that_is_in_use_is_not_given_out() -> None:
    assert rules.register("a", 1).decide(Found(LOOKUP, ACTIVE), AT) is None


def test_a_new_peer_displaces_the_holder_of_its_address_that_has_not_renewed_lately() -> None:
    found = Found(Lookup(8, ("a", 1)), None, ACTIVE)
    with pytest.raises(Forbidden, match="has renewed lately") as raised:
        decide(rules.register("a", 1), found)
    assert raised.value.retry_after == 45
    changes = decide(rules.register("a", 1), found, Moment(55.0, 95.9, 145.0))
    assert changes.displaced is not None
    assert (changes.record.cookie, changes.record.active) == (8, True)
    assert (changes.displaced.cookie, changes.displaced.active) == (7, False)
    assert changes.dropped is None
    assert ACTIVE.active, "the rules change no record in place"


@pytest.mark.parametrize(
    ("neighbours", "limit", "drops"), [(2, None, False), (2, 3, False), (3, 3, True), (9, 3, True)]
)
def test_room_is_made_only_on_a_full_host(neighbours: int, limit: int | None, drops: bool) -> None:
    old = ACTIVE.inactive()
    changes = decide(rules.register("a", 2, limit=limit), Found(Lookup(8), None, None, neighbours, old))
    assert changes.dropped is (old if drops else None)


def test_a_full_host_with_active_peers_only_is_refused() -> None:
    with pytest.raises(Forbidden, match="too many peers are registered from this address"):
        decide(rules.register("a", 2, limit=3), Found(Lookup(8), None, None, 3, None))


def test_a_peer_displaces_itself_neither_at_a_register_nor_at_a_keep_alive() -> None:
    found = Found(LOOKUP, ACTIVE, ACTIVE)
    assert decide(rules.register("a", 1, 7), found).displaced is None
    assert decide(rules.keep_alive(7, 1, ["a"]), found).displaced is None


def test_a_ttl_that_has_run_out_counts_before_any_sweep() -> None:
    found, late = Found(LOOKUP, ACTIVE), Moment(100.0, 140.0, 200.0)
    for request in rules.leave(7, 1, ["a"]), rules.query(7, 1, ["a"]):
        assert decide(request, found).record.cookie == 7
        with pytest.raises(Forbidden, match="this peer is not active"):
            decide(request, found, late)
    assert decide(rules.keep_alive(7, 1, ["a"]), found).record.activations == (5,)
    assert decide(rules.keep_alive(7, 1, ["a"]), found, late).record.activations == (5, 140)


def test_only_what_must_survive_a_crash_is_durable() -> None:
    assert rules.register("a", 1).durable and rules.register("a", 1, 7).durable and rules.leave(7, 1, ["a"]).durable
    assert not rules.keep_alive(7, 1, ["a"]).durable and not rules.query(7, 1, ["a"]).durable
