"""Who fetches which piece: all come to the same answer, and nobody is waited for in vain."""

from __future__ import annotations

import pytest

from p2p_twisted.swarm.division import Division, first_of
from p2p_twisted.wire.ranges import bits, first_bits

SHA256 = "ab" * 32
COUNT = 256
PARTIES = [f"10.1.2.{number} 65400" for number in range(1, 9)]


def shares(parties: list[str]) -> dict[str, int]:
    """Return the pieces of each party, as each finds out by itself."""
    return {me: Division(me).share(SHA256, COUNT, frozenset(parties) - {me}) for me in parties}


@pytest.mark.parametrize("number", [1, 2, 3, 8])
def test_each_piece_falls_to_one_party(number: int) -> None:
    found = shares(PARTIES[:number]).values()
    assert sum(share.bit_count() for share in found) == COUNT
    assert sum(found) == first_bits(COUNT)


def test_the_shares_are_about_equal() -> None:
    sizes = [share.bit_count() for share in shares(PARTIES).values()]
    assert COUNT / 8 / 2 < min(sizes) <= max(sizes) < COUNT / 8 * 2


def test_only_the_pieces_of_one_that_leaves_fall_to_others() -> None:
    before, after = shares(PARTIES), shares(PARTIES[1:])
    left = before[PARTIES[0]]
    for party, share in after.items():
        assert share & ~left == before[party]


def test_every_file_is_divided_otherwise() -> None:
    others = frozenset(PARTIES[1:])
    assert first_of(SHA256, COUNT, PARTIES[0], others) != first_of("cd" * 32, COUNT, PARTIES[0], others)


class Waiting:
    """One of three, which has all of its own pieces, and waits 10 s for the others."""

    def __init__(self) -> None:
        self.me, self.slow, self.quick = PARTIES[:3]
        self.division = Division(self.me)
        self.parts = shares([self.me, self.slow, self.quick])
        self.has = {self.slow: 0, self.quick: 0}
        self.others = frozenset(self.has)

    def wait(self, now: float) -> int:
        """Wait until `now`; return the share of this side then."""
        missing = first_bits(COUNT) & ~self.parts[self.me]
        self.division.wait(SHA256, COUNT, self.has, missing, now, 10.0)
        return self.division.share(SHA256, COUNT, self.others)

    def fetch_one(self, party: str) -> None:
        """Let `party` have one more of its pieces."""
        lacking = self.parts[party] & ~self.has[party]
        self.has[party] |= lacking & -lacking


def test_the_pieces_of_one_that_fetches_none_fall_to_all_others() -> None:
    case = Waiting()
    for second in range(0, 30, 2):
        case.fetch_one(case.quick)
        share = case.wait(float(second))
        assert (share == case.parts[case.me]) == (second <= 10)
    taken = share & ~case.parts[case.me]
    assert taken
    assert not taken & ~case.parts[case.slow]
    assert taken | Division(case.quick).share(SHA256, COUNT, frozenset({case.me})) >= case.parts[case.slow]


def test_one_that_goes_on_gets_its_pieces_back() -> None:
    case = Waiting()
    case.wait(0.0)
    assert case.wait(11.0) == first_bits(COUNT)
    case.fetch_one(case.slow)
    case.fetch_one(case.quick)
    assert case.wait(12.0) == case.parts[case.me]


def test_what_was_fetched_for_it_is_no_progress() -> None:
    case = Waiting()
    case.wait(0.0)
    case.has[case.slow] = case.parts[case.me]
    case.fetch_one(case.quick)
    assert case.wait(11.0) & case.parts[case.slow]


def test_nobody_is_late_while_this_side_has_something_to_fetch() -> None:
    case = Waiting()
    case.wait(0.0)
    case.division.go_on()
    assert case.wait(11.0) == case.parts[case.me]
    assert case.wait(22.0) == first_bits(COUNT)


def test_a_piece_that_one_has_twice_counts_once() -> None:
    case = Waiting()
    case.fetch_one(case.slow)
    case.wait(0.0)
    assert case.has[case.slow] == bits([case.has[case.slow].bit_length() - 1])
    assert case.wait(11.0) & case.parts[case.slow]
