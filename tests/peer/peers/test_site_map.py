"""Where peers are: by the names that they tell, else by their networks."""

from __future__ import annotations

from typing import Any, cast

from p2p_twisted.config.sites import NETWORKS, SitePrefix
from p2p_twisted.peer.peers.known_peer import KnownPeer
from p2p_twisted.peer.peers.site_map import SiteMap
from p2p_twisted.wire.address import Address

SILENT, NAMED, OTHER = ("10.1.2.3", 4001), ("10.1.2.4", 4001), ("10.1.3.4", 4001)


class Known:
    """A registration under 10.1.2.9."""

    seen_as: str | None = "10.1.2.9"
    port = 4000


def site_map(name: str | None = None, prefix: SitePrefix = NETWORKS) -> tuple[SiteMap, dict[Address, KnownPeer]]:
    peers = {address: KnownPeer(address, cast(Any, None)) for address in (SILENT, NAMED, OTHER)}
    peers[NAMED].site = "lyon"
    return SiteMap(peers, cast(Any, Known()), name, prefix), peers


def test_a_peer_is_where_it_says_or_in_its_network() -> None:
    sites, _ = site_map()
    assert [sites.of(one) for one in (SILENT, NAMED, OTHER, ("192.0.2.7", 1))] == [
        "10.1.2.0/24",
        "lyon",
        "10.1.3.0/24",
        "192.0.2.0/24",
    ]
    assert site_map(prefix=SitePrefix(16))[0].of(OTHER) == "10.1.0.0/16"


def test_a_host_is_near_if_a_peer_there_is() -> None:
    unnamed, _ = site_map()
    assert [unnamed.is_near(one[0]) for one in (SILENT, NAMED, OTHER)] == [True, False, False]
    lyon, peers = site_map("lyon")
    assert [lyon.is_near(one[0]) for one in (SILENT, NAMED, OTHER)] == [False, True, False]
    peers[OTHER].site = "lyon"
    assert lyon.is_near(OTHER[0])


def test_one_that_is_not_registered_does_not_know_where_it_is(monkeypatch: Any) -> None:
    monkeypatch.setattr(Known, "seen_as", None)
    assert site_map()[0].sites() is None
    assert not site_map()[0].is_near(SILENT[0])


def test_the_sites_of_a_swarm_are_those_of_the_map() -> None:
    sites, peers = site_map()
    swarm = sites.sites()
    assert swarm is not None
    assert [swarm.is_near(one) for one in (SILENT, NAMED, OTHER)] == [True, False, False]
    peers[SILENT].site = "lyon"
    assert not swarm.is_near(SILENT)
