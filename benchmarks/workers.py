"""KeepAlives answered by two workers of an RS, against one: 1.4 times as many is the bar.

    python -m benchmarks.workers [--peers 2000] [--seconds 2] [--rounds 3]

A Redis, and an RS with one process and one with two workers on it, are processes of their own. Both are measured in
turns, by a generator in C. It runs on the same machine, and takes from the workers what the table has as its processor
time for each request. Where there are as many cores as workers, the ratio of the rates is therefore less than that of
what the workers could answer, by the processor time that they need for each request.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from benchmarks.keepalive import TWISTD, Server, keep_alives
from benchmarks.load import Generator, Load
from benchmarks.rs_load import register_peers
from p2p_twisted.web.control_client import ControlClient, ControlError
from tests.support.redis_server import RedisServer

BAR = 1.4
WIDTH = 64
"""Connections at a time."""
WAIT_SECONDS = 60


@contextmanager
def registration_server(folder: Path, redis: str, workers: int) -> Iterator[Server]:
    """Run an RS with so many workers, which all serve when this yields; it has a registry of its own in `redis`."""
    state = folder / f"state{workers}"
    options = ["--registry", redis, "--registry-prefix", f"{workers}:", "--workers", str(workers)]
    options += ["--state-dir", str(state)]
    server = Server(lambda port: [*TWISTD, "p2p-rs", "--listen", f"tcp:{port}:interface=127.0.0.1", *options], folder)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while serving(state) < workers:
            if time.monotonic() > deadline:
                raise SystemExit(f"{workers} workers do not start")
            time.sleep(0.2)
        yield server
    finally:
        server.stop()


def serving(state: Path) -> int:
    """Return how many processes serve."""
    control = ControlClient(state)
    try:
        return int(control.get("status")["workers"])
    except ControlError:
        return 0
    finally:
        control.close()


def processor_seconds(server: Server) -> float:
    """Return the seconds of processor time that the server and its workers have used."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return sum(map(seconds_of, (server.process.pid, *map(int, children))))


def seconds_of(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


class Case:
    """One pattern of requests, on each number of workers."""

    def __init__(self, name: str, keep: bool) -> None:
        self.name = name
        self.keep = keep
        self.loads: dict[int, list[Load]] = {}
        self.costs: dict[int, list[float]] = {}
        """Processor time of the RS for each request, in seconds."""

    def turn(self, generator: Generator, workers: int, server: Server, requests: Path, seconds: float) -> None:
        """Measure once."""
        before = processor_seconds(server)
        load = generator.run(server.address[1], requests, WIDTH, seconds, self.keep)
        if load.failed:
            raise SystemExit(f"{load.failed} requests were refused")
        self.loads.setdefault(workers, []).append(load)
        self.costs.setdefault(workers, []).append((processor_seconds(server) - before) / load.answers)

    def rows(self) -> Iterator[str]:
        """Yield a line of the table for each number of workers: medians of the rounds."""
        for workers, loads in self.loads.items():
            own = median(load.processor / load.answers for load in loads) * 1e6
            cost = median(self.costs[workers]) * 1e6
            yield f"{self.name:26}{workers:>8}{median(load.rate for load in loads):>14,.0f}{cost:>10.1f}{own:>14.1f}"

    def ratios(self) -> tuple[float, float]:
        """Return how many times as much two workers answered as one, and would if the generator took no processor."""
        rate = {workers: median(load.rate for load in loads) for workers, loads in self.loads.items()}
        cost = {workers: median(costs) for workers, costs in self.costs.items()}
        return rate[2] / rate[1], 2 * cost[1] / cost[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cases = [Case("one connection a request", False), Case("kept open", True)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="p2p-")))
        redis = stack.enter_context(RedisServer(folder, "--save", ""))
        servers = {n: stack.enter_context(registration_server(folder, redis.url(), n)) for n in (1, 2)}
        generator = Generator(folder)
        peers = {workers: register_peers(server.address, options.peers) for workers, server in servers.items()}
        for case in cases * options.rounds:
            for workers, server in servers.items():
                made = keep_alives(peers[workers], "1.1" if case.keep else "1.0")
                case.turn(generator, workers, server, generator.write("requests", made), options.seconds)
    print(f"{'KeepAlive':26}{'workers':>8}{'requests/s':>14}{'RS us':>10}{'generator us':>14}")
    for case in cases:
        print("\n".join(case.rows()))
    for case in cases:
        measured, free = case.ratios()
        print(f"{case.name}: {measured:.2f} times as many, {free:.2f} by the processor time of the RS (bar: {BAR})")
    return 0 if all(max(case.ratios()) >= BAR for case in cases) else 1


if __name__ == "__main__":
    sys.exit(main())
