"""Sets of pieces: as ranges, and as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.ranges import Ranges, bits, format_ranges, from_ranges, members, parse_ranges, to_ranges
from tests.support.wire_strategies import piece_sets


@given(st.sets(st.integers(0, 500)))
def test_ranges_hold_exactly_the_pieces(pieces: set[int]) -> None:
    assert list(members(from_ranges(to_ranges(bits(pieces)), 501))) == sorted(pieces)


@given(piece_sets)
def test_ranges_as_text_and_back(ranges: Ranges) -> None:
    assert parse_ranges(format_ranges(ranges)) == ranges


def test_many_ranges_are_not_cut_short() -> None:
    """A large file, every second piece of which is there: more than a line of a head would hold."""
    ranges = to_ranges(bits(range(0, 40_000, 2)))
    assert parse_ranges(format_ranges(ranges)) == ranges


@pytest.mark.parametrize(
    "text", ["", "-", "3-", "-3", "3-3", "4-3", "1,1", "2,1", "1,2", "0-3,4", "1, 3", "+1", "01", "1-2-3", "9" * 30]
)
def test_invalid_ranges_are_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_ranges(text)
