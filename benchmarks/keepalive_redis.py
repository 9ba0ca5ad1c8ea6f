"""KeepAlive at an RS with its registry in Redis, against the same RS with SQLite; 100 000 peers registered at each.

    python -m benchmarks.keepalive_redis [--peers 100000] [--seconds 2] [--rounds 5]

Both RS and Redis (``appendfsync always``) are processes of their own, on loopback. The RS are measured in turns, by the
same generator; the table has the medians over the rounds: requests a second, and the processor time that the RS used
for each. The bar is 0.6 of SQLite's rate, one connection a request and kept open alike. The renewals of all these
requests are written meanwhile. The last lines say how long an RS takes to read all records, and what Redis needs.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, cycle
from pathlib import Path
from statistics import median

from benchmarks.keepalive import TWISTD, WIDTH, Server, answer_to, keep_alives
from benchmarks.rs_load import kept_open, one_each, register_peers
from tests.support.redis_server import RedisServer

BAR = 0.6
CONNECTIONS = 64
"""Connections over which the peers register."""
CASES = (("one connection a request", "1.0", 0), ("kept open", "1.1", 1), ("kept open, 16 in flight", "1.1", 16))


class Turn:
    """The requests of one pattern for one RS, and what was measured."""

    def __init__(self, rs: Server, peers: list[tuple[int, int]], version: str, depth: int) -> None:
        self.rs, self.depth = rs, depth
        requests = keep_alives(peers, version)
        answer = answer_to(rs.address, requests[0])
        if not answer.startswith(b"200 OK"):
            raise SystemExit(f"the RS refused: {answer!r}")
        self.size, self.requests = len(answer), cycle(requests)
        self.rates: list[float] = []
        self.costs: list[float] = []

    def take(self, seconds: float) -> None:
        """Measure once."""
        before, where = self.rs.cpu(), self.rs.address
        if self.depth:
            rate = kept_open(where, self.requests, self.size, seconds, WIDTH, self.depth)
        else:
            rate = one_each(where, self.requests, self.size, seconds, WIDTH)
        self.rates.append(rate)
        self.costs.append((self.rs.cpu() - before) / (rate * seconds) * 1e6)


def start(folder: Path, name: str, *registry: str) -> Server:
    state = "--state-dir", str(folder / name)
    return Server(
        lambda port: [*TWISTD, "p2p-rs", "--listen", f"tcp:{port}:interface=127.0.0.1", *state, *registry], folder
    )


def registered(rs: Server, name: str, count: int) -> list[tuple[int, int]]:
    began, before = time.perf_counter(), rs.cpu()
    shares = [(count // CONNECTIONS, number * (count // CONNECTIONS)) for number in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        parts = threads.map(lambda share: register_peers(rs.address, share[0], start=share[1]), shares)
    peers = list(chain.from_iterable(parts))
    took = time.perf_counter() - began
    cost = (rs.cpu() - before) / count * 1e6
    print(f"{name}: {count} peers registered in {took:.1f} s, {count / took:,.0f}/s, {cost:.0f} us CPU each")
    return peers


def report(redis: RedisServer, count: int) -> None:
    """Print how long the other RS takes to read all records, and what Redis needs for them."""
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        other = start(Path(name), "other", "--registry", redis.url())
        answer_to(other.address, b"KeepAlive NULL P2P_DI_1.0\nHost h\nOS Linux\n\ncookie:1\nport:1\n")
        print(f"\nanother RS started and read all records in {time.perf_counter() - began:.1f} s")
        other.stop()
    with socket.create_connection(("127.0.0.1", redis.port)) as sock:
        sock.sendall(b"INFO memory\r\n")
        lines = iter(sock.makefile().readline, "")
        used = next(int(line[12:]) for line in lines if line.startswith("used_memory:"))
    print(f"Redis uses {used / count:.0f} bytes a record, the log of the last minute included")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ratios = []
    with (
        tempfile.TemporaryDirectory() as name,
        RedisServer(Path(name), "--appendonly", "yes", "--appendfsync", "always") as redis,
    ):
        folder = Path(name)
        servers = {"SQLite": start(folder, "sqlite"), "Redis": start(folder, "redis", "--registry", redis.url())}
        try:
            peers = {kind: registered(rs, kind, options.peers) for kind, rs in servers.items()}
            print(f"\n{'KeepAlive':28}{'SQLite/s':>10}{'Redis/s':>10}{'ratio':>8}{'SQLite us':>12}{'Redis us':>10}")
            for label, version, depth in CASES:
                turns = {kind: Turn(rs, peers[kind], version, depth) for kind, rs in servers.items()}
                for _ in range(options.rounds):
                    for turn in turns.values():
                        turn.take(options.seconds)
                rate = {kind: median(turn.rates) for kind, turn in turns.items()}
                cost = {kind: median(turn.costs) for kind, turn in turns.items()}
                ratios.append(rate["Redis"] / rate["SQLite"])
                print(
                    f"{label:28}{rate['SQLite']:>10,.0f}{rate['Redis']:>10,.0f}{ratios[-1]:>8.2f}"
                    f"{cost['SQLite']:>12.1f}{cost['Redis']:>10.1f}"
                )
            report(redis, options.peers)
        finally:
            for server in servers.values():
                server.stop()
    print(f"\n{'below' if min(ratios[:2]) < BAR else 'at or above'} the bar of {BAR}")
    return int(min(ratios[:2]) < BAR)


if __name__ == "__main__":
    sys.exit(main())
