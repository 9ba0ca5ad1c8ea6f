"""How many neighbours a downloader has, and which of them makes room."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from p2p_twisted.swarm.neighbour_places import (
    MAX_NEIGHBOURS,
    MORE,
    MOST_NEIGHBOURS,
    USED_IN_A_ROW,
    NeighbourPlaces,
)
from p2p_twisted.swarm.picker_state import PieceRequest
from p2p_twisted.swarm.source import Source


def neighbours(number: int) -> list[Source]:
    """Return so many that are connected; the first has the lowest lot."""
    made = [Source(("10.0.0.1", port), Clock(), port / number) for port in range(number)]
    connection: Any = object()
    for one in made:
        one.connection = connection
    return made


def places(count: NeighbourPlaces) -> int:
    """Return how many neighbours there may be."""
    new = Source(("10.0.0.2", 1), Clock(), 2.0)
    return next(number for number in range(100) if count.displaced_by(new, neighbours(number)) is not None)


def test_a_lower_lot_takes_the_place_of_the_highest() -> None:
    taken = neighbours(MAX_NEIGHBOURS)
    low, high = Source(("10.0.0.2", 1), Clock(), 0.5), Source(("10.0.0.2", 2), Clock(), 2.0)
    assert NeighbourPlaces().displaced_by(low, taken[1:]) is None
    assert NeighbourPlaces().displaced_by(low, taken) is taken[-1]
    assert NeighbourPlaces().displaced_by(high, taken) is high


def test_one_of_which_something_is_requested_stays() -> None:
    taken = neighbours(MAX_NEIGHBOURS)
    answer: Any = object()
    taken[-1].outstanding[answer] = PieceRequest("ab" * 32, 1)
    low = Source(("10.0.0.2", 1), Clock(), 0.5)
    assert NeighbourPlaces().displaced_by(low, taken) is taken[-2]


def test_who_is_short_of_turns_gets_more_neighbours() -> None:
    count = NeighbourPlaces()
    for _ in range(USED_IN_A_ROW - 1):
        assert not count.note_turn(used=True)
    assert places(count) == MAX_NEIGHBOURS
    assert count.note_turn(used=True)
    assert places(count) == MAX_NEIGHBOURS + MORE


def test_a_turn_to_no_use_shows_that_there_are_enough() -> None:
    count = NeighbourPlaces()
    for _ in range(10):
        for _ in range(USED_IN_A_ROW - 1):
            assert not count.note_turn(used=True)
        count.note_turn(used=False)
    assert places(count) == MAX_NEIGHBOURS


def test_there_is_a_limit() -> None:
    count = NeighbourPlaces()
    for _ in range(100 * USED_IN_A_ROW):
        count.note_turn(used=True)
    assert places(count) == MOST_NEIGHBOURS
