"""Memory for what others say: bounded, and shared fairly between all who say it."""

from __future__ import annotations

import gc
import time
import tracemalloc

from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.index.packed import pack
from p2p_twisted.index.statement import CURRENT, Pool
from p2p_twisted.index.store import STATEMENT_COST, Store
from p2p_twisted.index.table import cost
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.records import IndexRecord

MIB = 2**20


def peer(number: int) -> Address:
    return f"10.0.0.{number}", 4000


def row(holder: Address, number: int, tag: str = "a") -> IndexRecord:
    """Return a record that has nothing in common with any other."""
    sha256 = f"{hash((holder, number, tag)) % 2**64:064x}"
    return IndexRecord(f"{tag}-{number:06d}-document.txt", f"Title {number}", *holder, TTL, number, sha256, sha256)


def tell(index: DistributedIndex, teller: Address, holder: Address, count: int, tag: str) -> int:
    """Have `teller` send `count` records of `holder`; return how many found room."""
    with index.answer(teller, 0) as answer:
        taken = sum([answer.add(row(holder, number, tag)) for number in range(count)])
        answer.done(0)
    return taken


def test_the_fair_level_leaves_the_small_alone() -> None:
    pool = Pool(1600, 1600)
    for number, size in enumerate((100, 200, 600, 700), 1):
        pool.account(peer(number)).pay(size)
    assert pool.level() == (1400 - 300) // 2
    pool.account(peer(5)).pay(500)
    assert pool.level() == (1400 - 300) // 3
    pool.cut()
    assert [pool.account(peer(number)).excess for number in range(1, 6)] == [0, 0, 234, 334, 134]
    pool.tidy()
    assert pool.account(peer(3)).excess == 0


def test_a_flood_is_cut_and_honest_peers_keep_all() -> None:
    index = DistributedIndex(3 * MIB)
    assert tell(index, peer(1), peer(1), 1000, "early") == 1000
    for number in (2, 3, 4):
        assert 0 < tell(index, peer(number), peer(number), 10_000, f"flood{number}") < 10_000
    assert tell(index, peer(5), peer(5), 1000, "late") == 1000
    assert [index.count_of(peer(number), 0) for number in (1, 5)] == [1000, 1000]
    floods = [index.count_of(peer(number), 0) for number in (2, 3, 4)]
    assert min(floods) > 1000 and max(floods) < 1.2 * min(floods)


def test_a_newcomer_finds_room_for_hearsay() -> None:
    index = DistributedIndex(2 * MIB)
    for number in range(1, 9):
        tell(index, peer(number), peer(100 + number), 10_000, f"flood{number}")
    tell(index, peer(9), peer(109), 100, "late")
    known = {record.name for record in index.records(0)}
    assert all(row(peer(109), number, "late").name in known for number in range(100))


def test_one_teller_has_a_share_of_hearsay_at_most() -> None:
    index = DistributedIndex(2 * MIB)
    assert tell(index, peer(1), peer(101), 10_000, "x") * cost("a" * 21, pack(row(peer(1), 1))) < MIB / 4


def test_hearsay_takes_no_room_from_first_hand_records() -> None:
    index = DistributedIndex(2 * MIB)
    count = tell(index, peer(1), peer(1), 2000, "own")
    tell(index, peer(2), peer(102), 10_000, "told")
    assert index.count_of(peer(1), 0) == count == 2000


def test_a_holder_for_each_record_is_no_way_around_it() -> None:
    store = Store(MIB, MIB)
    taken = 0
    for number in range(10_000):
        statement = store.hearsay(peer(1), ("10.1.1.1", number + 1))
        if statement is not None:
            taken += store.say(statement, str(number), pack(row(peer(1), number)))
    assert 0 < taken < MIB / 4 / STATEMENT_COST
    store.kill(list(store))
    assert list(store.sweep()) and not list(store) and not store.names()


def test_empty_statements_that_are_not_done_do_not_make_it_look_for_ever() -> None:
    index = DistributedIndex(4 * 64 * STATEMENT_COST)
    answers = [index.answer(peer(number), 0) for number in range(1, 9)]
    for number in range(1, 1000):
        for place, answer in enumerate(answers):
            answer.add(row((f"10.9.{place}.1", number), number))
    assert sum(len(answer.hearsay) for answer in answers) <= 64


def test_many_open_answers_share_the_room() -> None:
    index = DistributedIndex(2 * MIB)
    answers = [index.answer(peer(number), 0) for number in range(1, 17)]
    for number in range(1000):
        for place, answer in enumerate(answers, 1):
            answer.add(row(peer(place), number, str(place)))
    counts = [answer.own.count for answer in answers]
    assert sum(counts) * 250 < 1.5 * MIB and min(counts) > 0.8 * max(counts)
    for answer in answers:
        answer.abandon()
    assert tell(index, peer(20), peer(20), 2000, "after") == 2000


def test_mirrors_cost_little_more_than_one_peer() -> None:
    index = DistributedIndex(int(1.6 * MIB))
    records = [row(peer(1), number) for number in range(2000)]
    for place in range(1, 17):
        with index.answer(peer(place), 0) as answer:
            for record in records:
                assert answer.add(IndexRecord(record.name, record.title, *peer(place), TTL, 1, record.sha256, ""))
            answer.done(0)
    assert [index.count_of(peer(place), 0) for place in (1, 16)] == [2000, 2000]
    assert len(index.holders_of(records[7].name, 0)) == 16
    index.is_gone(peer(1))
    list(index.sweep())
    assert index.count_of(peer(16), 0) == 2000


def test_what_is_counted_is_what_it_takes() -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        index = DistributedIndex(5 * MIB)
        for number in range(1, 4):
            tell(index, peer(number), peer(number), 20_000, str(number))
            tell(index, peer(number), peer(100 + number), 20_000, f"told{number}")
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.5 * 5 * MIB < taken < 5 * MIB


def test_documents_are_nothing_that_the_collector_looks_at() -> None:
    index = DistributedIndex()
    gc.collect()
    before = len(gc.get_objects())
    for number in range(1, 11):
        tell(index, peer(number), peer(number), 500, "same")
        tell(index, peer(100 + number), peer(100 + number), 500, str(number))
    gc.collect()
    assert len(index) == 10_000 and len(gc.get_objects()) - before < 500


def test_a_dead_statement_says_nothing_more() -> None:
    store = Store(MIB, MIB)
    told = store.hearsay(peer(1), peer(2))
    assert told is not None and store.say(told, "a", b"\0")
    store.kill([told])
    assert not store.say(told, "b", b"\0")
    list(store.sweep())
    assert not store.say(told, "c", b"\0") and not store.names()


def test_a_statement_that_begins_to_speak_during_a_sweep_is_kept() -> None:
    store = Store(MIB, MIB)
    told = store.hearsay(peer(1), peer(2))
    assert told is not None
    told.state = CURRENT
    dead = store.first_hand(peer(3))
    for number in range(1000):
        store.say(dead, str(number), b"\0")
    store.kill([dead])
    sweep = store.sweep()
    next(sweep)
    assert store.say(told, "7", b"\0")
    list(sweep)
    assert list(store) == [told] and store.variants("7")[0].statements == [told]


def test_no_step_of_a_sweep_is_long() -> None:
    index = DistributedIndex()
    tell(index, peer(1), peer(1), 50_000, "x")
    index.expire(TTL)
    assert len(index) == 0
    longest, before = 0.0, time.thread_time()
    for _ in index.sweep():
        now = time.thread_time()
        longest, before = max(longest, now - before), now
    assert not index.names() and longest < 0.1


def test_statements_are_kept_while_they_count() -> None:
    store = Store(MIB, MIB)
    own = store.first_hand(peer(1))
    own.state = CURRENT
    told = store.hearsay(peer(1), peer(2))
    assert told is not None
    told.state = CURRENT
    store.kill([])
    assert store.say(own, "a", b"\0")
    store.kill([store.first_hand(peer(3))])
    list(store.sweep())
    assert list(store) == [own] and len(store) == 1
