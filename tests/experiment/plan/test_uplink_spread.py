"""Spread uplinks: within the limits, even for any number of peers, the same for the same random seed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.experiment.plan.links import Links
from p2p_twisted.experiment.plan.uplink_spread import UplinkSpread, parse_spread


def rates(peers: int, random_seed: int = 0) -> list[float]:
    spread = UplinkSpread(1e5, 1e7, random_seed)
    return [spread.rate_of(f"peer{number}") for number in range(1, peers + 1)]


@given(st.integers(1, 200), st.integers(0, 2**31))
def test_rates_are_within_the_limits(peers: int, random_seed: int) -> None:
    assert all(1e5 <= rate <= 1e7 for rate in rates(peers, random_seed))


@given(st.integers(2, 100), st.integers(0, 2**31))
def test_each_factor_has_as_many_peers(peers: int, random_seed: int) -> None:
    places = sorted(math.log(rate / 1e5, 100) for rate in rates(peers, random_seed))
    gaps = [after - before for before, after in zip(places, [*places[1:], places[0] + 1], strict=True)]
    assert max(gaps) < 2.0 / peers


def test_the_random_seed_alone_decides() -> None:
    assert rates(6) == rates(6)
    assert rates(6) != rates(6, random_seed=1)
    assert rates(6) == rates(9)[:6]


def test_one_rate_for_all() -> None:
    assert UplinkSpread(5000.0, 5000.0).rate_of("peer3") == 5000.0


def test_links_with_a_spread() -> None:
    links = Links(1e7, 2e7, {"peer2": 1e3}, ups={"peer1": 5e5}, downs={"peer3": 7e5}, spread=UplinkSpread(1e5, 1e7))
    assert links.up_of("peer1") == 5e5
    assert links.up_of("peer2") == links.down_of("peer2") == 1e3
    assert links.up_of("peer3") == rates(3)[2]
    assert (links.down_of("peer1"), links.down_of("peer3")) == (2e7, 7e5)
    assert links.roles == {"peer1", "peer3"}


def test_a_spread_is_read() -> None:
    assert parse_spread("1Mbit..20Mbit") == (125_000.0, 2_500_000.0)


@pytest.mark.parametrize(
    "text", ["", "1Mbit", "1Mbit..", "..1Mbit", "2Mbit..1Mbit", "none..1Mbit", "1Mbit..none", "a..b"]
)
def test_what_is_no_spread(text: str) -> None:
    with pytest.raises(ValueError, match="is not a lower and a higher rate"):
        parse_spread(text)
