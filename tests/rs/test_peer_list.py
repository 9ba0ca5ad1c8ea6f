"""The list for 1.0: made once for all, not too often, and not too long."""

from __future__ import annotations

from twisted.internet.task import Clock

from p2p_twisted.rs.peer_list import LONG, LONG_INTERVAL, WholeList
from tests.support.registries import SynchronousRegistry, result_of


def filled(count: int) -> SynchronousRegistry:
    registry = SynchronousRegistry()
    for port in range(1, count + 1):
        registry.register("10.0.0.1", port)
    return registry


def test_it_is_made_anew_only_when_it_has_changed() -> None:
    registry = filled(2)
    whole = WholeList(Clock(), registry.store, 10)
    body = result_of(whole.body())
    assert body == b"10.0.0.1 1\n10.0.0.1 2\n"
    assert result_of(whole.body()) is body
    registry.register("9.0.0.1", 1)
    assert result_of(whole.body()) == body + b"9.0.0.1 1\n"


def test_a_long_one_is_made_once_a_second() -> None:
    registry, clock = filled(LONG + 1), Clock()
    whole = WholeList(clock, registry.store, 2 * LONG)
    body = result_of(whole.body())
    registry.register("9.0.0.1", 1)
    assert result_of(whole.body()) is body
    clock.advance(LONG_INTERVAL)
    assert result_of(whole.body()) == body + b"9.0.0.1 1\n"


def test_of_too_many_some_are_chosen_by_chance() -> None:
    registry = filled(9)
    seen = set()
    for _ in range(60):
        lines = result_of(WholeList(Clock(), registry.store, 4).body()).splitlines()
        assert len(lines) == 4
        seen.update(lines)
    assert len(seen) == 9
