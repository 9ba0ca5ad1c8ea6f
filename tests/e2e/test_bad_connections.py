"""Sources that fall silent without a word: packets that are dropped, and a process that is suspended for a minute."""

import os
import random
import signal
import time
from typing import Any

import pytest

from p2p_twisted.experiment.run.cluster import Cluster
from p2p_twisted.experiment.run.netns import HostNetwork, reason_unavailable
from p2p_twisted.experiment.run.places import NetnsLauncher
from tests.support import raw_sockets
from tests.support.raw_sockets import wait_for

from .test_kill_peer import NAME, holders, order, wait
from .test_swarm import PIECE, assert_done, watch_until

DATA = random.Random(14).randbytes(24 * 2**20)
MBIT = 1_000_000
PREFIX = "p2ptest"
WHY_NOT = reason_unavailable(PREFIX)
SUSPENDED = 70
"""Seconds: longer than any timeout of a connection, and shorter than a download waits."""


def is_under_way(found: dict[str, Any]) -> bool:
    return bool(found["bytes_done"] > len(DATA) / 4)


@pytest.mark.slow
@pytest.mark.skipif(WHY_NOT is not None, reason=f"no laboratory here: {WHY_NOT}")
def test_a_source_whose_packets_are_dropped_delays_nobody() -> None:
    """The other one sends the rest, within 4 s; a stalled connection would be given up after 20."""
    with (
        HostNetwork(4, 40 * MBIT, 100 * MBIT, prefix=PREFIX) as network,
        Cluster(3, NetnsLauncher(network, 4400)) as cluster,
    ):
        for peer in cluster.peers[:2]:
            (peer.share_dir / NAME).write_bytes(DATA)
        cluster.start()
        downloader = cluster.peers[2]
        wait(lambda: len(holders(downloader)) == 2)
        id_ = order(downloader)
        watch_until(downloader, id_, is_under_way)
        network.cut(1)
        start = time.monotonic()
        found = wait_for(downloader.control, id_)
        assert_done(found)
        assert time.monotonic() - start < 4 + 10, found
        assert found["received"] <= len(DATA) + 8 * PIECE
        assert (downloader.download_dir / NAME).read_bytes() == DATA


@pytest.mark.slow
def test_a_suspended_source_is_used_again() -> None:
    """The only one; nothing is asked twice beyond what was on its way."""
    with raw_sockets.system([{NAME: DATA}, {}], {"peer1": ("--up-rate", "4M")}) as system:
        source, downloader = system.cluster.peers
        wait(lambda: len(holders(downloader)) == 1)
        id_ = order(downloader)
        watch_until(downloader, id_, is_under_way)
        assert source.pid is not None
        os.kill(source.pid, signal.SIGSTOP)
        time.sleep(SUSPENDED)
        os.kill(source.pid, signal.SIGCONT)
        found = wait_for(downloader.control, id_)
        assert_done(found)
        assert found["received"] <= len(DATA) + 8 * PIECE
        assert (downloader.download_dir / NAME).read_bytes() == DATA
