"""Sites on loopback: addresses, limits, and what crosses the links."""

from p2p_twisted.experiment.plan.site_layout import SiteLayout
from p2p_twisted.experiment.results import LinkBytes, Transfer
from p2p_twisted.experiment.run.site_loopback import SiteLoopback, carried

LAYOUT = SiteLayout((2, 1, 1), 1e6)


def moved(source: str, peer: str, size: int) -> Transfer:
    return Transfer(peer, "large.bin", source, size, 0.0, 1.0)


def test_each_site_has_a_network_and_its_peers_share_the_link() -> None:
    place = SiteLoopback(LAYOUT)
    assert [place.address(role) for role in ("peer1", "peer2", "peer3", "peer4", "rs")] == [
        "127.77.1.1",
        "127.77.1.2",
        "127.77.2.3",
        "127.77.3.4",
        "127.77.1.254",
    ]
    assert (place.share("peer1"), place.share("peer4")) == (0.5e6, 1e6)


def test_what_is_sent_from_end_to_end_crosses_every_link() -> None:
    transfers = [
        moved("peer1", "peer2", 1),
        moved("peer1", "peer3", 10),
        moved("peer2", "peer4", 100),
        moved("peer4", "peer3", 1000),
    ]
    assert carried(transfers, LAYOUT) == [LinkBytes(110, 0), LinkBytes(100, 1000)]
