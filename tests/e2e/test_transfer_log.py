"""The log of each peer says what was transferred, on real processes."""

import re
from pathlib import Path

import pytest

from p2p_twisted.experiment.run.cluster import Cluster
from tests.support.twistd import wait_for

SIZE = 3_000_000
"""Bytes of a document of many pieces."""


@pytest.fixture
def cluster(tmp_path: Path):
    with Cluster(2) as cluster:
        (cluster.peers[0].share_dir / "a.bin").write_bytes(bytes(SIZE))
        cluster.start()
        cluster.wait_for_documents(1)
        yield cluster


def fetch(cluster: Cluster, *names: str) -> None:
    control = cluster.peers[1].control
    order = control.post("downloads", {"names": list(names)})["id"]
    wait_for(lambda: control.get(f"downloads/{order}")["ended"])


def lines(log: Path, pattern: str) -> list[str]:
    return re.findall(pattern, log.read_text())


def test_a_transfer_is_one_line_at_either_end_and_a_failure_one_with_its_reason(cluster: Cluster) -> None:
    holder, downloader = cluster.peers
    fetch(cluster, "a.bin", "nothing")
    address = "{host}:{port}".format(**holder.control.get("status"))
    wait_for(lambda: "sent " in holder.log.read_text())
    assert len(lines(holder.log, rf"\] sent 'a.bin' to 127.0.0.1:\d+: {SIZE} bytes in \d+\.\d s\n")) == 1
    assert len(lines(downloader.log, rf"\] fetched 'a.bin': {SIZE} bytes in \d+\.\d s from {address}\n")) == 1
    assert lines(downloader.log, r"\] (not fetched: .*)\n") == ["not fetched: 'nothing': no peer has nothing"]
