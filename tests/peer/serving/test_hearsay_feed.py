"""What followers are told of the documents of others."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from p2p_twisted.peer.serving.hearsay_feed import BURST, INTERVAL, MAX_WAITING, RATE, HearsayFeed
from p2p_twisted.wire.changes import Heard, parse_change
from p2p_twisted.wire.records import IndexRecord


def record(number: int = 0, ttl: int = 7200) -> IndexRecord:
    return IndexRecord(f"{number}.txt", "", "10.0.0.1", 4000, ttl, 14, "ab" * 32, "")


class Follower:
    """A follower that keeps what it is told."""

    def __init__(self) -> None:
        self.is_over = False
        self.bodies: list[bytes] = []

    def tell(self, body: bytes) -> None:
        self.bodies.append(body)

    @property
    def told(self) -> list[IndexRecord]:
        changes = [parse_change(line) for body in self.bodies for line in body.decode().splitlines()]
        return [change.record for change in changes if isinstance(change, Heard)]


class Rig:
    """A feed with one follower."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.feed = HearsayFeed(self.clock, self.clock.seconds)
        self.follower = Follower()
        self.feed.subscribe(self.follower)

    def wait(self, seconds: int) -> None:
        self.clock.pump([1] * seconds)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_records_are_gathered_and_told_once_with_the_ttl_that_is_left(rig: Rig) -> None:
    rig.feed.tell(record(1), True)
    rig.feed.tell(record(2), True)
    rig.feed.tell(record(1), True)
    rig.feed.tell(record(3, ttl=INTERVAL), True)
    rig.wait(INTERVAL - 1)
    assert rig.follower.bodies == []
    rig.wait(60)
    assert len(rig.follower.bodies) == 1
    assert rig.follower.told == [record(1, 7200 - INTERVAL), record(2, 7200 - INTERVAL)]
    assert rig.clock.getDelayedCalls() == []


def test_news_come_before_what_is_told_again(rig: Rig) -> None:
    rig.feed.tell(record(1), False)
    rig.feed.tell(record(2), True)
    rig.wait(INTERVAL)
    assert [one.name for one in rig.follower.told] == ["2.txt", "1.txt"]


def test_the_rate_is_bounded(rig: Rig) -> None:
    for number in range(900):
        rig.feed.tell(record(number), True)
    rig.wait(INTERVAL)
    line = 120
    assert BURST - line < len(rig.follower.bodies[0]) < BURST + line
    sizes = []
    for _ in range(20):
        rig.wait(INTERVAL)
        sizes.append(len(rig.follower.bodies[-1]))
    assert RATE * INTERVAL - line < sum(sizes) / len(sizes) < RATE * INTERVAL + line
    rig.wait(600)
    assert len(rig.follower.told) == 900


def test_the_oldest_of_too_many_are_left_out(rig: Rig) -> None:
    for number in range(MAX_WAITING + 5):
        rig.feed.tell(record(number), True)
    rig.wait(INTERVAL)
    assert rig.follower.told[0].name == "5.txt"


def test_without_followers_nothing_is_kept(rig: Rig) -> None:
    rig.follower.is_over = True
    rig.feed.tell(record(1), True)
    rig.wait(INTERVAL)
    assert rig.follower.bodies == []
    rig.feed.tell(record(2), True)
    assert rig.clock.getDelayedCalls() == []


def test_it_stops(rig: Rig) -> None:
    rig.feed.tell(record(1), True)
    rig.feed.stop()
    rig.wait(INTERVAL)
    assert rig.follower.bodies == []
