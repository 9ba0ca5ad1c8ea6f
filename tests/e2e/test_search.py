"""A search among real peers: a phrase that stands in one document is found through any of them, whoever is silent."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from p2p_twisted.experiment.run.cluster import Cluster
from tests.support.p2p_command import p2p
from tests.support.sample_documents import pdf_of
from tests.support.twistd import wait_for

PEERS = 4
MAX_SECONDS = 2.0
"""The time that a search may take, as users are told."""
SLACK = 2.0
"""Seconds more on a busy machine."""
RFC = f"""{"Network Working Group":50}J. Postel
Request for Comments: 793
Obsoletes: 761

                     TRANSMISSION CONTROL PROTOCOL

The window of the maximal idea shuts at noon.
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(PEERS) as cluster:
        for number, peer in enumerate(cluster.peers):
            (peer.share_dir / f"notes{number}.txt").write_text(f"The quick fox number{number} jumps.\n" * 50)
        (cluster.peers[0].share_dir / "rfc793.txt").write_text(RFC)
        (cluster.peers[1].share_dir / "report.pdf").write_bytes(
            pdf_of("A report\n\nNobody expects the purple elephant.")
        )
        (cluster.peers[1].share_dir / "broken.pdf").write_bytes(b"%PDF-1.4 nothing of the kind")
        (cluster.peers[2].share_dir / "\u202ehostile.txt").write_text("\x1b[31mThe vermilion\x07 otter swims.")
        cluster.start()
        cluster.wait_for_documents(PEERS + 4)
        wait_for(lambda: names(cluster, 0, "elephant") and names(cluster, 1, "otter") and names(cluster, 1, "maximal"))
        yield cluster


def search(cluster: Cluster, number: int, query: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.peers[number].control.get("search", q=f"{query} ", swarm="yes")
    return found


def names(cluster: Cluster, number: int, query: str) -> list[str]:
    return [item["document"]["name"] for item in search(cluster, number, query)["items"]]


@pytest.mark.parametrize("number", range(PEERS))
def test_a_phrase_is_found_through_any_peer_with_its_passage(cluster: Cluster, number: int) -> None:
    start = time.monotonic()
    found = search(cluster, number, '"purple elephant"')
    assert time.monotonic() - start < MAX_SECONDS + SLACK
    assert (found["asked"], found["answered"]) == (PEERS - 1, PEERS - 1)
    [item] = found["items"]
    assert item["document"]["name"] == "report.pdf"
    assert item["document"]["local"] is (number == 1)
    assert [holder["port"] for holder in item["document"]["holders"]] == [
        cluster.peers[1].control.get("status")["port"]
    ]
    [(first, last)] = item["marks"]
    assert item["passage"][first : last + 1] == "purple elephant"


def test_what_the_heads_of_rfcs_say(cluster: Cluster) -> None:
    [item] = search(cluster, 3, "obsoletes:761")["items"]
    assert item["document"]["name"] == "rfc793.txt"
    assert item["rfc"] == {
        "number": 793,
        "category": "",
        "date": "",
        "authors": ["J. Postel"],
        "obsoletes": [761],
        "updates": [],
        "obsoleted_by": [],
        "updated_by": [],
    }


def test_words_that_many_have(cluster: Cluster) -> None:
    assert sorted(names(cluster, 2, "quick fox")) == [f"notes{number}.txt" for number in range(PEERS)]
    assert names(cluster, 2, "quick fox number3") == ["notes3.txt"]


def test_hostile_documents_are_found_and_shown_harmless(cluster: Cluster) -> None:
    assert names(cluster, 0, "broken") == ["broken.pdf"]
    shown = p2p("--state-dir", cluster.peers[0].state_dir, "search", "vermilion otter").stdout
    assert "\\u202ehostile.txt" in shown and "vermilion otter" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_as_one_types_nobody_is_asked(cluster: Cluster) -> None:
    found = cluster.peers[0].control.get("search", q="repo")
    assert [item["document"]["name"] for item in found["items"]] == ["report.pdf"]
    assert (found["asked"], found["answered"]) == (0, 0)


def test_peers_that_never_answer_are_not_waited_for(cluster: Cluster) -> None:
    silent = [cluster.peers[2], cluster.peers[3]]
    for peer in silent:
        os.kill(peer.pid or 0, signal.SIGSTOP)
    try:
        start = time.monotonic()
        found = search(cluster, 0, '"purple elephant"')
        assert time.monotonic() - start < MAX_SECONDS + SLACK
    finally:
        for peer in silent:
            os.kill(peer.pid or 0, signal.SIGCONT)
    assert [item["document"]["name"] for item in found["items"]] == ["report.pdf"]
    assert (found["asked"], found["answered"]) == (PEERS - 1, PEERS - 3)
