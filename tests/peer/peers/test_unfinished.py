"""The unfinished files of other peers: exact, in little memory, and no peer takes the room of all others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.library.pieces import MAX_PIECE, MIN_PIECE
from p2p_twisted.peer.peers.unfinished import MAX_COUNT, PART_COST, Part, Room, Unfinished
from p2p_twisted.wire.changes import Have
from p2p_twisted.wire.ranges import bits, members, to_ranges


def sha256(number: int) -> str:
    return f"{number:064x}"


def have(number: int, *pieces: int, size: int = 1024 * MIN_PIECE) -> Have:
    return Have(sha256(number), size, to_ranges(bits(pieces)))


@given(st.lists(st.sets(st.integers(0, 200), min_size=1), max_size=5), st.integers(0, 150))
def test_pieces_add_up_to_the_end_of_the_file(told: list[set[int]], count: int) -> None:
    part = Part(count)
    for pieces in told:
        part.add(to_ranges(bits(pieces)))
    assert list(members(part.pieces)) == sorted(piece for piece in set().union(*told) if piece < count)
    assert len(part) <= (count + 7) // 8


def test_all_pieces_of_a_huge_file_are_added_quickly_and_take_a_bit_each() -> None:
    part = Part(MAX_COUNT)
    part.add(((0, 2**32),))
    assert part.pieces.bit_count() == MAX_COUNT
    assert len(part) == MAX_COUNT // 8


def test_a_file_that_no_swarm_fetches_is_not_remembered() -> None:
    unfinished = Unfinished(Room())
    unfinished.add(have(1, 0, size=(MAX_COUNT + 1) * MAX_PIECE))
    assert not unfinished


def test_the_peer_that_has_most_loses_all_of_its() -> None:
    room = Room(10 * PART_COST)
    modest, greedy = Unfinished(room), Unfinished(room)
    for number in range(3):
        modest.add(have(number))
    for number in range(1000):
        greedy.add(have(number))
        assert len(modest) == 3
        assert len(greedy) <= 7
    assert list(modest) == [sha256(number) for number in range(3)]


def test_many_pieces_of_one_file_count_too() -> None:
    room = Room(2 * PART_COST + 200)
    one, other = Unfinished(room), Unfinished(room)
    one.add(have(1, 0))
    other.add(have(1, 1023))
    assert (len(one), len(other)) == (1, 1)
    one.add(have(1, 1023))
    assert len(one) + len(other) == 1


def test_what_is_forgotten_makes_room() -> None:
    room = Room(3 * PART_COST + 10)
    unfinished = Unfinished(room)
    for _ in range(10):
        for number in range(3):
            unfinished.add(have(number, 3))
        unfinished.discard(sha256(0))
        unfinished.discard(sha256(0))
        unfinished.discard(None)
        assert len(unfinished) == 2
        unfinished.add(have(7, 3))
        assert len(unfinished) == 3
        unfinished.clear()
    assert not unfinished
