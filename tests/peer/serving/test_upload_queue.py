from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from p2p_twisted.library.pieces import MIN_PIECE
from p2p_twisted.peer.serving.given_turns import MIN_TIMEOUT
from p2p_twisted.peer.serving.upload_queue import MAX_POLL, MAX_WAIT, MIN_AHEAD, UploadQueue

RATE = 1e6
"""Bytes/s of the uplink."""


@dataclass(eq=False)
class Link:
    """An uplink: it sends what was written first."""

    clock: Clock
    free_at: float = 0.0

    def write(self, size: int) -> float:
        self.free_at = max(self.free_at, self.clock.seconds()) + size / RATE
        return self.free_at


@dataclass(eq=False)
class Downloader:
    """The server's connection to a downloader, which asks for a piece when it has its turn, after `delay` seconds."""

    queue: UploadQueue
    link: Link
    delay: float = 0.01
    uses_turns: bool = True
    stuck: bool = False
    """Whether it reads nothing."""
    turns: list[int] = field(default_factory=list)
    begun: list[float] = field(default_factory=list)
    _left_at: float = 0.0

    def unsent(self) -> int:
        if self.stuck and self.begun:
            return MIN_PIECE
        return int(max(0.0, min(self._left_at - self.link.clock.seconds(), MIN_PIECE / RATE)) * RATE)

    def wait(self, ready: bool = True) -> None:
        self.queue.wait(self, ready).addCallback(self._turn)

    def _turn(self, turns: int) -> None:
        self.turns.append(turns)
        if self.uses_turns:
            for _ in range(turns):
                self.link.clock.callLater(self.delay, self.ask)
            self.link.clock.callLater(self.delay, self.wait)

    def ask(self) -> Deferred[None]:
        return self.queue.start(self, MIN_PIECE).addCallback(self._begin)

    def _begin(self, _: None) -> None:
        self.begun.append(self.link.clock.seconds())
        if not self.stuck:
            self._left_at = self.link.write(MIN_PIECE)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> UploadQueue:
    return UploadQueue(clock)


@pytest.fixture
def make(clock: Clock, queue: UploadQueue) -> Callable[..., Downloader]:
    link = Link(clock)
    return lambda **how: Downloader(queue, link, **how)


def run(clock: Clock, seconds: float) -> None:
    clock.pump([0.005] * round(seconds / 0.005))


def test_a_turn_comes_at_once_where_nobody_is_served(make: Callable[..., Downloader]) -> None:
    one = make(uses_turns=False)
    one.wait()
    assert one.turns[0] >= 1


def test_who_waits_for_news_has_its_turn_after_them(make: Callable[..., Downloader], queue: UploadQueue) -> None:
    one = make(uses_turns=False)
    one.wait(ready=False)
    assert one.turns == []
    queue.hear_news()
    assert len(one.turns) == 1


def test_news_are_not_always_heard_first_by_those_that_came_first(make: Callable[..., Downloader]) -> None:
    firsts = Counter[int]()
    for _ in range(30):
        waiting = [make(uses_turns=False) for _ in range(10)]
        queue = UploadQueue(Clock())
        for one in waiting:
            one.queue = queue
            one.wait(ready=False)
        queue.hear_news()
        firsts.update(place for place, one in enumerate(waiting) if one.turns)
    assert len(firsts) > MIN_AHEAD and sum(firsts.values()) == 30 * MIN_AHEAD


def test_news_give_nobody_a_turn_before_those_that_wait_already(make: Callable[..., Downloader]) -> None:
    for _ in range(10):
        queue = UploadQueue(Clock())
        busy, first, second, *others = (make(uses_turns=False) for _ in range(8))
        for one in (busy, first, second, *others):
            one.queue = queue
            one.wait(ready=one not in others)
        queue.hear_news()
        queue.remove(busy)
        assert first.turns and second.turns and not any(one.turns for one in others)


def test_few_have_their_turn_at_the_same_time(make: Callable[..., Downloader]) -> None:
    many = [make(uses_turns=False) for _ in range(50)]
    for one in many:
        one.wait()
    assert 0 < sum(sum(one.turns) for one in many) <= 2 * MIN_AHEAD


def test_the_uplink_does_not_run_dry_and_all_have_the_same_of_it(clock: Clock, make: Callable[..., Downloader]) -> None:
    many = [make() for _ in range(10)]
    for one in many:
        one.wait()
    run(clock, 1)
    before = sum(len(one.begun) for one in many)
    run(clock, 9)
    sent = [len(one.begun) for one in many]
    assert (sum(sent) - before) * MIN_PIECE > 0.95 * 9 * RATE
    assert max(sent) - min(sent) <= 2


def test_the_uplink_does_not_run_dry_where_requests_take_long(clock: Clock, make: Callable[..., Downloader]) -> None:
    many = [make(delay=0.2) for _ in range(10)]
    for one in many:
        one.wait()
    run(clock, 3)
    before = sum(len(one.begun) for one in many)
    run(clock, 7)
    assert (sum(len(one.begun) for one in many) - before) * MIN_PIECE > 0.9 * 7 * RATE


def test_pieces_go_one_after_the_other(clock: Clock, make: Callable[..., Downloader]) -> None:
    many = [make() for _ in range(20)]
    for one in many:
        one.ask()
    run(clock, 1)
    begun = sorted(one.begun[0] for one in many if one.begun)
    assert 0.8 < len(begun) * MIN_PIECE / RATE < 1.4
    run(clock, 2)
    assert all(one.begun for one in many)


def test_one_downloader_alone_is_sent_all_at_once(clock: Clock, make: Callable[..., Downloader]) -> None:
    one = make()
    one.ask()
    run(clock, 0.2)
    for _ in range(20):
        one.ask()
    assert len(one.begun) == 21


def test_the_first_of_many_is_not_sent_all_at_once(clock: Clock, make: Callable[..., Downloader]) -> None:
    """At the beginning of a swarm one is the first to ask; what it has alone must go to all others from there."""
    first, other = make(), make()
    for _ in range(3):
        first.ask()
    other.ask()
    assert (len(first.begun), len(other.begun)) == (1, 0)
    run(clock, 1)
    assert other.begun


def test_a_turn_that_is_not_used_holds_up_the_others_for_a_moment(
    clock: Clock, make: Callable[..., Downloader]
) -> None:
    silent = [make(uses_turns=False) for _ in range(10)]
    for one in silent:
        one.wait()
    honest = make()
    honest.wait()
    run(clock, 10 * MIN_TIMEOUT + 1)
    assert honest.begun


def test_who_let_a_turn_lapse_comes_after_the_others(clock: Clock, make: Callable[..., Downloader]) -> None:
    silent, honest = make(uses_turns=False), make()
    silent.wait()
    run(clock, 1)
    for _ in range(50):
        if not silent.turns[1:]:
            silent.wait()
        run(clock, 0.1)
        honest.wait()
    assert len(honest.begun) > 5 * len(silent.turns)


def test_a_reader_that_is_stuck_holds_up_the_others_for_a_moment(clock: Clock, make: Callable[..., Downloader]) -> None:
    stuck, other = make(stuck=True), make()
    stuck.ask()
    stuck.ask()
    other.ask()
    run(clock, 1.5)
    assert other.begun


def test_who_waits_long_is_told_so(clock: Clock, make: Callable[..., Downloader]) -> None:
    one = make(uses_turns=False)
    one.wait(ready=False)
    run(clock, MAX_WAIT + MAX_POLL)
    assert one.turns == [0]


def test_each_is_told_after_the_same_time(clock: Clock, make: Callable[..., Downloader]) -> None:
    early, late = make(uses_turns=False), make(uses_turns=False)
    early.wait(ready=False)
    run(clock, MAX_WAIT / 2)
    late.wait(ready=False)
    run(clock, MAX_WAIT / 2 + MAX_POLL)
    assert (early.turns, late.turns) == ([0], [])
    run(clock, MAX_WAIT / 2)
    assert late.turns == [0]


def test_who_sends_another_request_waits_no_longer(make: Callable[..., Downloader], queue: UploadQueue) -> None:
    one = make(uses_turns=False)
    one.wait(ready=False)
    queue.interrupt(one)
    assert one.turns == [0]


def test_nothing_is_left_of_a_lost_connection(
    clock: Clock, make: Callable[..., Downloader], queue: UploadQueue
) -> None:
    gone, other = make(), make()
    gone.wait(ready=False)
    gone.stuck = True
    for one in (gone, gone, other):
        one.ask()
    queue.remove(gone)
    run(clock, MAX_POLL)
    assert other.begun
    run(clock, MAX_WAIT)
    assert clock.getDelayedCalls() == []


def test_no_timer_runs_for_nobody(clock: Clock, make: Callable[..., Downloader], queue: UploadQueue) -> None:
    downloaders = [make(uses_turns=False) for _ in range(4)]
    for downloader in downloaders:
        downloader.wait()
        downloader.wait(ready=False)
    for downloader in downloaders:
        queue.remove(downloader)
    assert clock.getDelayedCalls() == []
