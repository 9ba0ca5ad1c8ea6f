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

from tests.support.rs_process import RSProcess
from tests.support.rs_server import request

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("P2P_KILLS", "5"))
CLIENTS = 4
UNKNOWN = b"no peer is registered"
INACTIVE = b"this peer is not active"


class Peer:
    """A peer in its last answered state; `active` is None while a request that changes it has no answer."""

    def __init__(self, cookie: int, host: str, port: int) -> None:
        self.cookie, self.host, self.port = cookie, host, port
        self.active: bool | None = True

    def says(self, method: str, minor: int = 1, headers: tuple[str, ...] = ()) -> bytes:
        data = f"cookie:{self.cookie}", f"port:{self.port}"
        return request(method, *data, host=self.host, minor=minor, headers=headers)


class Connection:
    """Requests and answers on one 1.1 connection."""

    def __init__(self, rs: RSProcess) -> None:
        self.socket = rs.connect()
        self.answers = self.socket.makefile("rb")

    def answer(self) -> tuple[bool, bytes]:
        """Return whether the next answer grants the request, and its body. Raises EOFError when the RS is gone."""
        length = -1
        status = self.answers.readline()
        while (line := self.answers.readline()) not in (b"\n", b""):
            length = int(line[8:]) if line.startswith(b"Length: ") else length
        body = self.answers.read(length)  # of 1.0: as long as the connection lasts
        if not line or not body.endswith(b"\n"):
            raise EOFError
        return status.startswith(b"200 "), body

    def ask(self, data: bytes) -> tuple[bool, bytes]:
        self.socket.sendall(data)
        return self.answer()

    def close(self) -> None:
        self.answers.close()
        self.socket.close()


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
        granted, body = self.connection.ask(data)
        self.answered += 1
        if not granted:
            self.refused.append(data + body)
        if not self.minor:
            self.disconnect()
        return body


def check(rs: RSProcess, peers: list[Peer]) -> list[Peer]:
    """Return the peers in another state than last answered. A missing last answer is replaced by that of now."""
    connection, wrong = Connection(rs), []
    for first in range(0, len(peers), 50):
        some = peers[first : first + 50]
        connection.socket.sendall(b"".join(peer.says("PQuery", headers=("Limit: 1",)) for peer in some))
        for peer in some:
            granted, body = connection.answer()
            known = granted or body.startswith(INACTIVE)
            if not known or peer.active not in (None, granted):
                wrong.append(peer)
            peer.active = granted
    connection.close()
    return wrong


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
