"""Sites in a chain: who is where, and the least time."""

import pytest

from p2p_twisted.experiment.plan.links import Links
from p2p_twisted.experiment.plan.site_layout import SiteLayout, parse_sites
from tests.support.made_results import MIB, plan_of

MBIT = 1e6 / 8


def test_sites_are_written_with_plus() -> None:
    assert parse_sites("4+4") == (4, 4)
    assert str(SiteLayout(parse_sites("2+8+1"), 1.0)) == "2+8+1"


@pytest.mark.parametrize("text", ["", "4", "4+", "0+4", "-1+4", "4,4", "1000+1", "\u0664+4", "+".join("1" * 11)])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"4\+4|sites"):
        parse_sites(text)


def test_peers_are_numbered_site_by_site_and_the_rs_is_at_the_first() -> None:
    layout = SiteLayout((2, 1, 2), MBIT)
    assert layout.count == 5
    assert [layout.site_of(f"peer{number}") for number in range(1, 6)] == [1, 1, 2, 3, 3]
    assert layout.site_of("rs") == 1


@pytest.mark.parametrize(("between", "expected"), [(10 * MBIT, 4 * MIB / (10 * MBIT)), (1000 * MBIT, None)])
def test_the_bound_is_that_of_one_site_or_of_a_link(between: float, expected: float | None) -> None:
    plan, lan = plan_of("swarm"), Links(100 * MBIT, 100 * MBIT)
    sites = Links(100 * MBIT, 100 * MBIT, sites=SiteLayout((2, 2), between))
    assert plan.bound(sites) == pytest.approx(expected or plan.bound(lan))
