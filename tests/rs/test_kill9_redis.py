"""Two RS on one Redis, each of which is killed with signal 9 under load, Redis too: nothing answered is lost.

P2P_KILLS says how often an RS is killed (4 times if not told), P2P_RESTARTS how often Redis is (once).
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.kill9 import Connection, Peer, check
from tests.support.kill9_client import GRANTED, Client
from tests.support.redis_server import RedisServer
from tests.support.rs_process import RSProcess
from tests.support.rs_server import request

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("P2P_KILLS", "4"))
RESTARTS = int(os.environ.get("P2P_RESTARTS", "1"))
CLIENTS = 6
BEFORE, AFTER = 0.4, 0.8
"""Seconds of load before and after a kill."""
FAILOVER = 5.0
"""Seconds within which a peer is served by the other RS, or both work again when Redis is back."""


class Registry:
    """Redis, two RS, and the peers of each client."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.redis = stack.enter_context(RedisServer(folder, "--appendonly", "yes", "--appendfsync", "always"))
        self.servers = [self.rs(name, None) for name in ("one", "two")]
        self.peers: list[list[Peer]] = [[] for _ in range(CLIENTS)]
        self.numbers = itertools.count()
        self.answered, self.seconds, self.longest = 0, 0.0, 0.0

    def rs(self, name: str, port: int | None) -> RSProcess:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        wait = "--registry-wait", "30"
        return self.stack.enter_context(RSProcess(folder, "--registry", self.redis.url(), *wait, port=port))

    @contextmanager
    def load(self, seed: int) -> Iterator[None]:
        """Let all clients send requests meanwhile."""
        clients = [
            Client(self.servers, mine, self.numbers, seed * CLIENTS + number) for number, mine in enumerate(self.peers)
        ]
        start = time.monotonic()
        for client in clients:
            client.start()
        try:
            yield
        finally:
            for client in clients:
                client.stopping.set()
            for client in clients:
                client.join()
        self.seconds += time.monotonic() - start
        self.answered += sum(client.answered for client in clients)
        self.longest = max(self.longest, *(client.longest for client in clients))
        assert not [client.refused for client in clients if client.refused]

    def kill_one(self, index: int) -> None:
        """Kill an RS under load; it is back afterwards."""
        with self.load(index):
            time.sleep(BEFORE)
            killed = self.servers[index % 2]
            killed.kill()
            time.sleep(AFTER)
        self.servers[index % 2] = self.rs(("one", "two")[index % 2], killed.port)

    def restart_redis(self, index: int) -> float:
        """Kill and start Redis under load; return after how many seconds both RS register peers again."""
        with self.load(1000 + index):
            time.sleep(BEFORE)
            self.redis.kill()
            time.sleep(AFTER)
            self.redis.start()
            start = time.monotonic()
            for rs in self.servers:
                while not self.registers(rs):
                    assert time.monotonic() - start < FAILOVER
                    time.sleep(0.05)
            return time.monotonic() - start

    def registers(self, rs: RSProcess) -> bool:
        connection = Connection(rs)
        number = next(self.numbers)
        host = f"10.1.{number >> 8 & 255}.{number & 255}"
        status, _ = connection.ask(request("Register", "cookie:", "port:9", host=host, minor=1))
        connection.close()
        return status == GRANTED

    def check(self) -> None:
        everybody = list(itertools.chain(*self.peers))
        for rs in self.servers:
            assert check(rs, everybody) == []
        assert len({peer.cookie for peer in everybody}) == len(everybody)


def test_nothing_answered_is_lost(tmp_path: Path) -> None:
    with ExitStack() as stack:
        registry = Registry(tmp_path, stack)
        back = [0.0]
        for index in range(max(KILLS, RESTARTS)):
            if index < KILLS:
                registry.kill_one(index)
                registry.check()
            if index < RESTARTS:
                back.append(registry.restart_redis(index))
                registry.check()
        logs = "".join(rs.stop() for rs in registry.servers)
    assert "Traceback" not in logs, logs
    assert registry.longest < FAILOVER
    print(
        f"{KILLS} kills of an RS, {RESTARTS} of Redis: {registry.answered} requests answered, "
        f"{registry.answered / registry.seconds:.0f}/s, {sum(map(len, registry.peers))} peers, nothing lost, no cookie "
        f"twice; at most {registry.longest:.2f} s without an answer, {max(back):.2f} s until Redis was used again"
    )
