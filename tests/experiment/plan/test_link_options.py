"""The links that the options of the command line describe."""

import pytest

from p2p_twisted.experiment.plan.design import Design
from p2p_twisted.experiment.plan.link_options import links_of, parse_link_rate
from p2p_twisted.experiment.plan.links import Links
from p2p_twisted.experiment.plan.uplink_spread import UplinkSpread

MBIT = 125_000.0


def test_rates_of_all_and_of_one() -> None:
    assert parse_link_rate("20Mbit") == (None, 20 * MBIT)
    assert parse_link_rate("peer3=2Mbit") == ("peer3", 2 * MBIT)
    assert parse_link_rate("source=2Mbit") == ("peer1", 2 * MBIT)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("fast", "the rate must be a rate such as"),
        ("peer3=", "the rate must be a rate such as"),
        ("none", "needs links with a rate"),
        ("rs=2Mbit", "'rs' is not a peer"),
        ("=2Mbit", "'' is not a peer"),
    ],
)
def test_what_is_no_rate(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_link_rate(text)


def test_without_options_all_have_the_default() -> None:
    assert links_of([], [], None, 0) == Links(20 * MBIT, 100 * MBIT)


def test_single_peers_beside_the_rate_of_all() -> None:
    links = links_of([("peer3", MBIT), (None, 8 * MBIT)], [("peer2", 2 * MBIT)], None, 0)
    assert links == Links(8 * MBIT, 100 * MBIT, ups={"peer3": MBIT}, downs={"peer2": 2 * MBIT})


def test_a_spread_with_the_seed_of_the_experiment() -> None:
    links = links_of([("peer3", MBIT)], [], (MBIT, 9 * MBIT), 7)
    assert links == Links(9 * MBIT, 100 * MBIT, ups={"peer3": MBIT}, spread=UplinkSpread(MBIT, 9 * MBIT, 7))


def test_rates_that_exclude_one_another() -> None:
    with pytest.raises(ValueError, match="--up gives two rates to all peers"):
        links_of([(None, MBIT), (None, MBIT)], [], None, 0)
    with pytest.raises(ValueError, match="--up-spread and --up both give a rate to all peers"):
        links_of([(None, MBIT)], [], (MBIT, MBIT), 0)


def test_a_peer_that_is_not_there() -> None:
    design = Design([("task1", 3)], Links(MBIT, MBIT, ups={"peer4": MBIT}), 1)
    with pytest.raises(ValueError, match="there is no peer4 among 3 peers"):
        design.honest(3)
