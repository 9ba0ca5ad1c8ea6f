"""The metrics of an RS that is made of a status."""

from __future__ import annotations

from p2p_twisted.rs.metrics import families
from p2p_twisted.web.api.rs_schema import RsStatus
from p2p_twisted.web.metrics import Buckets, Family

DURATIONS = {"0.5": 3.0, "1": 2.0, "inf": 1.0, "sum": 4.5}


def made() -> dict[str, Family]:
    counts = {
        **{"requests KeepAlive 200": 40.0, "requests other 300": 2.0, "limits cookies": 3.0},
        **{f"seconds {method} {bound}": n for method in METHODS for bound, n in DURATIONS.items()},
        **{f"delays {bound}": number for bound, number in DURATIONS.items()},
        **{"commits": 7.0, "commit_failures": 1.0, "skipped": 2.0},
    }
    status = RsStatus("rs", "9", 60, ttl=7200, active=4, records=5, connections=6, waiting=8, counts=counts)
    return {family.name: family for family in families(status)}


METHODS = ("Register", "Leave", "KeepAlive", "PQuery")


def test_requests_and_limits_have_labels() -> None:
    found = made()
    assert found["p2p_rs_requests"].series == [
        ({"method": "KeepAlive", "status": "200"}, 40),
        ({"method": "other", "status": "300"}, 2),
    ]
    assert found["p2p_rs_limits_hit"].series == [({"limit": "cookies"}, 3)]


def test_a_histogram_has_the_counts_up_to_each_bound() -> None:
    expected = Buckets([("0.5", 3), ("1", 5), ("+Inf", 6)], 4.5)
    found = made()
    assert found["p2p_rs_request_duration_seconds"].series == [({"method": method}, expected) for method in METHODS]
    assert found["p2p_rs_reactor_delay_seconds"].series == [({}, expected)]


def test_gauges_are_those_of_the_status() -> None:
    found = made()
    names = (
        "ttl_seconds",
        "peers_active",
        "peer_records",
        "connections",
        "waiting_records",
        "commits",
        "skipped_records",
    )
    assert [found[f"p2p_rs_{name}"].series[0][1] for name in names] == [7200, 4, 5, 6, 8, 7, 2]
