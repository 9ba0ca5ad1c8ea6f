"""Two RS on one Redis, each of which is killed with signal 9 under load, Redis too: nothing answered is lost.

P2P_KILLS says how often an RS is killed (4 times if not told), P2P_RESTARTS how often Redis is (once).
"""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.kill9 import Connection, Peer, check
from tests.support.redis_server import RedisServer
from tests.support.rs_process import RSProcess
from tests.support.rs_server import request

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("P2P_KILLS", "4"))
RESTARTS = int(os.environ.get("P2P_RESTARTS", "1"))
CLIENTS = 6
AHEAD = 12
"""KeepAlives that a client sends before it reads the answers."""
BEFORE, AFTER = 0.4, 0.8
"""Seconds of load before and after a kill."""
FAILOVER = 5.0
"""Seconds within which a peer is served by the other RS, or both work again when Redis is back."""
GRANTED, LATER = 200, 300


class Client(threading.Thread):
    """Registers peers, renews them, and lets them leave and return; goes to the other RS when one is gone."""

    def __init__(self, servers: list[RSProcess], peers: list[Peer], numbers: itertools.count[int], seed: int) -> None:
        super().__init__(daemon=True)
        self.servers, self.peers, self.numbers = servers, peers, numbers
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.connection: Connection | None = None
        self.answered = self.deferred = 0
        self.refused: list[tuple[int, bytes]] = []
        self.longest = 0.0
        """Seconds that the client was without any answer."""
        self.at = seed % len(servers)

    def run(self) -> None:
        last = time.monotonic()
        while not self.stopping.is_set() and not self.refused:
            try:
                self.connection = self.connection or Connection(self.servers[self.at])
                self.step(self.connection)
                self.longest, last = max(self.longest, time.monotonic() - last), time.monotonic()
            except (OSError, EOFError):
                self.disconnect()
                self.at = (self.at + 1) % len(self.servers)
                time.sleep(0.01)
        self.disconnect()

    def disconnect(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def step(self, connection: Connection) -> None:
        kind = self.random.random()
        if kind < 0.3 or not self.peers:
            self.register(connection)
        elif kind < 0.6:
            self.change(connection, self.random.choice(self.peers))
        elif kind < 0.98:
            self.keep_alive(connection, [peer for peer in self.random.choices(self.peers, k=AHEAD) if peer.active])
        else:
            self.disconnect()
            self.at = self.random.randrange(len(self.servers))

    def register(self, connection: Connection) -> None:
        number = next(self.numbers)
        host, port = f"10.0.{number >> 8 & 255}.{number & 255}", 1024 + (number >> 16)
        status, body = connection.ask(request("Register", "cookie:", f"port:{port}", host=host, minor=1))
        if self.granted(status, body):
            self.peers.append(Peer(int(body.removeprefix(b"cookie:")), host, port))

    def change(self, connection: Connection, peer: Peer) -> None:
        if peer.active is None:
            return
        method, peer.active = "Leave" if peer.active else "Register", None
        if self.granted(*connection.ask(peer.says(method))):
            peer.active = method == "Register"

    def keep_alive(self, connection: Connection, peers: list[Peer]) -> None:
        connection.socket.sendall(b"".join(peer.says("KeepAlive") for peer in peers))
        for _ in peers:
            self.granted(*connection.answer())

    def granted(self, status: int, body: bytes) -> bool:
        if status == LATER:
            self.deferred += 1
        else:
            self.answered += 1
        if status not in (GRANTED, LATER):
            self.refused.append((status, body))
        return status == GRANTED


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
