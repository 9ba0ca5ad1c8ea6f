"""The places: the options of each peer, and the hosts of a cluster."""

from p2p_twisted.experiment.plan.links import Links
from p2p_twisted.experiment.run.places import on_loopback


def test_each_peer_has_its_limits_and_the_rs_has_none() -> None:
    with on_loopback(Links(1000.0, 4000.4, {"peer2": 10.0}), 2) as place:
        assert list(place.options("peer1")) == ["--up-rate", "1000", "--down-rate", "4000"]
        assert list(place.options("peer2")) == ["--up-rate", "10", "--down-rate", "10"]
        assert list(place.options("rs")) == []
