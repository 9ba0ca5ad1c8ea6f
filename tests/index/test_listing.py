"""The list of all documents: its pages, its updates, and the TTLs."""

from __future__ import annotations

import pytest

from p2p_twisted.index import listing as module
from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.index.listing import Listing
from p2p_twisted.index.search import documents, matching
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.records import IndexRecord

FAR, FARTHER, HERE = ("far", 1), ("farther", 2), ("here", 3)


def rec(name, holder=FAR, ttl=TTL, sha="a" * 64):
    host, port = holder
    return IndexRecord(name, f"Title of {name}", host, port, ttl, 7, sha, "")


class Case:
    """A listing with its index, own records, and a count of how often it was put together and searched."""

    def __init__(self, monkeypatch) -> None:
        self.index = DistributedIndex()
        self.own = []
        self.now = 1000.0
        self.made = self.searched = 0
        self.listing = Listing(self.index)
        monkeypatch.setattr(module, "documents", self._documents)
        monkeypatch.setattr(module, "matching", self._matching)

    def _documents(self, records):
        self.made += 1
        return documents(records)

    def _matching(self, found, query):
        self.searched += 1
        return matching(found, query)

    def put(self, *names, holder=FAR) -> None:
        for name in names:
            self.index.put(holder, rec(name, holder), self.now)

    def page(self, query="", limit=100, offset=0):
        own = tuple(self.own)
        return self.listing.page(lambda: own, own, self.now, query, limit, offset)

    def names(self, *args):
        return [document.name for document in self.page(*args)[1]]


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch):
    return Case(monkeypatch)


def test_pages_of_all_and_of_those_found(case) -> None:
    case.put("c", "a", "e")
    case.own += [rec("b", HERE), rec("d", HERE)]
    assert case.page() == (5, documents([rec("a"), rec("b", HERE), rec("c"), rec("d", HERE), rec("e")]))
    assert [case.names("", 2, offset) for offset in (0, 2, 4, 6)] == [["a", "b"], ["c", "d"], ["e"], []]
    assert case.page("?", 1, 1) == (5, documents([rec("b", HERE)]))
    assert case.page("x") == (0, [])


def test_pages_cost_a_slice(case) -> None:
    case.put(*map(str, range(50)))
    for offset in range(0, 50, 10):
        assert len(case.names("", 10, offset)) == 10
    for offset in range(0, 50, 10):
        case.names("title", 10, offset)
    assert (case.made, case.searched) == (1, 2)


def test_a_record_received_again_changes_nothing(case) -> None:
    case.put("a", "b")
    case.page()
    case.now += 60
    case.index.learn(FAR, [rec("a"), rec("b")], case.now)
    case.index.renew(FAR, case.now)
    case.index.learn(FARTHER, [rec("a", ttl=5)], case.now)
    case.page()
    assert case.made == 1


def test_every_change_shows(case) -> None:
    case.put("a")
    assert case.names() == ["a"]
    case.put("b", holder=FARTHER)
    assert case.names() == ["a", "b"]
    case.own.append(rec("c", HERE))
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
    case.own.append(rec("a", HERE))
    case.page()
    case.now += 100
    case.index.renew(FARTHER, case.now)
    ((document,),) = case.page()[1:]
    ttls = {holder.host: case.index.ttl(holder, case.now) for holder in document.holders}
    assert ttls == {"far": TTL - 100, "farther": TTL, "here": TTL}
    assert case.made == 1


def test_an_expired_record_is_left_out_before_it_is_swept(case) -> None:
    case.put("a")
    case.now += 10
    case.put("b", holder=FARTHER)
    assert case.names() == ["a", "b"]
    case.now += TTL - 10
    assert case.names() == ["b"]
    case.now += 10
    assert case.page() == (0, [])
