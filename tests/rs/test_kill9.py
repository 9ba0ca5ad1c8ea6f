"""An RS killed with signal 9 under load, again and again: nothing that it has answered is lost, no cookie given twice.

P2P_KILLS says how often (5 if not told).
"""

from __future__ import annotations

import itertools
import os
import random
import threading
from pathlib import Path

import pytest

from tests.support.kill9 import Connection, Peer, check
from tests.support.rs_process import RSProcess
from tests.support.rs_server import request

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("P2P_KILLS", "5"))
CLIENTS = 4


class Client(threading.Thread):
    """Registers peers, renews them, and lets them leave and return, until the RS is killed."""

    def __init__(self, rs: RSProcess, peers: list[Peer], numbers: itertools.count[int], minor: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.rs, self.peers, self.numbers, self.minor = rs, peers, numbers, minor
        self.random = random.Random(seed)
        self.answered = 0
        self.refused: list[bytes] = []
        self.connection: Connection | None = None

    def run(self) -> None:
        try:
            while not self.refused:
                self.step()
        except (OSError, EOFError):
            pass
        finally:
            self.disconnect()

    def disconnect(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def step(self) -> None:
        kind = self.random.random()
        if kind < 0.2 or not self.peers:
            self.register()
            return
        peer = self.random.choice(self.peers)
        if kind < 0.6 and peer.active is not None:
            self.change(peer, "Leave" if peer.active else "Register")
        elif peer.active:
            self.ask(peer.says("KeepAlive", self.minor))

    def register(self) -> None:
        number = next(self.numbers)
        host, port = f"10.0.{number >> 8 & 255}.{number & 255}", 1024 + (number >> 16)
        body = self.ask(request("Register", "cookie:", f"port:{port}", host=host, minor=self.minor))
        if not self.refused:
            self.peers.append(Peer(int(body.removeprefix(b"cookie:")), host, port))

    def change(self, peer: Peer, method: str) -> None:
        peer.active = None
        self.ask(peer.says(method, self.minor))
        peer.active = method == "Register"

    def ask(self, data: bytes) -> bytes:
        self.connection = self.connection or Connection(self.rs)
        status, body = self.connection.ask(data)
        self.answered += 1
        if status != 200:
            self.refused.append(data + body)
        if not self.minor:
            self.disconnect()
        return body


def load(rs: RSProcess, peers: list[list[Peer]], numbers: itertools.count[int], seed: int) -> int:
    """Kill the RS while all clients send requests; return the number of its answers."""
    clients = [Client(rs, mine, numbers, n % 2, seed * CLIENTS + n) for n, mine in enumerate(peers)]
    for client in clients:
        client.start()
    clients[0].join(random.Random(seed).uniform(0.1, 0.5))
    rs.kill()
    for client in clients:
        client.join()
        assert not client.refused, client.refused
    return sum(client.answered for client in clients)


def test_nothing_answered_is_lost(tmp_path: Path) -> None:
    peers: list[list[Peer]] = [[] for _ in range(CLIENTS)]
    numbers, answered, port = itertools.count(), 0, None
    for kill in range(KILLS):
        rs = RSProcess(tmp_path, port=port)
        port = rs.port
        try:
            assert check(rs, [peer for mine in peers for peer in mine]) == []
            answered += load(rs, peers, numbers, kill)
        finally:
            rs.kill()
    everybody = [peer for mine in peers for peer in mine]
    with RSProcess(tmp_path, port=port) as rs:
        assert check(rs, everybody) == []
        assert "Traceback" not in rs.stop()
    assert len({peer.cookie for peer in everybody}) == len(everybody)
    print(f"{KILLS} kills: {answered} requests answered, {len(everybody)} peers, nothing lost, no cookie twice")
