"""An RS with many peers, and with durable Registers; and against opentracker.

    python -m benchmarks.registry [ROW ...] [--peers 1000000] [--seconds 3] [--rounds 3]

Rows: ``start`` (memory of a peer, and the time from the start of twistd to its first answer), ``many`` (KeepAlive kept
open, against an RS with 100 peers), and four in which each request has a connection of its own, 64 at a time:
``register`` (Registers, against KeepAlive), ``sample`` (PQuery with ``Sample: 50`` and 100 000 peers, against
KeepAlive), ``tracker`` (KeepAlive, against announces to opentracker, Debian's package). All servers are real processes,
the RS with its SQLite registry, which is filled beforehand through its own code. The two of a row are measured in
turns, and the medians count. The load comes from a generator in C on the other core (``benchmarks/load``).
"""

from __future__ import annotations

import argparse
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.keepalive import TWISTD, Server, keep_alives
from benchmarks.load import Generator
from p2p_twisted.registry.packed import unpack
from p2p_twisted.registry.record import Clocks, PeerRecord
from p2p_twisted.registry.sqlite_file import SQLiteFile
from p2p_twisted.registry.sqlite_rows import row_of

REGISTER = b"Register NULL P2P_DI_1.1\nHost 10.%d.%d.%d\nOS Linux\n\ncookie:\nport:%d\n"
SAMPLE = b"PQuery NULL P2P_DI_1.1\nHost 127.0.0.1\nOS Linux\nSample: 50\n\ncookie:%d\nport:%d\n"
ANNOUNCE = b"GET /announce?info_hash=%s&peer_id=-XX0000-%012d&port=%d&left=0&compact=1 HTTP/1.0\r\n\r\n"
REQUESTS = 200_000
"""Most different ones of a load, which are sent in turn."""
WIDTH = 64
ROWS_AT_ONCE = 50_000
Peers = list[tuple[int, int]]
"""Cookie and port of each."""
LoadOf = tuple[str, Server, Callable[[], Path], bool]
"""Its name, the server, what returns the file of requests, and whether the connections stay open."""


class Figure(NamedTuple):
    """A measured figure and its bar."""

    text: str
    value: float
    bar: float
    is_most: bool = False

    def __str__(self) -> str:
        sign, is_ok = ("≤", self.value <= self.bar) if self.is_most else ("≥", self.value >= self.bar)
        return f"{'ok  ' if is_ok else 'MISS'} {self.text:64}{self.value:>9.3g}  ({sign} {self.bar:g})"


class Bench:
    """A folder, the options, and the generator."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.peers, self.seconds, self.rounds = options.peers, options.seconds, options.rounds
        self.generator = Generator(folder)
        self._states = count()

    def fill(self, number_of_peers: int) -> tuple[Path, Peers]:
        """Make the state folder of an RS with active peers, at one address each; return it, and them."""
        state, clocks, peers = self.folder / f"state{next(self._states)}", Clocks(), Peers()
        state.mkdir()
        file = SQLiteFile(state / "registry.sqlite", False)
        file.open()
        at = clocks.moment()
        for first in range(0, number_of_peers, ROWS_AT_ONCE):
            rows = []
            for number in range(first, min(first + ROWS_AT_ONCE, number_of_peers)):
                cookie, port = secrets.randbelow(2**62) + 2**32, 1024 + number % 60_000
                host, registered = unpack(secrets.randbelow(2**32)), int(at.wall)
                rows.append(
                    row_of(PeerRecord(host, port, cookie, True, at.deadline, registered, (registered,), True), at)
                )
                peers.append((cookie, port))
            file.save(rows)
        file.close()
        return state, peers

    @contextmanager
    def rs(self, state: Path, *more: str) -> Iterator[Server]:
        """Run an RS."""
        options = ["--state-dir", str(state), "--max-connections", "10000", *more]
        server = Server(
            lambda port: [*TWISTD, "p2p-rs", "--listen", f"tcp:{port}:interface=127.0.0.1", *options], self.folder
        )
        try:
            yield server
        finally:
            server.stop()

    def keep_alives(self, peers: Peers, version: str = "1.0") -> Callable[[], Path]:
        """Return what returns a file of KeepAlives."""
        some = random.sample(peers, min(len(peers), REQUESTS))
        path = self.generator.write(f"alive{next(self._states)}", keep_alives(some, version))
        return lambda: path

    def rates(self, *loads: LoadOf) -> list[float]:
        """Measure in turns; return the median of the answers a second of each."""
        found: list[list[float]] = [[] for _ in loads]
        for _ in range(self.rounds):
            for (name, server, requests, keep), rates in zip(loads, found, strict=True):
                before = server.cpu()
                load = self.generator.run(server.address[1], requests(), WIDTH, self.seconds, keep)
                if load.failed:
                    raise SystemExit(f"{name}: {load.failed} of {load.answers} answers were refusals")
                rates.append(load.rate)
                mine, its = load.processor / load.answers * 1e6, (server.cpu() - before) / load.answers * 1e6
                print(f"     {name:28}{load.rate:>10,.0f}/s   server {its:5.1f} us each, generator {mine:4.1f} us")
        return [median(rates) for rates in found]


def memory(server: Server) -> int:
    """Return the resident bytes of a server."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def start(bench: Bench) -> list[Figure]:
    """Start an RS with many peers; ask one thing at once."""
    with bench.rs(bench.fill(0)[0]) as empty:
        before = memory(empty)
    state, peers = bench.fill(bench.peers)
    alive, some = bench.keep_alives(peers[:1])(), bench.generator.write("some", [SAMPLE % peers[0]])
    took, listed, each = [], [], []
    for _ in range(bench.rounds):
        began = time.monotonic()
        with bench.rs(state) as server:
            bench.generator.run(server.address[1], alive, 1, 0)
            took.append(time.monotonic() - began)
            bench.generator.run(server.address[1], some, 1, 0)
            listed.append(time.monotonic() - began)
            each.append((memory(server) - before) / bench.peers)
    print(f"     the first PQuery was answered after {median(listed):.1f} s")
    return [
        Figure(f"bytes a peer, {bench.peers} peers", median(each), 400, True),
        Figure(f"seconds to the first answer, {bench.peers} peers", median(took), 3, True),
    ]


def many(bench: Bench) -> list[Figure]:
    """Renew the peers of a large registry, and of a small one."""
    with ExitStack() as stack:
        loads = []
        for number in (100, bench.peers):
            state, peers = bench.fill(number)
            server = stack.enter_context(bench.rs(state))
            loads.append((f"KeepAlive, {number} peers", server, bench.keep_alives(peers, "1.1"), True))
        few, large = bench.rates(*loads)
    return [Figure(f"KeepAlive kept open, {bench.peers} peers ÷ 100", large / few, 0.8)]


def register(bench: Bench) -> list[Figure]:
    """Register new peers, durably, with and without waiting for the disk."""
    figures, numbers = [], count()

    def new() -> Path:
        some = (REGISTER % (n >> 16, n >> 8 & 255, n & 255, 1024 + n % 60_000) for n in islice(numbers, REQUESTS))
        return bench.generator.write("new", some)

    for sync in "normal", "always":
        state, peers = bench.fill(1000)
        alive = bench.keep_alives(peers)
        with bench.rs(state, "--sync", sync) as server:
            kept, made = bench.rates(("KeepAlive", server, alive, False), (f"Register {sync}", server, new, False))
        figures.append(Figure(f"Register ÷ KeepAlive, --sync {sync}", made / kept, 0.5))
    return figures


def sample(bench: Bench) -> list[Figure]:
    """Ask for fifty of many peers."""
    state, peers = bench.fill(100_000)
    alive = bench.keep_alives(peers)
    some = bench.generator.write("some", (SAMPLE % peer for peer in peers))
    with bench.rs(state) as server:
        kept, sampled = bench.rates(
            ("KeepAlive", server, alive, False), ("PQuery Sample: 50", server, lambda: some, False)
        )
    return [Figure("PQuery of a sample of 50 of 100 000 ÷ KeepAlive", sampled / kept, 0.5)]


def tracker(bench: Bench) -> list[Figure]:
    """Announce to opentracker, in a swarm of each hundred peers."""
    program = shutil.which("opentracker") or shutil.which("opentracker", path="/usr/sbin:/usr/local/bin")
    if program is None:
        raise SystemExit("opentracker is missing: apt-get install opentracker")
    config, allowed = bench.folder / "opentracker.conf", bench.folder / "allowed"
    state, peers = bench.fill(100_000)
    alive, hashes = bench.keep_alives(peers), [secrets.token_bytes(20) for _ in range(1000)]
    allowed.write_text("".join(f"{one.hex()}\n" for one in hashes))
    quoted = ["".join(f"%{byte:02x}" for byte in one).encode() for one in hashes]
    announces = (ANNOUNCE % (quoted[n % 1000], n, 1024 + n % 60_000) for n in range(REQUESTS))
    told = bench.generator.write("announce", announces)

    def command(port: int) -> list[str]:
        config.write_text(f"listen.tcp 127.0.0.1:{port}\naccess.whitelist {allowed}\n")
        return [program, "-f", str(config)]

    with bench.rs(state) as server:
        other = Server(command, bench.folder)
        try:
            announced, kept = bench.rates(
                ("opentracker", other, lambda: told, False), ("KeepAlive", server, alive, False)
            )
        finally:
            other.stop()
    return [Figure("KeepAlive ÷ announce to opentracker, over TCP", kept / announced, 0.6)]


ROWS: dict[str, Callable[[Bench], list[Figure]]] = {
    "start": start,
    "many": many,
    "register": register,
    "sample": sample,
    "tracker": tracker,
}


def main() -> int:
    summary, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details.partition("\n\n")[2])
    parser.add_argument("rows", nargs="*", metavar="ROW", choices=[*ROWS, []], help=f"of {', '.join(ROWS)}")
    parser.add_argument("--peers", type=int, default=10**6, help="of a large registry; default: 1000000")
    parser.add_argument("--seconds", type=float, default=3, help="of each load; default: 3")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians count; default: 3")
    options = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="registry-") as folder:
        bench = Bench(Path(folder), options)
        for row in options.rows or ROWS:
            figures += ROWS[row](bench)
    print(*figures, sep="\n")
    return int(any(str(figure).startswith("MISS") for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
