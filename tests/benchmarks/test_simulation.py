"""The simulation of large swarms: its parts, and a small swarm within loose bounds."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import AlreadyCalled, AlreadyCancelled

from benchmarks.simulation.links import Link
from benchmarks.simulation.loop import Loop
from benchmarks.simulation.report import Report
from benchmarks.simulation.sizes import Sizes
from benchmarks.simulation.swarm import Plan, Swarm
from p2p_twisted.swarm.piece_fetcher import MAX_HASH_FAILURES

MBIT = 1e6 / 8


def test_calls_are_made_in_the_order_of_their_times() -> None:
    loop, made = Loop(), list[tuple[str, float]]()
    for name, time in [("late", 2.0), ("early", 1.0), ("then", 1.0)]:
        loop.at(time, lambda name: made.append((name, loop.now)), name)
    assert loop.run(lambda: len(made) == 3, 10)
    assert made == [("early", 1.0), ("then", 1.0), ("late", 2.0)]


def test_no_call_is_made_after_the_limit() -> None:
    loop, made = Loop(), list[int]()
    loop.at(5, made.append, 1)
    assert not loop.run(lambda: bool(made), 4)


def test_a_call_can_be_cancelled_and_put_off() -> None:
    loop, made = Loop(), list[str]()
    cancelled = loop.callLater(1, made.append, "cancelled")
    later = loop.callLater(1, made.append, "later")
    loop.callLater(2, made.append, "meanwhile")
    cancelled.cancel()
    later.delay(2)
    loop.run(lambda: False, 10)
    assert made == ["meanwhile", "later"]
    with pytest.raises(AlreadyCancelled):
        cancelled.cancel()
    with pytest.raises(AlreadyCalled):
        later.reset(1)


def test_an_error_in_a_deferred_ends_the_run() -> None:
    loop = Loop()
    broken: Deferred[None] = Deferred()
    broken.addCallback(lambda _: 1 // 0).addErrback(loop.fail)
    loop.callLater(1, broken.callback, None)
    with pytest.raises(ZeroDivisionError):
        loop.run(lambda: False, 10)


def test_a_link_sends_one_thing_after_the_other() -> None:
    link = Link(100.0)
    first, second = link.send(50, 1.0), link.send(100, 1.2)
    assert (first.begun, first.left) == (1.0, 1.5)
    assert (second.begun, second.left) == (1.5, 2.5)
    assert [second.unsent(at) for at in (1.2, 2.0, 3.0)] == [100, 50, 0]
    assert link.carried == 150


def test_a_small_message_waits_for_what_the_link_itself_holds() -> None:
    link = Link(100.0, queue=0.05)
    assert link.delay(0.0) == 0
    link.send(100, 0.0)
    assert link.delay(0.0) == 0.05
    assert link.delay(0.98) == pytest.approx(0.02)


def test_a_downlink_delays_what_comes_faster_than_its_rate() -> None:
    link = Link(100.0)
    assert link.take(50, 2.0) == 2.0
    assert link.take(50, 2.0) == 2.5


def test_the_sizes_are_those_of_the_protocol() -> None:
    sizes = Sizes(32 << 20)
    assert sizes.count == 512
    assert sizes.piece_bytes == 65536
    assert 100 < sizes.piece - sizes.piece_bytes < 500
    assert sizes.turn(0) < sizes.turn(0b1011) < 400


@pytest.mark.slow
def test_a_swarm_of_fifty_is_near_its_bound() -> None:
    swarm = Swarm(Plan(50, 8 << 20, 20 * MBIT, 100 * MBIT))
    assert swarm.run()
    report = Report.of(swarm)
    assert 1.0 < report.first < report.last < 1.4
    assert report.connections <= 64
    assert report.protocol < 0.03
    assert report.duplicates < 0.01
    assert all(peer.server.has == swarm.sizes.all_pieces for peer in swarm.peers)


@pytest.mark.slow
def test_a_run_can_be_repeated() -> None:
    plan = Plan(10, 2 << 20, 20 * MBIT, 100 * MBIT)
    first, second = Swarm(plan), Swarm(plan)
    assert first.run() and second.run()
    assert Report.of(first) == Report.of(second)


def seconds(corrupt: int, slow: int = 0) -> float:
    """Return when the last of four downloaders has all, in multiples of the bound."""
    swarm = Swarm(Plan(4, 32 << 20, 20 * MBIT, 100 * MBIT, corrupt=corrupt, slow=slow))
    assert swarm.run()
    wrong = [peer.downloader.wrong for peer in swarm.downloaders]
    assert max(wrong) <= 2 * MAX_HASH_FAILURES * corrupt
    assert (sum(wrong) > 0) == (corrupt > 0)
    return Report.of(swarm).last


@pytest.mark.slow
def test_a_corrupt_downloader_costs_little() -> None:
    """It is given few of the pieces that nobody else has. With a fair share, a quarter of the file would come twice."""
    assert seconds(corrupt=1) < 1.15 * seconds(corrupt=0)


@pytest.mark.slow
def test_a_downloader_with_a_slow_uplink_gets_fewer_pieces_to_pass_on() -> None:
    """With a fair share, the time is 1.25 of the bound."""
    assert seconds(corrupt=0, slow=1) < 1.2
