"""``downloads``, ``pause``, ``resume``, ``retry`` and ``cancel``, against a peer that is only its API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p_twisted.web.control_client import ControlClient
from tests.support.p2p_command import p2p, serving


@pytest.fixture
def peer() -> Iterator[Path]:
    with serving("peer") as folder:
        yield folder


def states(peer: Path) -> list[str]:
    return [line.split("\t")[1] for line in p2p("--state-dir", peer, "downloads").stdout.splitlines()]


def test_none(peer: Path) -> None:
    result = p2p("--state-dir", peer, "downloads")
    assert (result.exit_code, result.stdout) == (0, "")


def test_all_of_which_it_can_be_done(peer: Path) -> None:
    client = ControlClient(peer)
    for name in "running_a", "checksum_b", "done_c", "running_d":
        client.post("downloads", {"names": [name]})
    assert states(peer) == ["running", "failed", "done", "running"]
    for verb, after in (
        ("pause", ["paused", "failed", "done", "paused"]),
        ("retry", ["paused", "running", "done", "paused"]),
        ("resume", ["running", "running", "done", "running"]),
        ("cancel", ["cancelled", "cancelled", "done", "cancelled"]),
    ):
        result = p2p("--state-dir", peer, verb)
        assert result.exit_code == 0
        assert states(peer) == after


def test_one_of_them(peer: Path) -> None:
    client = ControlClient(peer)
    first, second = (client.post("downloads", {"names": [f"running_{name}"]})["id"] for name in "ab")
    result = p2p("--state-dir", peer, "pause", second, "--json")
    assert [item["id"] for item in json.loads(result.stdout)["items"]] == [second]
    assert states(peer) == ["running", "paused"]
    refused = p2p("--state-dir", peer, "resume", first)
    assert refused.exit_code == 1
    assert "this download is running: only one that is paused can be resumed" in refused.stderr
    assert "no such download" in p2p("--state-dir", peer, "pause", "none").stderr


def test_no_peer_runs(tmp_path: Path) -> None:
    result = p2p("--state-dir", tmp_path, "pause")
    assert result.exit_code == 2
    assert "no peer is running" in result.stderr and "twistd -n p2p-peer" in result.stderr
