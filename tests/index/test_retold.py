"""Single records that one peer tells of another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.index.retold import MAX_HOLDERS, RENEWED_WITHIN
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.records import IndexRecord

TELLER, OTHER, HOLDER = ("10.0.0.1", 4001), ("10.0.0.2", 4002), ("10.0.0.3", 4003)


def record(name: str = "a.txt", holder: Address = HOLDER, ttl: int = TTL) -> IndexRecord:
    return IndexRecord(name, "Title", *holder, ttl, 14, "ab" * 32, "")


@pytest.fixture
def index() -> DistributedIndex:
    return DistributedIndex()


def test_it_is_hearsay_until_its_end_and_news_once(index: DistributedIndex) -> None:
    before = index.generation
    assert index.retold.hear(TELLER, record(ttl=2000), 0)
    assert index.generation > before
    assert index.hearsay_of("a.txt", 500) == [record(ttl=1500)] and not index.holders_of("a.txt", 500)
    assert index.hints(["a.txt"], 0) == [HOLDER]
    assert not index.retold.hear(OTHER, record(), 500)
    assert index.hearsay_of("a.txt", 2000) == []


def test_it_is_news_again_shortly_before_its_end(index: DistributedIndex) -> None:
    index.retold.hear(TELLER, record(), 0)
    assert not index.retold.hear(OTHER, record(), TTL - RENEWED_WITHIN - 1)
    assert index.retold.hear(OTHER, record(), TTL - RENEWED_WITHIN)
    assert index.hearsay_of("a.txt", TTL + 1)


def test_another_content_is_news(index: DistributedIndex) -> None:
    index.retold.hear(TELLER, record(), 0)
    assert index.retold.hear(TELLER, replace(record(), sha256="cd" * 32), 0)


def test_what_the_holder_itself_has_said_is_no_news(index: DistributedIndex) -> None:
    index.learn(HOLDER, [record()], 0)
    assert not index.retold.hear(TELLER, record(), 0)
    assert not index.retold.hear(TELLER, record("b.txt"), 0)  # it would have said so
    assert not index.retold.is_news(record(), 0) and index.retold.is_news(record("b.txt"), 0)


def test_hearsay_of_one_that_is_gone_or_has_ended_or_is_private_is_passed_over(index: DistributedIndex) -> None:
    index.is_gone(HOLDER)
    assert not index.retold.hear(TELLER, record(), 0)
    index.is_back(HOLDER)
    assert not index.retold.hear(TELLER, record(ttl=0), 0)
    assert not index.retold.hear(TELLER, replace(record(), private=True), 0)
    assert index.retold.hear(TELLER, record(), 0)


def test_a_document_has_few_holders_of_which_others_tell(index: DistributedIndex) -> None:
    heard = [index.retold.hear(TELLER, record(holder=("10.0.1.1", 4000 + i)), 0) for i in range(MAX_HOLDERS + 3)]
    assert heard == [True] * MAX_HOLDERS + [False] * 3


def test_many_records_of_one_holder_take_one_statement_and_never_live_longer(index: DistributedIndex) -> None:
    for i in range(100):
        assert index.retold.hear(TELLER, record(f"{i}.txt"), float(i))
    assert index.hearsay_of("0.txt", 0)[0].ttl == TTL
    assert index.hearsay_of("99.txt", 99)[0].ttl == TTL - 99
    assert index.retold.hear(TELLER, record("short.txt", ttl=60), 99)
    assert index.hearsay_of("short.txt", 99)[0].ttl == 60


def test_one_teller_has_its_share_of_the_memory_and_no_more() -> None:
    index = DistributedIndex(memory=400_000)
    taken = sum(index.retold.hear(TELLER, record(f"{i}.txt"), 0) for i in range(2000))
    assert 20 < taken < 200
    assert index.retold.hear(OTHER, record("other.txt"), 0)


def test_hearsay_counts_besides_what_one_has_said_that_is_no_longer_in_touch(index: DistributedIndex) -> None:
    index.learn(HOLDER, [record()], 0)
    index.let_go(HOLDER)
    assert index.retold.hear(TELLER, record("b.txt"), 100) and not index.retold.hear(TELLER, record(), 100)
    assert index.holders_of("a.txt", 100) == [record(ttl=TTL - 100)] and index.hearsay_of("b.txt", 100)
    index.learn(HOLDER, [record("c.txt")], 200)
    assert [one.name for one in index.records(200)] == ["c.txt"] and not index.retold.hear(TELLER, record("b.txt"), 200)


def test_dead_statements_are_forgotten(index: DistributedIndex) -> None:
    index.retold.hear(TELLER, record(ttl=1000), 0)
    index.expire(1001)
    for _ in index.sweep():
        pass
    assert index.retold.hear(TELLER, record(ttl=1000), 1001) and len(index) == 1
