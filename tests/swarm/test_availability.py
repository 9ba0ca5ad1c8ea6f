"""The number of sources of each piece, against a plain count."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.swarm.availability import Availability
from p2p_twisted.wire.ranges import bits, members

sets = st.lists(st.sets(st.integers(0, 40)), max_size=12)


@given(sets, st.sets(st.integers(0, 40), min_size=1), st.integers(0, 12))
def test_as_a_count_would_have_it(sources: list[set[int]], among: set[int], gone: int) -> None:
    availability, count = Availability(), Counter[int]()
    for pieces in sources:
        availability.add(bits(pieces))
        count.update(pieces)
    for pieces in sources[:gone]:
        availability.remove(bits(pieces))
        count.subtract(pieces)
    lowest = min(count[piece] for piece in among)
    number, rarest = availability.rarest(bits(among))
    assert (number, set(members(rarest))) == (lowest, {piece for piece in among if count[piece] == lowest})
    assert all(availability.of(piece) == count[piece] for piece in range(41))
    assert set(members(availability.known)) == {piece for piece in count if count[piece]}


def test_of_nothing_nothing_is_rarest() -> None:
    availability = Availability()
    availability.add(0b101)
    assert availability.rarest(0)[1] == 0
