"""A downloader in a large swarm that looks for others that download the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.net.errors import Refused, Unreachable
from p2p_twisted.peer.downloads.source_search import (
    ENOUGH,
    FIRST_PAUSE,
    FIRST_WAIT,
    LAST_PAUSE,
    MAX_NAMED,
    SourceSearch,
)
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.messages import GetSources
from p2p_twisted.wire.records import IndexRecord

SHA, PRIVATE = "a" * 64, "b" * 64
HOLDER = ("10.0.0.1", 4001)


class Rig:
    """A search, with a discovery that notes whom it is to confirm, and holders that answer."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.answer: Any = succeed((None, b""))
        self.asked: list[tuple[Address, object]] = []
        self.confirmed: list[Address] = []
        self.closed = 0
        self.index = DistributedIndex()
        self.discovery = SimpleNamespace(
            index=self.index, peers={}, retelling=SimpleNamespace(is_on=True), dialler=self, confirm=self._confirm
        )
        self.swarm = SimpleNamespace(unfinished={SHA, PRIVATE}, received=0)
        parts: Any = SimpleNamespace(
            discovery=self.discovery,
            reactor=self.clock,
            downlink=None,
            now=self.clock.seconds,
            content_store=SimpleNamespace(port=4394),
        )
        documents: Any = {
            SHA: SimpleNamespace(name="a.txt", private=False),
            PRIVATE: SimpleNamespace(name="b.txt", private=True),
        }
        swarm: Any = self.swarm
        self.search = SourceSearch(parts, swarm, lambda address: address != ("10.9.9.9", 9), documents)
        self.hold(HOLDER)

    def start(self) -> None:
        """Start, and wait for the first search."""
        before = len(self.asked)
        self.search.start()
        assert len(self.asked) == before, "those that begin together hear of each other first"
        self.clock.advance(FIRST_WAIT)

    def hold(self, address: Address, name: str = "a.txt", sha256: str = SHA) -> None:
        self.index.put(address, IndexRecord(name, "", *address, TTL, 10**6, sha256, "c" * 64), 0)

    async def _confirm(self, addresses: list[Address], timeout: float) -> None:
        self.confirmed += addresses

    async def dial_holder(self, address: Address, downlink: object) -> Any:
        def collect(message: object, limit: int) -> Deferred[Any]:
            self.asked.append((address, message))
            answer: Deferred[Any] = self.answer
            return answer

        return SimpleNamespace(collect=collect, close=self._close)

    def _close(self) -> None:
        self.closed += 1


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_who_is_named_is_asked_for_its_index(rig: Rig) -> None:
    rig.answer = succeed((None, b"10.0.0.1 4001\n10.0.0.7 4007\n10.9.9.9 9\n"))
    rig.start()
    assert rig.asked == [(HOLDER, GetSources(SHA, 4394))] and rig.closed == 1
    assert rig.confirmed == [("10.0.0.7", 4007)]


def test_a_private_file_is_never_named(rig: Rig) -> None:
    rig.hold(HOLDER, "b.txt", PRIVATE)
    rig.swarm.unfinished = {PRIVATE}
    rig.start()
    rig.clock.pump([1] * 100)
    assert rig.asked == []


def test_it_asks_again_ever_less_often_until_it_is_stopped(rig: Rig) -> None:
    rig.start()
    rig.clock.advance(FIRST_PAUSE)
    rig.clock.advance(FIRST_PAUSE)
    assert len(rig.asked) == 2
    rig.clock.pump([1] * 600)
    number = len(rig.asked)
    assert 600 / LAST_PAUSE < number < 600 / LAST_PAUSE + 10
    rig.search.stop()
    rig.clock.pump([1] * 100)
    assert len(rig.asked) == number and rig.clock.getDelayedCalls() == []


def test_nobody_is_asked_in_a_small_swarm_or_with_sources_enough(rig: Rig) -> None:
    rig.discovery.retelling.is_on = False
    rig.start()
    rig.clock.pump([1] * 100)
    assert rig.asked == []
    rig.discovery.retelling.is_on = True
    for number in range(ENOUGH):
        rig.hold(("10.0.1.1", 5000 + number))
    rig.clock.pump([1] * 100)
    assert rig.asked == []


@pytest.mark.parametrize("why", [Unreachable("gone"), Refused(300, "what?")])
def test_one_that_does_not_know_the_message_or_is_gone(rig: Rig, why: Exception) -> None:
    rig.answer = fail(why)
    rig.start()
    rig.answer = succeed((None, b"10.0.0.7 4007\n"))
    rig.clock.advance(FIRST_PAUSE)
    assert rig.confirmed == [("10.0.0.7", 4007)] and rig.closed == 2


def test_an_answer_that_is_not_what_it_should_be(rig: Rig) -> None:
    for body in (b"10.0.0.7 0\n", b"\xff\n", b"10.0.0.7 4007 x\n"):
        rig.answer = succeed((None, body))
        rig.start()
        rig.search.stop()
    assert rig.confirmed == [] and rig.closed == 3
    many = b"".join(b"10.0.2.%d 4000\n" % number for number in range(1, 200))
    rig.answer = succeed((None, many))
    rig.start()
    assert len(rig.confirmed) <= min(ENOUGH, MAX_NAMED)


def test_holders_that_hearsay_names_are_asked_while_nothing_is_received(rig: Rig) -> None:
    """A peer of a large swarm knows a few holders from themselves, and hundreds from what others say."""
    told = [(f"10.1.0.{number}", 4000) for number in range(1, 200)]
    everybody = [IndexRecord("a.txt", "", *holder, TTL, 10**6, SHA, "c" * 64) for holder in [*told, ("10.9.9.9", 9)]]
    for number in range(3):
        rig.index.learn((f"10.2.0.{number}", 4000), everybody[number::3], 0)
    rig.start()
    assert rig.confirmed == [], "the known holders come first"
    rig.clock.advance(FIRST_PAUSE)
    assert sorted(rig.confirmed) == sorted(told)
    rig.confirmed.clear()
    rig.swarm.received = 1
    rig.clock.advance(2 * FIRST_PAUSE)
    assert rig.confirmed == [], "some source sends"
