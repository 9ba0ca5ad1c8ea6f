"""The metrics of an RS, made of its status. docs/operating.rst says what each means. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ..web.api.rs_schema import RsStatus
from ..web.metrics import Buckets, Family
from .counts import METHODS


def families(status: RsStatus) -> list[Family]:
    """Return the metrics of the RS, or of all workers together, whose status this is."""
    counts = status.counts
    return [
        Family("gauge", "p2p_rs_info", "Always 1; the label has the version.", [({"version": status.version}, 1)]),
        _gauge("workers", "Processes that answer; 1 without --workers.", status.workers),
        _gauge("uptime_seconds", "Time since the start.", status.uptime),
        _gauge("ttl_seconds", "TTL that this RS gives.", status.ttl),
        _gauge("peers_active", "Peers that are active.", status.active),
        _gauge("peer_records", "Peer records, active or not.", status.records),
        _gauge("connections", "Connections that are open.", status.connections),
        _gauge("waiting_records", "Renewed records that are to be written.", status.waiting),
        _requests(counts),
        _seconds(counts),
        Family("counter", "p2p_rs_commits", "Transactions written to the registry.", [({}, counts["commits"])]),
        Family(
            "counter", "p2p_rs_commit_failures", "Failures to write the registry.", [({}, counts["commit_failures"])]
        ),
        Family(
            "counter", "p2p_rs_skipped_records", "Records left out: they cannot be read.", [({}, counts["skipped"])]
        ),
        _limits(counts),
        Family(
            "histogram",
            "p2p_rs_reactor_delay_seconds",
            "How much too late a timer was called, twice a second.",
            [({}, Buckets.of(counts, "delays"))],
        ),
    ]


def _gauge(name: str, text: str, value: float) -> Family:
    return Family("gauge", f"p2p_rs_{name}", text, [({}, value)])


def _requests(counts: Mapping[str, float]) -> Family:
    words = [(key.split(" "), number) for key, number in counts.items() if key.startswith("requests ")]
    series = [({"method": method, "status": status}, number) for (_, method, status), number in words]
    return Family("counter", "p2p_rs_requests", "Requests that were answered.", list(series))


def _seconds(counts: Mapping[str, float]) -> Family:
    text = "Time from a request to its answer, of those granted; without each KeepAlive that is granted at once."
    series = [({"method": method}, Buckets.of(counts, f"seconds {method}")) for method in METHODS]
    return Family("histogram", "p2p_rs_request_duration_seconds", text, list(series))


def _limits(counts: Mapping[str, float]) -> Family:
    words = [(key.partition(" ")[2], number) for key, number in counts.items() if key.startswith("limits ")]
    text = "Requests, connections and registrations that a limit refused, or ended."
    return Family("counter", "p2p_rs_limits_hit", text, [({"limit": name}, number) for name, number in words])
