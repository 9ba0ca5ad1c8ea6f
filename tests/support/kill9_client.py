"""A client that keeps RS busy, and goes to another one, or to the same again, when one is gone."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Sequence

from tests.support.kill9 import Connection, Peer
from tests.support.rs_process import RSProcess
from tests.support.rs_server import request

AHEAD = 12
"""KeepAlives that a client sends before it reads the answers."""
GRANTED, LATER = 200, 300


class Client(threading.Thread):
    """Registers peers, renews them, and lets them leave and return; goes to the other RS when one is gone."""

    def __init__(
        self, servers: Sequence[RSProcess], peers: list[Peer], numbers: itertools.count[int], seed: int
    ) -> None:
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
