"""Turns that were given: what is promised, who is late, and how long they usually take."""

from __future__ import annotations

from typing import Any

import pytest

from p2p_twisted.peer.serving.given_turns import MAX_TURNAROUND, MIN_TIMEOUT, SMOOTHING, TURNAROUNDS, GivenTurns

ONE: Any = "one"
OTHER: Any = "other"


@pytest.fixture
def late() -> set[Any]:
    return set()


@pytest.fixture
def given(late: set[Any]) -> GivenTurns:
    return GivenTurns(late)


def test_each_piece_that_is_asked_for_is_promised_no_longer(given: GivenTurns) -> None:
    given.give(ONE, 2, 0.0)
    given.give(OTHER, 1, 0.0)
    assert (len(given), given.promised, given.are_for_none_but(ONE)) == (2, 3, False)
    assert given.end(OTHER, used=True, now=0.01)
    assert given.end(ONE, used=True, now=0.01)
    assert (len(given), given.promised, given.are_for_none_but(ONE)) == (1, 1, True)
    assert given.end(ONE, used=True, now=0.02)
    assert not given.end(ONE, used=True, now=0.03), "it had none left"


def test_who_asks_for_another_turn_gives_up_all_pieces(given: GivenTurns) -> None:
    given.give(ONE, 8, 0.0)
    assert given.end(ONE, used=False, now=0.01)
    assert (len(given), given.promised) == (0, 0)


def test_one_that_lapses_is_not_promised_and_its_downloader_is_late(given: GivenTurns, late: set[Any]) -> None:
    given.give(ONE, 1, 0.0)
    given.note_lapsed(MIN_TIMEOUT / 2)
    assert (given.promised, late) == (1, set())
    assert given.until_lapse(MIN_TIMEOUT / 2) == pytest.approx(MIN_TIMEOUT / 2)
    given.note_lapsed(MIN_TIMEOUT)
    assert (given.promised, late) == (0, {ONE})
    given.end(ONE, used=True, now=1.0)
    assert late == {ONE}, "it was not in time"
    given.give(ONE, 1, 1.0)
    given.end(ONE, used=True, now=1.01)
    assert late == set()


def test_the_time_that_they_take_is_followed_within_bounds(given: GivenTurns) -> None:
    before = given.turnaround
    given.give(ONE, 1, 0.0)
    given.end(ONE, used=True, now=100.0)
    assert given.turnaround == pytest.approx(before + (MAX_TURNAROUND - before) * SMOOTHING)
    assert given.until_lapse(7.0) == pytest.approx(TURNAROUNDS * given.turnaround), "one that would be given now"


def test_nothing_is_left_of_one_that_is_gone(given: GivenTurns, late: set[Any]) -> None:
    given.give(ONE, 3, 0.0)
    given.note_lapsed(1.0)
    given.remove(ONE)
    assert (len(given), late) == (0, set())
