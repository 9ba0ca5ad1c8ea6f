"""The registry over a store that serves several requests at a time, in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from p2p_twisted.registry import registry as registry_module
from p2p_twisted.registry.registry import MAX_ATTEMPTS, Registry
from p2p_twisted.registry.rules import Changes, Found
from p2p_twisted.registry.store import StoreError
from p2p_twisted.wire.errors import Forbidden
from tests.support.registries import Clocks, RemoteStore, SynchronousRegistry, result_of

LIMIT = 3


class Room:
    """A registry whose store answers one call at a time, when told to."""

    def __init__(self) -> None:
        self.calls: list[Deferred[None]] = []
        self.clocks = Clocks()
        self.registry = Registry(RemoteStore(self._arrive), 7200, self.clocks.monotonic, self.clocks.wall)
        self.results: list[object] = []

    def _arrive(self) -> Deferred[None]:
        call: Deferred[None] = Deferred()
        self.calls.append(call)
        return call

    def start(self, request: Coroutine[Any, Any, object]) -> None:
        Deferred.fromCoroutine(request).addBoth(self.results.append)

    def answer(self, index: int = 0) -> None:
        """Answer one of the open calls."""
        self.calls.pop(index % len(self.calls)).callback(None)

    def finish(self, request: Coroutine[Any, Any, Any]) -> Any:
        """Answer all open calls, then those of `request`; return its result."""
        self._answer_all()
        results: list[Any] = []
        Deferred.fromCoroutine(request).addCallback(results.append)
        self._answer_all()
        return results[0]

    def _answer_all(self) -> None:
        while self.calls:
            self.answer()


kinds = st.sampled_from(["new", "new", "again", "keep", "leave", "query", "sweep", "later"])
steps = st.lists(st.tuples(kinds, st.integers(0, 3), st.integers(0, 7)), max_size=20)


def request_of(room: Room, kind: str, which: int, cookies: list[int]) -> Coroutine[Any, Any, object]:
    cookie, port, registry = cookies[which % len(cookies)], which + 1, room.registry
    if kind == "new":
        return registry.register("h", port, None, True, LIMIT)
    if kind == "again":
        return registry.register("h", port, cookie, True)
    if kind == "sweep":
        return registry.sweep()
    return {"keep": registry.keep_alive, "leave": registry.leave, "query": registry.query}[kind](cookie, port)


@settings(deadline=None, max_examples=200)
@given(steps)
def test_requests_that_overlap_break_no_rule(steps: list[tuple[str, int, int]]) -> None:
    room = Room()
    cookies = [room.finish(room.registry.register("h", port, None, True)).cookie for port in (1, 2)]
    for kind, which, index in steps:
        if kind == "later":
            room.clocks.advance(which * 3000)
        else:
            room.start(request_of(room, kind, which, cookies))
        for _ in range(index % 3):
            if room.calls:
                room.answer(index)
    records = room.finish(room.registry.records())
    active, _ = room.finish(room.registry.active())
    alive = [record.address for record in records if record.active]
    assert sorted(alive) == active and len(set(alive)) == len(alive)
    assert Counter(record.host for record in records)["h"] <= LIMIT
    failures = [result for result in room.results if isinstance(result, Failure)]
    assert all(failure.check(Forbidden) for failure in failures), failures


def test_two_peers_that_register_the_same_address_at_once_are_one_active_peer() -> None:
    room = Room()
    for _ in range(2):
        room.start(room.registry.register("h", 1, None, True))
    for index in (0, 0, 0, 0):  # both have looked before either has committed
        room.answer(index)
    assert len(room.results) == 1 and len(room.calls) == 1, "the second one has to look again"
    assert room.finish(room.registry.active()) == ([("h", 1)], False)
    assert [record.active for record in room.finish(room.registry.records())].count(True) == 1


class Busy(RemoteStore):
    """A store whose records change between any two calls."""

    async def commit(self, found: Found, changes: Changes, durable: bool) -> bool:
        await super().commit(found, changes, durable)
        return False


def test_a_store_that_never_stands_still_is_an_error() -> None:
    calls: list[None] = []

    async def arrive() -> None:
        calls.append(None)

    registry = Registry(Busy(arrive))
    with pytest.raises(StoreError, match=f"changed {MAX_ATTEMPTS} times"):
        result_of(registry.register("h", 1, None, True))
    assert len(calls) == 2 * MAX_ATTEMPTS


def test_a_cookie_that_is_drawn_twice_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([5, 5, 5, 6])
    monkeypatch.setattr(registry_module, "_new_cookie", lambda wide: next(drawn))
    registry = SynchronousRegistry()
    assert [registry.register("h", port, None, True).cookie for port in (1, 2)] == [5, 6]
