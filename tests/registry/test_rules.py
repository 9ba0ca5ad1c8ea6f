"""The rules of records, without a store."""

from __future__ import annotations

import pytest

from p2p_twisted.registry import rules
from p2p_twisted.registry.rules import MAX_ACTIVATIONS, Found, Lookup, Moment, PeerRecord, neighbourhood
from p2p_twisted.wire.errors import Forbidden

AT = Moment(10.0, 50.9, 100.0)


def test_registering_leaves_the_old_record_as_it_was() -> None:
    old = PeerRecord("a", 1, 7)
    new = old.registered("b", 2, AT)
    assert (old.address, old.active, old.activations) == (("a", 1), False, ())
    assert (new.address, new.cookie, new.active, new.deadline) == (("b", 2), 7, True, 100.0)
    assert (new.registered_at, new.activations) == (50, (50,))
    assert new.inactive().ttl(0) == 0 and new.active


@pytest.mark.parametrize(("now", "ttl", "alive"), [(0, 100, True), (99.01, 1, True), (100, 0, False), (500, 0, False)])
def test_the_ttl_rounds_up_and_ends_at_0(now: float, ttl: int, alive: bool) -> None:
    record = PeerRecord("a", 1, 7, True, 100.0)
    assert (record.ttl(now), record.alive(now)) == (ttl, alive)


def test_a_record_remembers_the_latest_activations() -> None:
    record = PeerRecord("a", 1, 7)
    for at in range(MAX_ACTIVATIONS + 3):
        record = record.renewed(Moment(0.0, at, 10.0)).inactive()
    assert record.activations == tuple(range(3, MAX_ACTIVATIONS + 3))


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("peer.example", "peer.example"),
        ("2001:db8::1", "2001:db8::"),
        ("2001:db8:0:0:1::", "2001:db8::"),
        ("2001:db8:0:1::", "2001:db8:0:1::"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_one_host_is_one_address_or_one_ipv6_network(host: str, wanted: str) -> None:
    assert neighbourhood(host) == wanted


ACTIVE = PeerRecord("a", 1, 7, True, 100.0, 5, (5,))
LOOKUP = Lookup(7, ("a", 1))


def test_a_cookie_that_is_in_use_is_not_given_out() -> None:
    assert rules.register_new(Found(LOOKUP, ACTIVE), "a", 1, None, AT) is None


def test_a_new_peer_displaces_the_holder_of_its_address() -> None:
    changes = rules.register_new(Found(Lookup(8, ("a", 1)), None, ACTIVE), "a", 1, None, AT)
    assert changes is not None and changes.displaced is not None
    assert (changes.record.cookie, changes.record.active) == (8, True)
    assert (changes.displaced.cookie, changes.displaced.active) == (7, False)
    assert changes.dropped is None
    assert ACTIVE.active, "the rules change no record in place"


@pytest.mark.parametrize(
    ("neighbours", "limit", "drops"), [(2, None, False), (2, 3, False), (3, 3, True), (9, 3, True)]
)
def test_room_is_made_only_on_a_full_host(neighbours: int, limit: int | None, drops: bool) -> None:
    old = ACTIVE.inactive()
    changes = rules.register_new(Found(Lookup(8), None, None, neighbours, old), "a", 2, limit, AT)
    assert changes is not None and changes.dropped is (old if drops else None)


def test_a_full_host_with_active_peers_only_is_refused() -> None:
    with pytest.raises(Forbidden, match="too many peers are registered from this address"):
        rules.register_new(Found(Lookup(8), None, None, 3, None), "a", 2, 3, AT)


def test_a_peer_displaces_itself_neither_at_a_register_nor_at_a_keep_alive() -> None:
    found = Found(LOOKUP, ACTIVE, ACTIVE)
    assert rules.register_again(found, "a", 1, AT).displaced is None
    assert rules.keep_alive(found, 1, AT).displaced is None


def test_a_ttl_that_has_run_out_counts_before_any_sweep() -> None:
    found, late = Found(LOOKUP, ACTIVE), Moment(100.0, 140.0, 200.0)
    for rule in rules.leave, rules.query:
        assert rule(found, 1, AT).record.cookie == 7
        with pytest.raises(Forbidden, match="this peer is not active"):
            rule(found, 1, late)
    assert rules.keep_alive(found, 1, AT).record.activations == (5,)
    assert rules.keep_alive(found, 1, late).record.activations == (5, 140)
