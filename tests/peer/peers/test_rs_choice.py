"""Which RS is used: drawn by chance, left when it fails, and used again after a while."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from p2p_twisted.peer.peers import rs_choice
from p2p_twisted.peer.peers.rs_choice import Record, Rs, RsChoice, draw

A, B, C = (Rs(f"10.0.0.{number}", 65423, f"10.0.0.{number}") for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def seeded() -> None:
    random.seed(11)


def choice(*order: Rs) -> RsChoice:
    made = RsChoice()
    made.update(order, 0)
    return made


def literal(rs: Rs) -> tuple[str, list[Record]]:
    return rs.name, [Record(rs.port, [rs.host])]


def test_peers_spread_over_all_rs() -> None:
    first = Counter(draw(map(literal, (A, B, C)))[0] for _ in range(3000))
    assert all(900 < first[rs] < 1100 for rs in (A, B, C)), first


def test_srv_records_are_in_the_order_of_priorities_and_drawn_by_weights() -> None:
    records = [Record(2, ["10.0.0.2"], 10, 3), Record(3, ["10.0.0.3"], 20, 9), Record(1, ["10.0.0.1"], 10, 1)]
    drawn = [draw([("rs.example", records)]) for _ in range(2000)]
    assert all(order[2] == Rs("rs.example", 3, "10.0.0.3") for order in drawn)
    assert 1400 < sum(order[0].port == 2 for order in drawn) < 1600


def test_a_weight_of_zero_is_hardly_ever_first() -> None:
    records = [Record(1, ["10.0.0.1"], 0, 0), Record(2, ["10.0.0.2"], 0, 10)]
    assert sum(draw([("rs.example", records)])[0].port == 1 for _ in range(1000)) < 20


def test_the_family_that_the_resolver_prefers_is_first() -> None:
    hosts = ["2001:db8::1", "10.0.0.1", "2001:db8::2", "10.0.0.2"]
    drawn = {tuple(rs.host for rs in draw([("rs.example", [Record(1, hosts)])])) for _ in range(100)}
    assert {frozenset(order[:2]) for order in drawn} == {frozenset({"2001:db8::1", "2001:db8::2"})}
    assert len(drawn) == 4


def test_an_rs_that_is_named_twice_is_there_once() -> None:
    assert draw([literal(A), literal(A), ("a.example", [])]) == [A]


def test_the_next_one_is_used_where_one_fails() -> None:
    found = choice(A, B, C)
    assert (found.current, found.next([])) == (A, A)
    found.failed(A, "refused", 5)
    assert (found.current, found.next([A]), found.error_of(A)) == (B, B, "refused")
    found.failed(B, "reset", 6)
    assert (found.current, found.next([A, B]), found.next([A, B, C])) == (C, C, None)
    found.failed(C, "silent", 7)
    assert found.current == A, "the one that failed first"


def test_a_late_failure_of_another_request_changes_nothing() -> None:
    found = choice(A, B, C)
    found.failed(A, "refused", 5)
    found.answered(B, 5)
    found.failed(A, "silent", 7)
    assert found.current == B


def test_it_stays_where_it_is_and_tries_its_home_later() -> None:
    found = choice(A, B)
    found.failed(A, "refused", 100)
    found.answered(B, 100)
    assert found.home_due(100 + rs_choice.MIN_AWAY - 1) is None
    assert found.home_due(100 + rs_choice.MAX_AWAY) == A
    assert found.current == B
    assert found.home_due(101 + rs_choice.MAX_AWAY) is None, "once"
    assert found.home_due(101 + 2 * rs_choice.MAX_AWAY) == A
    found.came_home(101 + 2 * rs_choice.MAX_AWAY)
    assert found.current == A
    assert found.home_due(1e9) is None


def test_peers_return_spread_over_the_time() -> None:
    due = Counter()
    for _ in range(1000):
        found = choice(A, B)
        found.failed(A, "refused", 0)
        due[next(minute for minute in range(100) if found.home_due(60 * minute) is not None)] += 1
    assert max(due.values()) < 100, "a minute in which too many return"
    assert min(due) >= 10
    assert max(due) <= 30


def test_a_single_rs_has_all_the_time() -> None:
    found = choice(A)
    assert found.timeout is None
    found.failed(A, "refused", 1)
    assert found.current == A
    assert found.home_due(1e9) is None


def test_all_but_one_fail_within_the_time() -> None:
    for total in (2, 3, 4, 5):
        found = choice(*(Rs(f"10.0.0.{number}", 1, f"10.0.0.{number}") for number in range(total)))
        assert (total - 1) * (found.timeout or 0) <= rs_choice.FAIL_OVER_TIME


def test_more_time_where_none_answers_or_all_are_slow() -> None:
    found = choice(A, B)
    times = []
    for _ in range(5):
        times.append(found.timeout)
        found.none_answered()
    assert times == [2, 4, 8, 16, 16]
    found.took(1.5)
    found.answered(A, 0)
    assert found.timeout == 4.5, "the slowest lately, three times"
    for _ in range(20):
        found.took(0.01)
    assert found.timeout == 2
    found.took(100)
    assert found.timeout == rs_choice.LONGEST_TIMEOUT


def test_other_addresses_in_dns() -> None:
    found = choice(A, B)
    found.failed(A, "refused", 0)
    found.update([B, A], 1)
    assert list(found.known) == [A, B], "the same ones: nothing changes"
    found.update([], 1)
    assert list(found.known) == [A, B]
    found.update([C, B], 1)
    assert (found.current, list(found.known)) == (B, [C, B])
    assert found.home_due(1 + rs_choice.MAX_AWAY) == C
    found.update([A], 2)
    assert found.current == A
    found.failed(C, "gone", 3)
    assert found.error_of(C) is None


def test_it_says_why() -> None:
    assert choice(A).why(0) == "it is the only one"
    found = choice(A, B)
    assert found.why(0) == "drawn by chance from 2"
    found.failed(A, "Connection was refused by other side", 10)
    assert found.why(40) == "10.0.0.1:65423 failed 30 s ago: Connection was refused by other side"
    assert Rs("rs.example", 7, "10.0.0.1").label == "rs.example:7 (10.0.0.1)"
