"""Names of sites, and the networks that stand for them."""

import pytest

from p2p_twisted.config.sites import NETWORKS, SitePrefix, network_site, site_name, site_prefix


@pytest.mark.parametrize("name", ["lyon-2", "a", "Building_7.east", "x" * 64])
def test_a_name_is_taken_as_it_is(name: str) -> None:
    assert site_name(name) == name


@pytest.mark.parametrize("name", ["", "two words", "x" * 65, "10.1.2.0/24", "z\u00fcrich", "a\n"])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="at most 64 letters"):
        site_name(name)


def test_a_prefix_is_one_number_or_two() -> None:
    assert site_prefix("16") == SitePrefix(16, 64)
    assert site_prefix("32,48") == SitePrefix(32, 48)
    assert site_prefix("24,64") == NETWORKS


@pytest.mark.parametrize("text", ["", "0", "33", "24,129", "24,0", "24,64,1", "/24", "-1", "24, 64", "\u0661"])
def test_any_other_prefix_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 24,64"):
        site_prefix(text)


def test_the_network_of_an_address_is_its_site() -> None:
    assert network_site("10.1.2.3", NETWORKS) == "10.1.2.0/24"
    assert network_site("10.1.2.3", SitePrefix(16)) == "10.1.0.0/16"
    assert network_site("2001:db8::7", NETWORKS) == "2001:db8::/64"
    assert network_site("::ffff:10.1.2.3", NETWORKS) == "10.1.2.0/24"
    assert network_site("peer.example", NETWORKS) == "peer.example"


def test_no_network_has_the_name_of_a_site() -> None:
    for site in (network_site("10.1.2.3", NETWORKS), network_site("2001:db8::7", NETWORKS)):
        with pytest.raises(ValueError, match="name"):
            site_name(site)
