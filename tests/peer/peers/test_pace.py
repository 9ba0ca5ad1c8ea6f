"""How fast a peer may tell of changes."""

from __future__ import annotations

from p2p_twisted.peer.peers.pace import (
    ANSWERS_BURST,
    ANSWERS_RATE,
    CHANGES_BURST,
    CHANGES_RATE,
    MAX_PAUSE,
    MAX_SLOWED,
    Allowance,
    Pace,
)


def test_a_burst_may_be_spent_at_once_and_then_no_more_than_the_rate() -> None:
    allowance = Allowance(10, 100)
    assert allowance.spend(100, 1000) == 0
    assert allowance.spend(20, 1000) == 2
    assert allowance.spend(0, 1002) == 0
    assert allowance.spend(10, 1005) == -2
    assert allowance.spend(10, 2000) == -9


def test_an_honest_peer_is_never_slowed() -> None:
    """It completes 50 000 files in a minute, and tells of the pieces of others a hundred times a second for as long."""
    pace = Pace()
    assert all(pace.took(8, 1, tick / 100) == 0 for tick in range(6000))
    assert not pace.is_too_fast(60)


def test_one_that_has_much_to_tell_once_is_read_slowly_and_kept() -> None:
    pace, now, told = Pace(), 0.0, 0
    while told < CHANGES_BURST + 50 * CHANGES_RATE:
        now += pace.took(300, 0, now)
        told += 300
        assert not pace.is_too_fast(now)
    assert 45 < now < 55


def test_one_that_goes_on_is_given_up() -> None:
    for changes, answers, rate, burst in ((300, 0, CHANGES_RATE, CHANGES_BURST), (0, 1, ANSWERS_RATE, ANSWERS_BURST)):
        pace, now, told = Pace(), 0.0, 0
        while not pace.is_too_fast(now):
            now += pace.took(changes, answers, now)
            told += changes or answers
        assert MAX_SLOWED < now < MAX_SLOWED + 2
        assert told < burst + (MAX_SLOWED + 3) * rate


def test_it_is_not_left_unread_for_so_long_that_it_seems_silent() -> None:
    assert Pace().took(10**6, 0, 0) == MAX_PAUSE


def test_after_a_rest_it_starts_anew() -> None:
    pace = Pace()
    pace.took(CHANGES_BURST + CHANGES_RATE, 0, 0)
    assert pace.took(1, 1, MAX_SLOWED + 1) == 0
    assert not pace.is_too_fast(MAX_SLOWED + 1)
