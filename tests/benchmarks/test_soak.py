"""Faults found by a soak: failures that the record does not explain, and views that differ from the disks."""

from typing import Any

import pytest

from benchmarks.soak.orders import SPREAD_SECONDS, Order, find_faults
from benchmarks.soak.record import Record, Version
from benchmarks.soak.views import differences, expected, view_of

OLD, NEW = Version(100, "a" * 64), Version(200, "b" * 64)
ONE, TWO = ("127.0.0.1", 1), ("127.0.0.1", 2)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def record(clock: Clock) -> Record:
    """Two peers run; peer1 has a document. 100 seconds have gone."""
    record = Record(clock)
    record.started("peer1")
    record.started("peer2")
    record.held("peer1", "x.txt", OLD)
    clock.now = 100.0
    return record


def order(clock: Clock, record: Record, kind: str | None, names: tuple[str, ...] = ("x.txt",), **more: Any) -> Order:
    """An order of peer2 that began at 100, is over now, and whose file failed with `kind`; None: it is there."""
    error = None if kind is None else {"kind": kind, "text": "text"}
    file = {"name": "x.txt", "size": OLD.size, "state": "done" if kind is None else "failed", "error": error}
    return Order(1, "peer2", names, 100.0, clock.now, download={"error": None, "files": [file], **more})


def faults(given: Order, record: Record, **here: Version) -> list[str]:
    return list(find_faults(given, record, here))


def test_a_document_of_a_peer_that_ran_all_the_time_must_not_fail(clock: Clock, record: Record) -> None:
    clock.now = 110.0
    (fault,) = faults(order(clock, record, "peers-failed"), record)
    assert "peer1 had it all the time" in fault


@pytest.mark.parametrize("act", ["kill", "change", "remove", "rename"])
def test_a_stop_of_the_holder_explains_a_failure(clock: Clock, record: Record, act: str) -> None:
    clock.now = 105.0
    if act == "kill":
        record.ended("peer1", "is killed")
    else:
        record.dropped("peer1", "x.txt")
    if act in ("change", "rename"):
        record.held("peer1", "x.txt" if act == "change" else "y.txt", NEW if act == "change" else OLD)
    clock.now = 110.0
    assert faults(order(clock, record, "no-holder"), record) == []


def test_a_holder_that_has_come_a_moment_ago_need_not_be_known(clock: Clock, record: Record) -> None:
    record.dropped("peer1", "x.txt")
    clock.now = 100.0 - SPREAD_SECONDS / 2
    record.held("peer1", "x.txt", OLD)
    clock.now = 110.0
    assert faults(order(clock, record, "no-holder"), record) == []


def test_an_error_of_the_program_is_never_explained(clock: Clock, record: Record) -> None:
    record.ended("peer1", "is killed")
    assert len(faults(order(clock, record, "failed"), record)) == 1


def test_a_killed_downloader_explains_everything(clock: Clock, record: Record) -> None:
    clock.now = 105.0
    record.ended("peer2", "is killed")
    clock.now = 110.0
    assert faults(order(clock, record, "peers-failed"), record) == []


def test_a_file_in_the_way_must_have_another_content(clock: Clock, record: Record) -> None:
    assert faults(order(clock, record, "exists"), record, **{"x.txt": NEW}) == []
    (fault,) = faults(order(clock, record, "exists"), record, **{"x.txt": OLD})
    assert "very content" in fault
    (fault,) = faults(order(clock, record, "exists"), record)
    assert "never had" in fault


def test_a_name_is_ambiguous_only_with_two_contents(clock: Clock, record: Record) -> None:
    (fault,) = faults(order(clock, record, "ambiguous"), record)
    assert "only one" in fault
    record.held("peer2", "x.txt", NEW)
    assert faults(order(clock, record, "ambiguous"), record) == []


def test_an_order_of_everything_must_have_what_was_there_all_the_time(clock: Clock, record: Record) -> None:
    (fault,) = faults(order(clock, record, None, (), files=[]), record)
    assert "x.txt is no part of it" in fault
    assert faults(order(clock, record, None, (), files=[], passed_over=[{"name": "x.txt"}]), record) == []
    assert faults(order(clock, record, None, ()), record) == []
    assert faults(order(clock, record, None, (), files=[]), record, **{"x.txt": OLD}) == []


def test_an_order_must_end_and_have_an_outcome(clock: Clock, record: Record) -> None:
    given = order(clock, record, None)
    given.is_late = True
    assert len(faults(given, record)) == 1
    given.is_late, given.download = False, None
    assert len(faults(given, record)) == 1


def test_a_view_is_right_when_it_equals_the_files_on_the_disks() -> None:
    disks = {ONE: {"x.txt": OLD, "y.txt": NEW}, TWO: {"x.txt": OLD}}
    items = [item("x.txt", OLD, True, ONE, TWO), item("y.txt", NEW, False, ONE)]
    assert view_of(items) == expected(TWO, disks)


def test_differences_are_said_by_document_and_peer() -> None:
    disks = {ONE: {"x.txt": OLD, "y.txt": NEW}}
    seen = view_of([item("x.txt", OLD, False, ONE, TWO), item("z.txt", NEW, True, TWO)])
    lines = list(differences(seen, expected(TWO, disks), {ONE: "peer1", TWO: "peer2"}))
    assert [line.partition(")")[2] for line in lines] == [
        " is listed at peer1, peer2, and is at peer1",
        " is not listed",
        " is listed at peer2 and nowhere",
    ]


def item(name: str, version: Version, local: bool, *holders: tuple[str, int]) -> dict[str, Any]:
    found = [{"host": host, "port": port, "ttl": 7200} for host, port in holders]
    return {"name": name, "size": version.size, "sha256": version.sha256, "local": local, "holders": found}
