"""KeepAlive with 100 000 peers registered, against a bare Twisted LineReceiver that answers the same bytes.

    python -m benchmarks.keepalive [--peers 100000] [--seconds 2] [--rounds 7]

Both servers are processes of their own; the RS is the real twistd plugin with its SQLite registry. They are measured in
turns, by the same generator; the table has the medians over the rounds: requests a second, and the processor time
that the server used for each. The bar is 0.6 of the bare one's rate, one connection a request and kept open alike.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from statistics import median

from benchmarks.rs_load import Address, connect, kept_open, one_each, register_peers

BAR = 0.6
WIDTH = 32
HERE = Path(__file__).parent
TWISTD = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile="]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Server:
    """A server process that accepts requests."""

    def __init__(self, command: Callable[[int], list[str]], folder: Path) -> None:
        self.address: Address = ("127.0.0.1", free_port())
        with (folder / f"{self.address[1]}.log").open("wb") as log:
            self.process = subprocess.Popen(command(self.address[1]), stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                connect(self.address).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise SystemExit(f"a server did not start; see {log.name}") from None
                time.sleep(0.05)

    def cpu(self) -> float:
        """Seconds of processor time used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


def answer_to(address: Address, request: bytes) -> bytes:
    with connect(address) as sock:
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(4096), b""))


def keep_alives(peers: list[tuple[int, int]], version: str) -> list[bytes]:
    made = [
        f"KeepAlive NULL P2P_DI_{version}\nHost 127.0.0.1\nOS Linux\n\ncookie:{cookie}\nport:{port}\n".encode()
        for cookie, port in peers
    ]
    random.Random(1).shuffle(made)
    return made


class Case:
    """One pattern of requests, tried on both servers in turns."""

    def __init__(self, name: str, version: str, rs: Server, peers: list[tuple[int, int]], folder: Path, depth: int = 0):
        self.name, self.depth, self.rs = name, depth, rs
        requests = keep_alives(peers, version)
        answer = answer_to(rs.address, requests[0])
        if not answer.startswith(b"200 OK"):
            raise SystemExit(f"the RS refused: {answer!r}")
        self.size, self.requests = len(answer), cycle(requests)
        file = folder / f"{version}.answer"
        file.write_bytes(answer)
        script = [sys.executable, str(HERE / "rs_bare.py")]
        self.bare = Server(lambda port: [*script, str(port), str(file), "6", "keep" if depth else "close"], folder)
        self.rates: dict[str, list[float]] = {"rs": [], "bare": []}
        self.costs: dict[str, list[float]] = {"rs": [], "bare": []}

    def turn(self, seconds: float) -> None:
        """Measure both servers once."""
        for name, server in (("bare", self.bare), ("rs", self.rs)):
            before = server.cpu()
            if self.depth:
                rate = kept_open(server.address, self.requests, self.size, seconds, WIDTH, self.depth)
            else:
                rate = one_each(server.address, self.requests, self.size, seconds, WIDTH)
            self.rates[name].append(rate)
            self.costs[name].append((server.cpu() - before) / (rate * seconds) * 1e6)

    def row(self) -> tuple[str, float]:
        """Return a line of the table, and the ratio of the rates."""
        rate = {name: median(rates) for name, rates in self.rates.items()}
        cost = {name: median(costs) for name, costs in self.costs.items()}
        ratio = rate["rs"] / rate["bare"]
        return (
            f"{self.name:28}{rate['bare']:>10,.0f}{rate['rs']:>10,.0f}{ratio:>8.2f}"
            f"{cost['bare']:>12.1f}{cost['rs']:>10.1f}{cost['bare'] / cost['rs']:>8.2f}"
        ), ratio


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        state = ["--state-dir", str(folder / "state")]
        rs = Server(lambda port: [*TWISTD, "p2p-rs", "--listen", f"tcp:{port}:interface=127.0.0.1", *state], folder)
        servers = [rs]
        try:
            start = time.perf_counter()
            peers = register_peers(rs.address, options.peers)
            took = time.perf_counter() - start
            print(f"{len(peers)} peers registered in {took:.1f} s, {len(peers) / took:,.0f}/s\n")
            cases = [
                Case("one connection a request", "1.0", rs, peers, folder),
                Case("kept open", "1.1", rs, peers, folder, 1),
                Case("kept open, 16 in flight", "1.1", rs, peers, folder, 16),
            ]
            servers += [case.bare for case in cases]
            for _ in range(options.rounds):
                for case in cases:
                    case.turn(options.seconds)
        finally:
            for server in servers:
                server.stop()
    print(f"{'KeepAlive':28}{'bare/s':>10}{'RS/s':>10}{'ratio':>8}{'bare us CPU':>12}{'RS us CPU':>10}{'ratio':>8}")
    rows = [case.row() for case in cases]
    print("\n".join(text for text, _ in rows))
    missed = [case.name for case, (_, ratio) in zip(cases[:2], rows[:2], strict=True) if ratio < BAR]
    print(f"\nbelow the bar of {BAR}: {', '.join(missed)}" if missed else f"\nat or above the bar of {BAR}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
