"""Whom a peer keeps in touch with."""

from __future__ import annotations

from collections import Counter

import pytest

from p2p_twisted.peer.peers.neighbours import CHOSEN, GREETERS, NEAR, SMALL, SMALL_AGAIN, TELLERS, Neighbours
from p2p_twisted.wire.address import Address


def at(number: int) -> Address:
    return f"10.0.{number // 250}.{number % 250 + 1}", 4000


MANY = [at(number) for number in range(65)]
NEAR_BY = [at(number) for number in range(900, 908)]


@pytest.fixture
def neighbours() -> Neighbours:
    """Those of a peer in a large swarm that has chosen."""
    made = Neighbours()
    made.count(65, is_all=False)
    made.offer(MANY, NEAR_BY)
    made.fill()
    return made


def test_all_are_neighbours_in_a_small_swarm() -> None:
    small = Neighbours()
    small.count(SMALL, is_all=True)
    assert not small.is_large and at(7) in small and not small.tells(at(7))


def test_a_swarm_becomes_large_and_small_again_but_not_to_and_fro() -> None:
    swarm = Neighbours()
    seen = []
    for number in (SMALL, SMALL + 1, SMALL, SMALL_AGAIN + 1, SMALL_AGAIN, SMALL):
        swarm.count(number, is_all=True)
        seen.append(swarm.is_large)
    assert seen == [False, True, True, True, False, False]


def test_a_sample_is_never_a_small_swarm() -> None:
    swarm = Neighbours()
    swarm.count(3, is_all=False)
    assert swarm.is_large


def test_some_near_ones_and_the_others_by_chance(neighbours: Neighbours) -> None:
    assert len(neighbours.chosen) == CHOSEN and neighbours.fill() == []
    assert len(neighbours.chosen & set(NEAR_BY)) == NEAR
    assert all(address in neighbours for address in neighbours.chosen)
    assert not any(address in neighbours for address in set(MANY) - neighbours.chosen)


def test_near_ones_take_all_places_where_there_are_no_others() -> None:
    alone = Neighbours()
    alone.count(65, is_all=False)
    alone.offer([], NEAR_BY)
    assert sorted(alone.fill()) == NEAR_BY


def test_another_one_takes_the_place_of_one_that_is_gone(neighbours: Neighbours) -> None:
    before = set(neighbours.chosen)
    for gone in before:
        neighbours.remove(gone)
        assert gone not in neighbours
        assert not before & set(neighbours.fill())
    assert len(neighbours.chosen) == CHOSEN


def test_the_useless_are_exchanged_first(neighbours: Neighbours) -> None:
    useless = sorted(neighbours.chosen)[3]
    assert neighbours.renew([useless]) == useless and useless not in neighbours
    assert len(neighbours.fill()) == 1
    old = neighbours.renew([])
    assert old is not None and old not in NEAR_BY


def test_nobody_is_given_up_unless_another_can_take_the_place(neighbours: Neighbours) -> None:
    neighbours.offer(neighbours.chosen)
    assert neighbours.renew([]) is None


def test_who_greets_is_a_neighbour_and_displaces_only_others_that_greeted(neighbours: Neighbours) -> None:
    chosen = set(neighbours.chosen)
    greeters = [at(number) for number in range(1000, 1000 + GREETERS)]
    assert [neighbours.greeted_by(address) for address in greeters] == [None] * GREETERS
    assert neighbours.greeted_by(greeters[0]) is None  # it is there
    displaced = Counter(neighbours.greeted_by(at(number)) for number in range(2000, 2500))
    assert None not in displaced and not chosen & displaced.keys()
    assert chosen == neighbours.chosen and all(address in neighbours for address in chosen)
    assert sum(at(number) in neighbours for number in range(1000, 2500)) == GREETERS


def test_a_chosen_one_that_greets_takes_no_place(neighbours: Neighbours) -> None:
    for address in neighbours.chosen:
        assert neighbours.greeted_by(address) is None
    assert neighbours.greeted_by(at(3000)) is None


def test_hearsay_comes_from_a_few_of_the_own_choice(neighbours: Neighbours) -> None:
    neighbours.greeted_by(at(3000))
    tellers = [address for address in sorted(neighbours.chosen) if neighbours.tells(address)]
    assert len(tellers) == TELLERS and not neighbours.tells(at(3000))
    neighbours.remove(tellers[0])
    neighbours.remove(tellers[1])
    new = neighbours.fill()
    assert len(new) == 2 and all(neighbours.tells(address) for address in (*new, tellers[2]))


def test_others_tell_if_nobody_comes_for_one_that_is_gone(neighbours: Neighbours) -> None:
    neighbours.offer([])
    gone = next(address for address in neighbours.chosen if neighbours.tells(address))
    neighbours.remove(gone)
    assert neighbours.fill() == []
    neighbours.appoint()
    assert sum(neighbours.tells(address) for address in neighbours.chosen) == TELLERS and not neighbours.tells(gone)
