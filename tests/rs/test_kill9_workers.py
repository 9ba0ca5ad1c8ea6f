"""An RS with two workers on Redis, each of which is killed with signal 9 under load: nothing answered is lost.

P2P_KILLS says how often a worker is killed (4 times if not told).
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.kill9 import Peer, check
from tests.support.kill9_client import Client
from tests.support.redis_server import RedisServer
from tests.support.supervised import WORKERS, Supervised

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("P2P_KILLS", "4"))
CLIENTS = 6
BEFORE, AFTER = 0.4, 0.8
"""Seconds of load before and after a kill."""
MAX_WITHOUT = 5.0
"""Seconds for which a client may be without an answer."""


def load(rs: Supervised, peers: list[list[Peer]], numbers: itertools.count[int], kill: int) -> list[Client]:
    """Kill a worker while all clients send requests; return them when they have stopped."""
    clients = [Client([rs], mine, numbers, kill * CLIENTS + number) for number, mine in enumerate(peers)]
    for client in clients:
        client.start()
    time.sleep(BEFORE)
    os.kill(rs.pid(1 + kill % WORKERS), signal.SIGKILL)
    time.sleep(AFTER)
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join()
    return clients


def test_nothing_answered_is_lost(tmp_path: Path) -> None:
    peers: list[list[Peer]] = [[] for _ in range(CLIENTS)]
    numbers, answered, longest = itertools.count(), 0, 0.0
    with (
        TemporaryDirectory(prefix="p2p-") as folder,
        RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as redis,
        Supervised(Path(folder), "--registry", redis.url()) as rs,
    ):
        rs.wait_for_workers()
        for kill in range(KILLS):
            clients = load(rs, peers, numbers, kill)
            assert not [client.refused for client in clients if client.refused]
            answered += sum(client.answered for client in clients)
            longest = max(longest, *(client.longest for client in clients))
            assert check(rs, itertools.chain(*peers)) == []
            rs.wait_for_workers()
            assert check(rs, itertools.chain(*peers)) == []
        log = rs.stop()
    everybody = list(itertools.chain(*peers))
    assert len({peer.cookie for peer in everybody}) == len(everybody)
    assert longest < MAX_WITHOUT
    assert log.count("signal 9") == KILLS and "Traceback" not in log
    print(
        f"{KILLS} kills: {answered} answered, {len(everybody)} peers, nothing lost; {longest:.2f} s without an answer"
    )
