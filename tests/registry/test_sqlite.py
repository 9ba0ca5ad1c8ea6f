"""The SQLite store outlives its process, or says clearly why it cannot."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import formatEvent

from p2p_twisted.registry import sqlite
from p2p_twisted.registry.record import PROTECTED_TIME, Clocks
from p2p_twisted.registry.sqlite import SQLiteStore
from p2p_twisted.registry.store import StoreError
from p2p_twisted.wire.errors import Forbidden
from tests.support.captured_log import captured_log
from tests.support.registries import StillClocks, SynchronousRegistry


class Machine:
    """A folder with a registry, which can be crashed and started again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "registry.sqlite"
        self.clocks = StillClocks()
        self.boots = 0
        self.start()

    def start(self) -> SynchronousRegistry:
        self.store = SQLiteStore(self.path, self.clocks.clocks)
        self.registry = SynchronousRegistry(store=self.store)
        self.registry.start()
        return self.registry

    def crash(self) -> SynchronousRegistry:
        """Go on with a copy of the files as they are on disk now, as after `kill -9`."""
        self.boots += 1
        copy = self.path.with_name(f"{self.boots}.sqlite")
        for suffix in ("", "-wal"):
            source = Path(f"{self.path}{suffix}")
            if source.exists():
                shutil.copy(source, f"{copy}{suffix}")
        self.registry.close()
        self.path = copy
        return self.start()

    def restart(self) -> SynchronousRegistry:
        self.registry.close()
        return self.start()

    def table(self) -> list[dict[str, str | int | bool]]:
        return [self.registry.describe(record) for record in self.registry.records()]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.registry.close()


def test_a_register_and_a_leave_survive_a_crash_at_once(machine: Machine) -> None:
    first = machine.registry.register("10.0.0.1", 1, None, True)
    second = machine.registry.register("10.0.0.1", 2, None, False)
    machine.registry.leave(second.cookie, 2)
    before = machine.table()
    registry = machine.crash()
    assert machine.table() == before
    assert registry.active() == ([("10.0.0.1", 1)], False)
    assert registry.register("10.0.0.5", 1, first.cookie, True).cookie == first.cookie


def test_a_displaced_peer_is_displaced_after_a_crash_too(machine: Machine) -> None:
    machine.registry.register("10.0.0.1", 1, None, True)
    machine.clocks.advance(PROTECTED_TIME)
    machine.registry.register("10.0.0.1", 1, None, True)
    machine.crash()
    assert sorted(row["isActive"] for row in machine.table()) == [False, True]


def test_the_ttl_goes_on_while_the_rs_is_down_and_over_a_reboot(machine: Machine) -> None:
    cookie = machine.registry.register("10.0.0.1", 1, None, True).cookie
    machine.registry.close()
    machine.clocks.advance(200)
    machine.clocks.now = 3.0  # the machine was started again
    registry = machine.start()
    assert machine.table()[0]["TTL"] == 7000
    machine.registry.close()
    machine.clocks.advance(7000)
    registry = machine.start()
    assert registry.active() == ([], False)
    with pytest.raises(Forbidden):
        registry.query(cookie, 1)
    registry.keep_alive(cookie, 1)


@pytest.mark.parametrize(("jump", "left"), [(10**9, 0), (-(10**9), 7200), (-1, 7200)])
def test_a_wall_clock_that_jumped_leaves_a_ttl_within_its_bounds(machine: Machine, jump: float, left: int) -> None:
    machine.registry.register("10.0.0.1", 1, None, True)
    machine.registry.close()
    machine.clocks.time += jump
    machine.start()
    assert machine.table()[0]["TTL"] == left


def test_a_sweep_writes_down_what_keep_alive_changed(machine: Machine) -> None:
    cookie = machine.registry.register("10.0.0.1", 1, None, True).cookie
    machine.registry.leave(cookie, 1)
    machine.clocks.advance(100)
    machine.registry.keep_alive(cookie, 1)
    machine.registry.sweep()
    machine.crash()
    assert (machine.table()[0]["TTL"], machine.table()[0]["registered_count"]) == (7200, 2)


def test_a_sweep_writes_a_bounded_number_oldest_first_and_close_the_rest(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "MAX_BATCH", 2)
    cookies = [machine.registry.register("10.0.0.1", port, None, True).cookie for port in (1, 2, 3, 4)]
    machine.clocks.advance(100)
    for port, cookie in reversed(list(enumerate(cookies, 1))):
        machine.registry.keep_alive(cookie, port)
    machine.registry.sweep()
    ttls = {row["port"]: row["TTL"] for row in machine.table()}
    assert set(ttls.values()) == {7200}
    path = machine.path
    machine.crash()
    assert {row["port"]: row["TTL"] for row in machine.table()} == {1: 7100, 2: 7100, 3: 7200, 4: 7200}
    machine.registry.close()
    machine.path = path  # `crash` closed the first one in good order
    machine.start()
    assert {row["TTL"] for row in machine.table()} == {7200}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["new", "again", "leave", "keep", "pass"]), st.integers(0, 3)), max_size=25))
def test_a_restart_changes_nothing(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]) -> None:
    machine = Machine(tmp_path_factory.mktemp("state"))
    cookies: list[int] = []
    for what, which in steps:
        registry = machine.registry
        cookie = cookies[which % len(cookies)] if cookies else 0
        try:
            if what == "new":
                cookies.append(registry.register("h", which + 1, None, True).cookie)
            elif what == "again":
                registry.register("h", which + 1, cookie, True)
            elif what == "leave":
                registry.leave(cookie, which + 1)
            elif what == "keep":
                registry.keep_alive(cookie, which + 1)
            else:
                machine.clocks.advance(which * 3000)
        except Forbidden:
            pass
    before, listed = machine.table(), machine.registry.active()
    assert len({row["port"] for row in before if row["isActive"]}) == len(listed[0])
    machine.restart()
    assert machine.table() == before
    assert machine.registry.active() == listed
    machine.registry.close()


def test_a_second_rs_on_the_same_file_is_refused(machine: Machine) -> None:
    with pytest.raises(StoreError, match="database is locked; close the program that has opened it"):
        SQLiteStore(machine.path, Clocks())


@pytest.mark.parametrize("name", ["nonsense", "no/such/folder", "folder"])
def test_a_file_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "nonsense").write_bytes(b"not a database, by far" * 100)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError) as caught:
        SQLiteStore(tmp_path / name, Clocks())
    assert str(tmp_path / name) in str(caught.value)
    assert ";" in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_of_a_newer_version_is_left_alone(machine: Machine) -> None:
    machine.registry.close()
    with closing(sqlite3.connect(machine.path)) as file:
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="layout 99"):
        machine.start()


def test_a_register_that_cannot_be_written_did_not_happen(machine: Machine) -> None:
    kept = machine.registry.register("10.0.0.1", 1, None, True)
    file = machine.store._file._connection
    assert file is not None
    size = file.execute("PRAGMA page_count").fetchone()[0]
    file.execute(f"PRAGMA max_page_count = {size}")  # as on a full disk
    with pytest.raises(StoreError, match="make room"):
        for port in range(2, 1000):
            registered = port
            machine.registry.register("10.0.0.1", port, None, True)
    assert ("10.0.0.1", registered) not in machine.registry.active()[0]
    assert len(machine.registry.records()) == registered - 1
    machine.registry.leave(kept.cookie, 1)
    machine.restart()
    assert len(machine.table()) == registered - 1


def test_a_record_that_made_room_is_gone_after_a_crash_too(machine: Machine) -> None:
    first = machine.registry.register("10.0.0.1", 1, None, True, 1)
    machine.registry.leave(first.cookie, 1)
    second = machine.registry.register("10.0.0.1", 2, None, True, 1)
    registry = machine.crash()
    assert [record.cookie for record in registry.records()] == [second.cookie]
    registry.leave(second.cookie, 2)
    third = registry.register("10.0.0.1", 3, None, True, 1)
    registry.sweep()
    assert [record.cookie for record in machine.restart().records()] == [third.cookie]


BAD = [
    *(("host", value) for value in ("''", "'a b'", "'a' || char(10) || 'b'", "'\xe4'", "x'ff'", "x''")),
    *(("port", value) for value in ("'abc'", "0", "65536", "4.5", "x'00'", "-1")),
    *(("active", value) for value in ("2", "'yes'", "x'01'")),
    *(("expires", value) for value in ("'soon'", "9e999", "x'00'")),
    *(("registered_at", value) for value in ("'now'", "-1", "9223372036854775807", "1e300")),
    *(("activations", value) for value in ("'1 x'", "'99999999999999'", "x'31'", "'-5'")),
    ("cookie", "-9"),
]


@pytest.mark.parametrize(("column", "value"), BAD)
def test_a_row_with_a_value_that_cannot_be_costs_nobody_else_anything(
    machine: Machine, column: str, value: str
) -> None:
    """It is named in one line, and left as it is."""
    good, bad = (machine.registry.register("10.0.0.1", port, None, True) for port in (4001, 4002))
    machine.registry.close()
    with closing(sqlite3.connect(machine.path)) as file, file:
        file.execute(f"UPDATE peers SET {column} = {value} WHERE port = 4002")
        [before] = file.execute("SELECT *, typeof(port) FROM peers WHERE cookie != ?", [good.cookie])
    with captured_log() as events:
        registry = machine.start()
    [event] = events
    assert "is left out: " in formatEvent(event)
    assert formatEvent(event).isprintable()
    assert str(bad.cookie) not in formatEvent(event), "a cookie is a secret"
    assert [registry.describe(record)["port"] for record in registry.records()] == [4001]
    assert registry.active() == ([("10.0.0.1", 4001)], False)
    registry.register("10.0.0.1", 4003, None, True)
    registry.sweep()
    registry.close()
    with closing(sqlite3.connect(machine.path)) as file:
        assert before in list(file.execute("SELECT *, typeof(port) FROM peers"))


def test_two_rows_that_are_active_at_one_address(machine: Machine) -> None:
    for port in (4001, 4002):
        machine.registry.register("10.0.0.1", port, None, True)
    machine.registry.close()
    with closing(sqlite3.connect(machine.path)) as file, file:
        file.execute("UPDATE peers SET port = 4001")
    registry = machine.start()
    assert [record.active for record in registry.records()].count(True) == 1
    machine.clocks.advance(8000)
    assert registry.sweep().expired == 1
    assert registry.active() == ([], False)


def test_a_file_without_the_table(machine: Machine) -> None:
    machine.registry.close()
    with closing(sqlite3.connect(machine.path)) as file, file:
        file.execute("DROP TABLE peers")
    with pytest.raises(StoreError, match="no such table: peers; move it away to start with an empty registry"):
        machine.start()


@pytest.mark.parametrize("damage", [b"CREATE TABL\xff peers", b"CREATE TABLE (eers", b"CREATE TABLE p\x1b[2J"])
def test_a_file_with_a_damaged_schema(machine: Machine, damage: bytes) -> None:
    machine.registry.close()
    machine.path.write_bytes(machine.path.read_bytes().replace(b"CREATE TABLE peers", damage))
    with pytest.raises(StoreError) as caught:
        machine.start()
    assert str(caught.value).isprintable()
    assert str(caught.value).endswith("; move it away to start with an empty registry")


def test_a_registry_of_layout_1_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(
            "CREATE TABLE peers (cookie INTEGER PRIMARY KEY, host TEXT NOT NULL, port INTEGER NOT NULL, "
            "active INTEGER NOT NULL, expires REAL NOT NULL, registered_at INTEGER NOT NULL, activations TEXT NOT NULL)"
        )
        file.execute("INSERT INTO peers VALUES (5, '10.0.0.1', 1, 1, 1e12, 7, '7')")
        file.execute("PRAGMA user_version = 1")
    for _ in range(2):
        registry = SynchronousRegistry(store=SQLiteStore(path, Clocks()))
        registry.start()
        (record,) = registry.records()
        assert (record.cookie, record.address, record.active, record.proven) == (5, ("10.0.0.1", 1), True, True)
        registry.close()


def test_whether_a_cookie_was_used_survives_a_restart(machine: Machine) -> None:
    machine.registry.register("10.0.0.1", 1, None, True)
    used = machine.registry.register("10.0.0.1", 2, None, True).cookie
    machine.registry.keep_alive(used, 2)
    machine.registry.sweep()
    registry = machine.crash()
    assert {record.port: record.proven for record in registry.records()} == {1: False, 2: True}


def test_what_is_renewed_before_anything_else_is_asked_keeps_its_place(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "SMALL", 1)
    kept, left = (machine.registry.register("10.0.0.1", port, None, True) for port in (1, 2))
    registry = machine.restart()
    machine.clocks.advance(7000)
    assert machine.store.renew(kept.cookie, 1, "10.0.0.1")
    machine.clocks.advance(200)
    assert not machine.store.renew(left.cookie, 2, "10.0.0.1")
    assert registry.active() == ([("10.0.0.1", 1)], False)
    assert registry.sweep().written == 2, "the renewal, and that the other is inactive"
    machine.crash()
    assert [(row["port"], row["TTL"]) for row in machine.table() if row["isActive"]] == [(1, 7000)]
