"""Requests that come at once are one transaction: all of them are granted, or none, and none sees half of another."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from p2p_twisted.registry import rules
from p2p_twisted.registry.record import PROTECTED_TIME, PeerRecord
from p2p_twisted.registry.rules import Request
from p2p_twisted.registry.sqlite import SQLiteStore
from p2p_twisted.registry.store import Counts, StoreError
from p2p_twisted.wire.errors import Forbidden
from tests.support.registries import StillClocks, SynchronousRegistry, result_of

HOST = "10.0.0.1"


class Machine:
    """A store whose groups are committed by `turn`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "registry.sqlite"
        self.clocks = StillClocks()
        self.calls: list[Callable[[], None]] = []
        self.store = SQLiteStore(self.path, self.clocks.clocks, self.calls.append)
        self.store.start()

    def apply(self, request: Request) -> list[PeerRecord | BaseException]:
        """Start to apply `request`; return a list that will have the result."""
        results: list[PeerRecord | BaseException] = []
        applying = Deferred.fromCoroutine(self.store.apply(request))
        applying.addCallbacks(results.append, lambda failure: results.append(failure.value))
        return results

    def turn(self) -> None:
        """End a turn of the reactor."""
        calls, self.calls[:] = list(self.calls), []
        for call in calls:
            call()

    def enter(self, port: int, host: str = HOST, limit: int | None = None) -> PeerRecord:
        """Register a new peer, in a turn of its own."""
        results = self.apply(rules.register(host, port, limit=limit))
        self.turn()
        [record] = results
        assert isinstance(record, PeerRecord)
        return record

    def set_writable(self, is_writable: bool) -> None:
        connection = self.store._file._connection
        assert connection is not None
        connection.execute(f"PRAGMA query_only = {'OFF' if is_writable else 'ON'}")

    def described(self) -> list[tuple[object, ...]]:
        return [(record, record.deadline, record.proven) for record in result_of(self.store.records())]

    def on_disk(self) -> list[PeerRecord]:
        """Return the records that a process finds which is started after a `kill -9` now."""
        copy = self.path.with_name("copy.sqlite")
        for suffix in ("", "-wal"):
            shutil.copy(f"{self.path}{suffix}", f"{copy}{suffix}")
        return SynchronousRegistry(store=SQLiteStore(copy, self.clocks.clocks)).records()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    result_of(machine.store.close())


def test_nobody_is_answered_before_all_are_on_disk_in_one_transaction(machine: Machine) -> None:
    leaving = machine.enter(9)
    before = machine.store.commits
    results = [machine.apply(rules.register(HOST, port)) for port in (1, 2, 3)]
    results.append(machine.apply(rules.leave(leaving.cookie, 9, [HOST])))
    assert results == [[], [], [], []] and len(machine.on_disk()) == 1
    machine.turn()
    assert [record.address for [record] in results if isinstance(record, PeerRecord)] == [
        (HOST, p) for p in (1, 2, 3, 9)
    ]
    assert machine.store.commits == before + 1
    assert machine.on_disk() == result_of(machine.store.records())
    assert result_of(machine.store.active()) == ([(HOST, 1), (HOST, 2), (HOST, 3)], False)


def test_if_they_cannot_be_written_all_are_refused_and_nothing_has_changed(machine: Machine) -> None:
    old = machine.enter(1)
    machine.clocks.advance(PROTECTED_TIME)
    before, generation = machine.described(), result_of(machine.store.generation())
    machine.set_writable(False)
    results = [
        machine.apply(request)
        for request in (
            rules.register(HOST, 1),
            rules.register(HOST, 2),
            rules.leave(old.cookie, 1, [HOST]),  # waits for the first, which takes its address
        )
    ]
    machine.turn()
    assert [type(error) for [error] in results[:2]] == [StoreError] * 2 and results[2] == []
    assert (machine.described(), result_of(machine.store.generation())) == (before, generation)
    machine.set_writable(True)
    machine.turn()
    assert results[2] == [old.inactive()]
    machine.enter(2)


def test_two_that_want_one_address_are_decided_one_after_the_other(machine: Machine) -> None:
    first, second = (machine.apply(rules.register(HOST, 1)) for _ in range(2))
    machine.turn()
    assert isinstance(first[0], PeerRecord) and isinstance(second[0], Forbidden)
    assert result_of(machine.store.counts()) == Counts(1, 1)


def test_a_full_host_is_as_full_as_it_will_be(machine: Machine) -> None:
    unused = machine.enter(9, limit=2)
    machine.apply(rules.leave(unused.cookie, 9, [HOST]))
    machine.turn()
    results = [machine.apply(rules.register(HOST, port, limit=2)) for port in (1, 2, 3)]
    machine.set_writable(False)
    machine.turn()
    machine.set_writable(True)
    for _ in results:
        machine.turn()
    kinds = [type(result) for [result] in results]
    assert kinds == [StoreError, PeerRecord, PeerRecord], "the first was to be the second record"
    assert result_of(machine.store.counts()) == Counts(2, 2)
    third = machine.apply(rules.register(HOST, 4, limit=2))
    assert isinstance(third[0], Forbidden), "no group is under way that could make room"


def test_closing_writes_the_group(machine: Machine) -> None:
    results = machine.apply(rules.register(HOST, 1))
    result_of(machine.store.close())
    assert isinstance(results[0], PeerRecord)
    machine.turn()
    assert len(SynchronousRegistry(store=SQLiteStore(machine.path, machine.clocks.clocks)).records()) == 1


def test_a_renewal_meanwhile_waits_for_nothing(machine: Machine) -> None:
    kept, other = machine.enter(1), machine.enter(2)
    machine.clocks.advance(100)
    machine.apply(rules.leave(other.cookie, 2, [HOST]))
    assert machine.store.renew(kept.cookie, 1, HOST) and machine.store.renew(other.cookie, 2, HOST)
    machine.turn()
    assert not machine.store.renew(other.cookie, 2, HOST)


@pytest.mark.parametrize(("is_always_synced", "level"), [(True, 2), (False, 1)])
def test_each_transaction_may_wait_for_the_disk(tmp_path: Path, is_always_synced: bool, level: int) -> None:
    store = SQLiteStore(tmp_path / "registry.sqlite", StillClocks().clocks, is_always_synced=is_always_synced)
    store.start()
    connection = store._file._connection
    assert connection is not None and connection.execute("PRAGMA synchronous").fetchone() == (level,)
    result_of(store.close())


kinds = st.sampled_from(["new", "again", "leave", "keep", "turn", "fail", "pass"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(kinds, st.integers(0, 3)), max_size=40))
def test_what_was_answered_is_on_disk_whatever_fails(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    machine = Machine(tmp_path_factory.mktemp("state"))
    cookies = [machine.enter(port).cookie for port in (1, 2)]
    for what, which in steps:
        cookie, port = cookies[which % len(cookies)], which + 1
        if what == "new":
            machine.apply(rules.register(HOST, port, limit=4))
        elif what == "again":
            machine.apply(rules.register(HOST, port, cookie))
        elif what == "leave":
            machine.apply(rules.leave(cookie, port, [HOST]))
        elif what == "keep":
            machine.apply(rules.keep_alive(cookie, port, [HOST]))
        elif what == "pass":
            machine.clocks.advance(which * 3000)
        else:
            machine.set_writable(what == "turn")
            machine.turn()
    machine.set_writable(True)
    while machine.calls:
        machine.turn()
    records = result_of(machine.store.records())
    result_of(machine.store.close())
    active = [record.address for record in records if record.active]
    assert sorted(active) == result_of(machine.store.active())[0] and len(set(active)) == len(active)
    assert len(records) <= 4
    again = SynchronousRegistry(store=SQLiteStore(machine.path, machine.clocks.clocks))
    assert again.records() == records
    assert again.active() == result_of(machine.store.active())
