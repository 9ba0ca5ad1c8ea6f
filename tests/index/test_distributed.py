"""The rules of the distributed index, with time as an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.index import distributed
from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.records import IndexRecord


def names(index, now=0):
    return {record.name for record in index.records(now)}


A, B, C = ("10.0.0.1", 4001), ("10.0.0.2", 4002), ("10.0.0.3", 4003)


def record(name, holder, ttl=TTL, sha="a" * 64):
    host, port = holder
    return IndexRecord(name, f"title of {name}", host, port, ttl, 10, sha, "")


def test_a_record_from_its_holder_gets_a_whole_ttl() -> None:
    index = DistributedIndex()
    index.learn(A, [record("x", A, ttl=5)], now=100)
    assert index.holders_of("x", 100) == [record("x", A, TTL)]
    assert index.holders_of("x", 100.5)[0].ttl == TTL
    assert index.holders_of("x", 101)[0].ttl == TTL - 1


def test_hearsay_counts_what_it_has_left_and_never_raises() -> None:
    index = DistributedIndex()
    index.learn(B, [record("x", A, ttl=100)], now=0)
    index.learn(C, [record("x", A, ttl=5000)], now=10)
    assert index.hearsay_of("x", 10)[0].ttl == 90 and index.holders_of("x", 10) == []
    index.learn(A, [record("x", A)], now=20)
    index.learn(C, [record("x", A, ttl=3)], now=20)
    assert index.holders_of("x", 20)[0].ttl == TTL and index.hearsay_of("x", 20) == []


def test_hearsay_does_not_change_the_content_of_a_known_record() -> None:
    index = DistributedIndex()
    index.learn(A, [record("x", A)], now=0)
    index.learn(B, [record("x", A, sha="b" * 64)], now=1)
    assert index.holders_of("x", 1)[0].sha256 == "a" * 64


def test_an_expired_record_is_gone_when_read_before_it_is_swept() -> None:
    index = DistributedIndex()
    index.learn(B, [record("x", A, ttl=10)], now=0)
    assert index.hearsay_of("x", 10) == [] and list(index.records(10)) == []
    assert len(index) == 1
    assert index.expire(10) == 1
    assert len(index) == 0 and not names(index)


def test_expired_hearsay_may_be_received_again() -> None:
    index = DistributedIndex()
    index.learn(B, [record("x", A, ttl=10)], now=0)
    index.learn(B, [record("x", A, ttl=7)], now=10)
    assert index.hearsay_of("x", 10)[0].ttl == 7


def test_a_holders_own_answer_replaces_what_was_known_of_it() -> None:
    index = DistributedIndex()
    index.learn(A, [record("x", A), record("y", A), record("z", B, 50)], now=0)
    index.learn(A, [record("y", A)], now=1)
    assert {r.name for r in index.records(1)} == {"y", "z"}
    assert [r.name for r in index.records(1) if (r.host, r.port) == A] == ["y"] and index.count_of(A, 1) == 1


def test_one_document_has_one_record_for_each_holder() -> None:
    index = DistributedIndex()
    index.learn(A, [record("x", A)], now=0)
    index.learn(B, [record("x", B), record("x", A, 9)], now=0)
    assert sorted((r.host, r.port) for r in index.holders_of("x", 0)) == [A, B]
    assert len(list(index.records(0))) == 2


def test_our_own_files_are_not_learnt_from_others() -> None:
    index = DistributedIndex()
    index.learn(B, [record("mine", A), record("theirs", B)], now=0, own={A})
    assert names(index) == {"theirs"}


def test_forget() -> None:
    index = DistributedIndex()
    index.learn(A, [record("x", A)], now=0)
    index.forget(A)
    index.forget(B)
    assert len(index) == 0 and not names(index)


HOLDERS = st.sampled_from([A, B, C])
RECORDS = st.builds(record, st.sampled_from("xyz"), HOLDERS, st.integers(0, TTL))
EVENTS = st.lists(st.tuples(HOLDERS, st.lists(RECORDS, max_size=6), st.integers(0, 3000)), max_size=15)


@given(EVENTS)
def test_a_ttl_only_falls_unless_the_record_came_from_the_holder(events) -> None:
    index, now, answered = DistributedIndex(), 0.0, dict[tuple[str, int], float]()
    for source, records, passed in events:
        now += passed
        before = {(r.name, r.host, r.port): r for r in index.records(now)}
        index.learn(source, records, now)
        answered[source] = now
        after = {(r.name, r.host, r.port): r for r in index.records(now)}
        for key, new in after.items():
            if key[1:] == source:
                assert new.ttl == TTL
            elif key in before:
                assert new == before[key]
            else:
                assert now >= answered.get(key[1:], -TTL) + TTL
                ttls = [r.ttl for r in records if (r.name, r.host, r.port) == key]
                assert new.ttl in ttls
        index.expire(now)
        assert len(index) == len(after)


@pytest.mark.parametrize(
    "back",
    [
        lambda index: index.learn(A, [record("own", A)], 0),
        lambda index: index.put(A, record("own", A), 0),
        lambda index: index.renew(A, 0),
    ],
)
def test_hearsay_of_a_holder_that_has_answered_does_not_count(back: Callable[[DistributedIndex], object]) -> None:
    index = DistributedIndex()
    index.learn(B, [record("x", A), record("y", B)], 0)
    assert [r.name for r in index.hearsay_of("x", 0)] == ["x"]
    back(index)
    index.learn(C, [record("x", A)], 0)
    assert index.hearsay_of("x", 0) == [] and "x" not in {r.name for r in index.records(0)}
    assert index.expire(0) == 1
    index.learn(B, [record("x", A)], TTL)
    assert [r.name for r in index.hearsay_of("x", TTL)] == ["x"]


def test_hearsay_of_a_removed_holder_does_not_count_until_it_is_back() -> None:
    index = DistributedIndex()
    index.learn(A, [record("own", A)], 0)
    index.is_gone(A)
    index.learn(B, [record("x", A), record("y", B)], 0)
    assert names(index) == {"y"}
    index.is_back(A)
    index.learn(B, [record("x", A), record("y", B)], 0)
    assert names(index) == {"x", "y"}


def test_holders_that_are_gone_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "MAX_GONE", 3)
    index = DistributedIndex()
    for port in range(1, 6):
        index.is_gone(("10.0.0.9", port))
    index.learn(B, [record(str(port), ("10.0.0.9", port)) for port in range(1, 6)], 0)
    assert names(index) == {"1", "2"}


def test_an_answer_counts_when_it_is_done() -> None:
    index = DistributedIndex()
    index.learn(A, [record("old", A)], 0)
    before = index.generation
    with index.answer(A, 0) as answer:
        assert answer.add(record("new", A)) and answer.add(record("x", B))
        assert names(index) == {"old"} and len(index) == 1
    assert names(index) == {"old"} and index.generation == before
    with index.answer(A, 0) as answer:
        answer.add(record("new", A))
        answer.add(record("new", A, sha="b" * 64))
        answer.done(0)
    assert [r.sha256 for r in index.records(0)] == ["b" * 64] and len(index) == 1
    assert index.generation > before
    index.expire(0)
    assert names(index) == {"new"}


def test_hearing_the_same_again_is_no_change() -> None:
    index = DistributedIndex()
    index.learn(A, [record("x", A), record("y", A), record("z", B)], 0)
    before = index.generation
    index.learn(A, [record("y", A), record("x", A), record("z", B)], 5)
    index.put(A, record("x", A), 6)
    index.renew(A, 7)
    assert index.generation == before
    index.learn(A, [record("x", A)], 8)
    assert index.generation > before


def test_an_abandoned_answer_changes_nothing() -> None:
    index = DistributedIndex()
    answer = index.answer(A, 0)
    answer.add(record("x", A))
    answer.add(record("y", B))
    answer.abandon()
    assert len(index) == 0 and not list(index.records(0))
    index.learn(C, [record("y", B)], 0)
    assert [r.name for r in index.hearsay_of("y", 0)] == ["y"]


def test_batches_leave_out_what_is_private_and_put_hearsay_last() -> None:
    index = DistributedIndex()
    index.learn(B, [record("mine", A), record("theirs", B), replace(record("secret", B), private=True)], 0)
    index.learn(B, [record("mine", A), record("theirs", B), replace(record("secret", C), private=True)], 0)
    index.put(B, replace(record("secret", B), private=True), 0)
    assert [[r.name for r in batch] for batch in index.batches(0)] == [["theirs"], ["mine"]]
    assert [r.private for r in index.holders_of("secret", 0)] == [True]
    assert index.hearsay_of("secret", 0) == []


def test_who_tells_little_is_heard_as_well_as_who_tells_much() -> None:
    index = DistributedIndex()
    false = [("10.9.0.1", port) for port in range(1, 1001)]
    index.learn(B, [record("x", holder) for holder in false] + [record("y", false[7])], 0)
    index.learn(C, [record("x", A)], 0)
    assert set(index.hints(["x", "y"], 0)[:2]) == {A, false[7]}
    assert len(index.hints(["x"], 0)) == 1001
    assert index.hints(["y"], 0) == [false[7]] and index.hints(["z"], 0) == []
