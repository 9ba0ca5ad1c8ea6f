"""Requests that overlap on a store whose round trips are answered in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from p2p_twisted.registry import rules
from p2p_twisted.wire.errors import Forbidden
from tests.support.registries import RemoteStore, StillClocks, SynchronousRegistry

LIMIT = 3


class Room:
    """A store that answers one round trip at a time, when told to."""

    def __init__(self) -> None:
        self.calls: list[Deferred[None]] = []
        self.clocks = StillClocks()
        self.store = RemoteStore(self.clocks.clocks, self._travel)
        self.results: list[object] = []

    def _travel(self) -> Deferred[None]:
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


kinds = st.sampled_from(["new", "new", "again", "keep", "leave", "query", "later"])
steps = st.lists(st.tuples(kinds, st.integers(0, 3), st.integers(0, 7)), max_size=20)


def request_of(kind: str, which: int, cookies: list[int]) -> rules.Request:
    cookie, port = cookies[which % len(cookies)], which + 1
    if kind == "new":
        return rules.register("h", port, limit=LIMIT)
    if kind == "again":
        return rules.register("h", port, cookie)
    return {"keep": rules.keep_alive, "leave": rules.leave, "query": rules.query}[kind](cookie, port, ["h"])


@settings(deadline=None, max_examples=200)
@given(steps)
def test_requests_that_overlap_break_no_rule(steps: list[tuple[str, int, int]]) -> None:
    room = Room()
    cookies = [room.finish(room.store.apply(rules.register("h", port))).cookie for port in (1, 2)]
    for kind, which, index in steps:
        if kind == "later":
            room.clocks.advance(which * 3000)
        else:
            room.start(room.store.apply(request_of(kind, which, cookies)))
        for _ in range(index % 3):
            if room.calls:
                room.answer(index)
    records = room.finish(room.store.records())
    active, _ = room.finish(room.store.active())
    alive = [record.address for record in records if record.active]
    assert sorted(alive) == active and len(set(alive)) == len(alive)
    assert Counter(record.host for record in records)["h"] <= LIMIT
    failures = [result for result in room.results if isinstance(result, Failure)]
    assert all(failure.check(Forbidden) for failure in failures), failures


def test_two_peers_that_register_the_same_address_at_once_are_one_active_peer() -> None:
    room = Room()
    for _ in range(2):
        room.start(room.store.apply(rules.register("h", 1)))
    for index in (0, 0, 0, 0):  # both have looked before either has committed
        room.answer(index)
    assert len(room.results) == 1 and len(room.calls) == 1, "the second one has to look again"
    assert room.finish(room.store.active()) == ([("h", 1)], False)
    assert [record.active for record in room.finish(room.store.records())].count(True) == 1


def test_a_cookie_that_is_drawn_twice_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([5, 5, 5, 6])
    monkeypatch.setattr(rules, "_draw_cookie", lambda wide: next(drawn))
    registry = SynchronousRegistry()
    assert [registry.register("h", port).cookie for port in (1, 2)] == [5, 6]
