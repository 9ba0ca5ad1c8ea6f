"""Hosts at several sites: what crosses a link is counted and shaped, what stays inside is not."""

import time

import pytest

from p2p_twisted.experiment.run.site_network import SiteNetwork

from .test_netns import MBIT, PREFIX, namespaces, needs_root, send, serve


def network_of(*sites: int, between: int = 10 * MBIT, more: int = 0, in_one_network: bool = False) -> SiteNetwork:
    return SiteNetwork(sites, 100 * MBIT, between, more, in_one_network, PREFIX)


def test_hosts_are_numbered_site_by_site_and_the_others_are_at_the_first() -> None:
    network = network_of(2, 1, 2, more=1)
    assert [network.site(host) for host in network.hosts] == [1, 1, 2, 3, 3, 1]
    assert [network.address(host) for host in (1, 3, 5, 6)] == ["10.77.1.1", "10.77.2.3", "10.77.3.5", "10.77.1.6"]


def test_addresses_tell_no_sites_in_one_network() -> None:
    network = network_of(1, 1, in_one_network=True)
    assert [network.address(host) for host in network.hosts] == ["10.77.0.1", "10.77.0.2"]
    assert network.site(2) == 2


def test_a_link_needs_a_rate() -> None:
    with pytest.raises(ValueError, match="8000 bits"):
        network_of(1, 1, between=0)


@needs_root
def test_what_crosses_a_chain_is_counted_on_each_of_its_links() -> None:
    with network_of(2, 1, 1) as network:
        serve(network, 2)
        serve(network, 4)
        assert send(network, 1, 2, 200_000) == "thanks"
        inside = network.links()
        assert send(network, 3, 4, 300_000) == "thanks"
        assert send(network, 1, 4, 400_000) == "thanks"
        first, second = network.links()
    assert [link.there + link.back < 2_000 for link in inside] == [True, True]
    assert first.there == pytest.approx(400_000, rel=0.02)
    assert second.there == pytest.approx(700_000, rel=0.02)
    assert first.back < 20_000
    assert namespaces() == []


@needs_root
def test_a_link_is_slower_than_a_lan() -> None:
    with network_of(2, 1, between=4 * MBIT) as network:
        for host in (2, 3):
            serve(network, host)
        begun = time.monotonic()
        assert send(network, 1, 2, 1_000_000) == "thanks"
        lan = time.monotonic() - begun
        assert send(network, 1, 3, 1_000_000) == "thanks"
        assert time.monotonic() - begun - lan > max(1.5, 2 * lan)
