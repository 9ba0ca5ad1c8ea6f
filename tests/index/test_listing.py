"""The list of all documents: its pages, its updates, and the TTLs."""

from __future__ import annotations

import time
from collections.abc import Hashable

import pytest

from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.index.listing import Listing
from p2p_twisted.index.search import documents
from p2p_twisted.index.sorting import SORTS
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.records import IndexRecord

FAR, FARTHER, HERE = ("far", 1), ("farther", 2), ("here", 3)


def rec(name, holder=FAR, ttl=TTL, sha="a" * 64):
    host, port = holder
    return IndexRecord(name, f"Title of {name}", host, port, ttl, 7, sha, "")


class Own(dict[str, IndexRecord]):
    """Own records by their names."""

    @property
    def state(self) -> Hashable:
        return tuple(self)

    def names(self) -> list[str]:
        return list(self)


class Case:
    """A listing with its index and own records, and the number of steps that it took last."""

    def __init__(self) -> None:
        self.index = DistributedIndex()
        self.own = Own()
        self.now = 1000.0
        self.steps = 0
        self.sort = "name"
        self.listing = Listing(self.index, self.own)

    def share(self, *names: str) -> None:
        self.own.update({name: rec(name, HERE) for name in names})

    def put(self, *names, holder=FAR) -> None:
        for name in names:
            self.index.put(holder, rec(name, holder), self.now)

    def page(self, query="", limit=100, offset=0):
        self.steps = len(list(self.listing.search(query, self.sort, self.now)))
        return self.listing.page(limit, offset, self.now)

    def names(self, *args):
        return [document.name for document in self.page(*args)[1]]


@pytest.fixture
def case() -> Case:
    return Case()


def test_pages_of_all_and_of_those_found(case) -> None:
    case.put("c", "a", "e")
    case.share("b", "d")
    assert case.page() == (5, documents([rec("a"), rec("b", HERE), rec("c"), rec("d", HERE), rec("e")]))
    assert [case.names("", 2, offset) for offset in (0, 2, 4, 6)] == [["a", "b"], ["c", "d"], ["e"], []]
    assert case.page("?", 1, 1) == (5, documents([rec("b", HERE)]))
    assert case.page("x") == (0, [])


def test_pages_cost_a_slice(case) -> None:
    case.put(*map(str, range(50)))
    for query in ("", "title"):
        for offset in range(0, 50, 10):
            assert len(case.names(query, 10, offset)) == 10
            assert bool(case.steps) == (offset == 0)


def test_a_record_received_again_changes_nothing(case) -> None:
    case.put("a", "b")
    case.page()
    case.now += 60
    case.index.learn(FAR, [rec("a"), rec("b")], case.now)
    case.index.renew(FAR, case.now)
    case.index.learn(FARTHER, [rec("a", ttl=5)], case.now)
    case.page()
    assert case.steps == 0


def test_every_change_shows(case) -> None:
    case.put("a")
    assert case.names() == ["a"]
    case.put("b", holder=FARTHER)
    assert case.names() == ["a", "b"]
    case.share("c")
    assert case.names() == ["a", "b", "c"]
    case.index.put(FAR, rec("a", sha="b" * 64), case.now)
    assert case.page()[1][0].sha256 == "b" * 64
    case.index.remove(FAR, "a")
    assert case.names() == ["b", "c"]
    case.index.is_gone(FARTHER)
    assert case.names() == ["c"]
    case.own.clear()
    assert case.page() == (0, [])


def test_a_search_sees_a_change_too(case) -> None:
    case.put("a1")
    assert case.names("a*") == ["a1"]
    case.put("a2")
    assert case.names("a*") == ["a1", "a2"]


def test_holders_have_the_time_that_is_left(case) -> None:
    case.put("a")
    case.put("a", holder=FARTHER)
    case.share("a")
    case.page()
    case.now += 100
    case.index.renew(FARTHER, case.now)
    ((document,),) = case.page()[1:]
    ttls = {holder.host: holder.ttl for holder in document.holders}
    assert ttls == {"far": TTL - 100, "farther": TTL, "here": TTL}
    assert case.steps == 0


def test_contents_of_one_name_are_documents_of_their_own(case) -> None:
    case.put("a", "c")
    case.share("b")
    for holder, sha in ((FAR, "b" * 64), (FARTHER, "c" * 64), (("farthest", 4), "c" * 64)):
        case.index.put(holder, rec("b", holder, sha=sha), case.now)
    case.index.put(("old", 5), IndexRecord("b", "", "old", 5, TTL), case.now)
    total, found = case.page()
    assert (total, [document.name for document in found]) == (5, ["a", "b", "b", "b", "c"])
    assert [document.sha256 for document in found][1] == "c" * 64
    for offset in range(5):
        assert case.page("", 1, offset)[1] == [found[offset]]
    assert case.page("", 2, 2)[1] == found[2:4]


def test_hearsay_is_listed_only_where_no_holder_has_spoken(case) -> None:
    case.put("a")
    case.share("b")
    liar, third = ("liar", 6), ("third", 7)
    told = [rec("a", FARTHER, sha="f" * 64), rec("b", FARTHER, sha="f" * 64), rec("c", FARTHER), rec("c", third)]
    case.index.learn(liar, told, case.now)
    total, found = case.page()
    assert (total, [(one.name, one.is_first_hand) for one in found]) == (3, [("a", True), ("b", True), ("c", False)])
    assert [one.sha256 for one in found] == ["a" * 64] * 3
    assert sorted(holder.host for holder in found[2].holders) == ["farther", "third"]
    case.put("x", holder=FARTHER)
    assert [holder.host for holder in case.page("c")[1][0].holders] == ["third"]


def test_what_goes_between_two_pages_is_left_out(case) -> None:
    case.put("a", "b", "c")
    assert case.names("", 2, 0) == ["a", "b"]
    case.index.remove(FAR, "a")
    assert [document.name for document in case.listing.page(2, 0, case.now)[1]] == ["b"]


SIZES = {"a": (30, "b" * 64), "b": (10, "c" * 64), "c": (30, "d" * 64), "d": (20, "e" * 64)}


def sized(name: str, holder: tuple[str, int] = FAR, title: str = "") -> IndexRecord:
    size, sha256 = SIZES[name]
    return IndexRecord(name, title, *holder, TTL, size, sha256, "")


def test_the_orders(case) -> None:
    for name, title in (("a", "Zebra"), ("b", "apple"), ("c", "\u00c4ther")):
        case.index.put(FAR, sized(name, FAR, title), case.now)
    case.index.put(FARTHER, sized("b", FARTHER, "apple"), case.now)
    case.own["d"] = sized("d", HERE, "mango")
    case.own["b"] = sized("b", HERE, "apple")
    case.index.put(FAR, IndexRecord("old", "Not known", *FAR, TTL), case.now)
    for sort, names in {
        "name": "a b c d old",
        "-name": "old d c b a",
        "size": "old b d a c",
        "-size": "a c d b old",
        "holders": "a c d old b",
        "-holders": "b a c d old",
        "title": "b d old a c",
        "-title": "c a old d b",
    }.items():
        case.sort = sort
        assert case.names() == names.split(), sort
        assert [name for offset in range(5) for name in case.names("", 1, offset)] == names.split(), sort
    assert case.names("o") == ["old", "d"]


def test_contents_stay_together_in_every_order(case) -> None:
    case.put("a", "b")
    for number, sha in enumerate("bcd"):
        case.index.put(("other", number), rec("b", ("other", number), sha=sha * 64), case.now)
    for sort in SORTS:
        case.sort = sort
        total, found = case.page()
        assert (total, len({(one.name, one.sha256) for one in found})) == (len(found), 5)
        assert [case.page("", 1, offset)[1][0] for offset in range(5)] == found, sort


def test_more_letters_are_looked_for_among_what_was_found(case) -> None:
    case.put("apple", "apply", "ape", "map")
    for query, names in {
        "ap": ["ape", "apple", "apply", "map"],
        "app": ["apple", "apply"],
        "appl title": ["apple", "apply"],
        "ape": ["ape"],
        "ap*e": ["ape", "apple"],
        "ap*e apple": ["apple"],
        "": ["ape", "apple", "apply", "map"],
    }.items():
        assert case.names(query) == names, query


@pytest.mark.parametrize("sort", ["name", "title"])
def test_steps_are_short_in_a_long_list(case, sort) -> None:
    case.put(*(f"{number * 7919 % 30_000}" for number in range(30_000)))
    longest, before = 0.0, time.thread_time()
    for _ in case.listing.search("9", sort, case.now):
        now = time.thread_time()
        longest, before = max(longest, now - before), now
    total, found = case.listing.page(100, 0, case.now)
    assert total == sum("9" in str(number) for number in range(30_000))
    assert [one.name for one in found] == sorted(one.name for one in found)  # the titles begin alike
    assert longest < 0.1


def test_an_expired_record_is_left_out_before_it_is_swept(case) -> None:
    case.put("a")
    case.now += 10
    case.put("b", holder=FARTHER)
    assert case.names() == ["a", "b"]
    case.now += TTL - 10
    assert case.names() == ["b"]
    case.now += 10
    assert case.page() == (0, [])
