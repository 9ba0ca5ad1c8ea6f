"""The peer record, as time passes."""

from __future__ import annotations

import pytest

from p2p_twisted.registry.record import MAX_ACTIVATIONS, PROTECTED_TIME, Moment, PeerRecord

AT = Moment(10.0, 50.9, 100.0)


def test_registering_leaves_the_old_record_as_it_was() -> None:
    old = PeerRecord("a", 1, 7)
    new = old.registered(("b", 2), AT)
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
    ("ttl", "age", "left"),
    [
        (7200, 0, PROTECTED_TIME),
        (7200, 100, PROTECTED_TIME - 100),
        (7200, PROTECTED_TIME, 0),
        (7200, 7000, 0),
        (7200, 7200, 0),
        (60, 0, 30),
        (60, 29, 1),
        (60, 30, 0),
    ],
)
def test_a_record_is_protected_for_a_while_after_its_renewal(ttl: int, age: int, left: int) -> None:
    record = PeerRecord("a", 1, 7).renewed(Moment(1000.0, 0.0, 1000.0 + ttl))
    later = Moment(1000.0 + age, 0.0, 1000.0 + age + ttl)
    assert record.protected(later) == left
    assert record.inactive().protected(later) == 0
