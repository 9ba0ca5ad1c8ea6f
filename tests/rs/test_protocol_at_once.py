"""What is answered at once, without parser and coroutine, against the long way: nobody can tell the difference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p_twisted.registry import rules
from p2p_twisted.registry.record import PROTECTED_TIME, Clocks
from p2p_twisted.registry.sqlite import SQLiteStore
from p2p_twisted.rs.limits import Limits
from p2p_twisted.rs.protocol import RSConnection
from tests.support.registries import result_of
from tests.support.rs_server import Rig, answer, request

LIMITS = Limits(max_peers_per_host=3, max_requests_per_second=2, max_wrong_cookies=4, peer_list=3)
CALLERS = ["192.168.1.1", "192.168.1.2", "127.0.0.1"]


class SQLiteRig(Rig):
    """An RS with a registry in a file, whose groups are committed by `turn`"""

    def __init__(self, folder: Path, is_long: bool = False, limits: Limits = LIMITS) -> None:
        """`is_long`: everything takes the long way."""
        self.calls: list[Any] = []
        super().__init__(limits=limits, make_store=lambda clocks: self.store_in(folder, clocks))
        self.registry.start()
        self.connections: list[Any] = []
        if is_long:
            self.factory.protocol = LongWay

    def store_in(self, folder: Path, clocks: Clocks) -> SQLiteStore:
        self.store = SQLiteStore(folder / "registry.sqlite", clocks, self.calls.append)
        return self.store

    def say(self, data: bytes, peer: str) -> None:
        """Send `data` on a connection of its own."""
        connection, transport = self.connect(peer)
        self.connections.append((connection, transport))
        connection.dataReceived(data)

    def draw(self, wide: bool) -> int:
        """Return a cookie that nobody has: one that was drawn for nothing is drawn again."""
        group = self.store._group
        taken = [*self.store._table.slots, *(group._cookies if group else ())]
        return max((cookie % 2**32 for cookie in taken), default=0) + 1 + (2**32 if wide else 0)

    def turn(self) -> None:
        """End a turn of the reactor."""
        calls, self.calls[:] = list(self.calls), []
        for call in calls:
            call()

    def set_writable(self, is_writable: bool) -> None:
        connection = self.store._file._connection
        assert connection is not None
        connection.execute(f"PRAGMA query_only = {'OFF' if is_writable else 'ON'}")

    def outcome(self) -> tuple[object, ...]:
        """Return what can be seen from outside: answers, counts, records."""
        answers = [(transport.drain(), transport.ended, transport.aborted) for _, transport in self.connections]
        numbers = self.factory.requests.numbers(self.factory.fast_answers, self.factory.refusals)
        requests = {name: number for name, number in numbers.items() if name.startswith("requests")}
        alarm = self.factory.alarm
        records = [(one, one.deadline, one.proven) for one in self.registry.records()]
        return answers, requests, dict(self.factory.limit_hits), (alarm.failures, alarm.total), records

    def stop(self) -> None:
        self.set_writable(True)
        self.factory.doStop()
        result_of(self.store.close())


class LongWay(RSConnection):
    """Gives each request to the parser, and awaits each answer."""

    def fast_path(self, data: bytes, at: int) -> None:
        return None

    def _sampled_at_once(self, request: Any) -> None:
        return None

    def _enters(self, request: Any, started: float, caller: Any) -> bool:
        return False


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[SQLiteRig]:
    rig = SQLiteRig(tmp_path)
    yield rig
    rig.stop()


methods = st.sampled_from(["Register", "Register", "Register", "Leave", "KeepAlive", "PQuery", "PQuery"])
cookies = st.sampled_from(["", "", "", "-1", "1", "2", "3", "9", "4294967300", str(2**63 - 1), str(2**63), "01"])
headers = st.sampled_from([(), (), (), ("Sample: 2",), ("Limit: 1",), ("After: 192.168.1.1 2",), ("Sample: 0",)])
asked = st.builds(
    lambda method, cookie, port, minor, more, host: request(
        method, f"cookie:{cookie}", f"port:{port}", minor=minor, headers=more, host=host
    ),
    *(methods, cookies, st.integers(1, 4), st.integers(0, 1), headers, st.sampled_from(["10.0.0.1", "h", *CALLERS])),
)
steps = st.tuples(st.just("ask"), st.lists(asked, min_size=1, max_size=4), st.sampled_from(CALLERS)) | st.tuples(
    st.sampled_from(["turn", "fail", "pass"])
)


def played(rig: SQLiteRig, steps: list[tuple[Any, ...]]) -> tuple[object, ...]:
    """Return the outcome of some steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "_draw_cookie", rig.draw)
        for what, *details in steps:
            if what == "ask":
                rig.say(b"".join(details[0]), details[1])
            elif what == "pass":
                rig.clock.pump([1.0] * (PROTECTED_TIME + 1))
            else:
                rig.set_writable(what == "turn")
                rig.turn()
        rig.set_writable(True)
        while rig.calls:
            rig.turn()
    outcome = rig.outcome()
    rig.stop()
    return outcome


@settings(deadline=None, max_examples=150)
@given(st.lists(steps, max_size=25), st.booleans())
def test_the_answers_the_counts_and_the_records_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]], is_limited: bool
) -> None:
    limits = LIMITS if is_limited else Limits(peer_list=10**4)
    short, long_ = (
        played(SQLiteRig(tmp_path_factory.mktemp("state"), is_long, limits), steps) for is_long in (False, True)
    )
    assert short == long_


def test_a_register_is_answered_when_it_is_on_disk(rig: SQLiteRig) -> None:
    connection, transport = rig.connect()
    connection.dataReceived(request("Register", "cookie:", "port:7", minor=1) * 2)
    assert transport.value() == b"" and rig.registry.records() == []
    rig.turn()
    [record] = rig.registry.records()
    body = f"cookie:{record.cookie}\n"
    refusal = transport.value().removeprefix(answer(body, minor=1))
    assert refusal.startswith(b"403 FORBIDDEN"), "the second begins to be answered after the first"


def test_it_is_refused_and_counted_if_it_cannot_be_written(rig: SQLiteRig) -> None:
    rig.set_writable(False)
    connection, transport = rig.connect()
    connection.dataReceived(request("Register", "cookie:", "port:7", minor=1))
    rig.turn()
    text = "the RS cannot write down anything now; try again later\n"
    assert transport.value() == answer(text, "300 BAD_REQUEST", minor=1) and transport.ended
    assert rig.factory.alarm.failures == 1 and rig.registry.records() == []
    rig.set_writable(True)
    rig.say(request("Register", "cookie:", "port:7"), "192.168.1.1")
    rig.turn()
    assert rig.factory.alarm.failures == 0


def test_a_client_that_is_lost_meanwhile_gets_nothing(rig: SQLiteRig) -> None:
    connection, transport = rig.connect()
    connection.dataReceived(request("Register", "cookie:", "port:7", minor=1) * 3)
    connection.end()
    rig.turn()
    assert transport.value() == b"" and len(rig.registry.records()) == 1 and rig.calls == []
