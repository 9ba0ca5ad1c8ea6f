"""``python -m benchmarks.simulation``: swarms of N peers in virtual time, one row for each N."""

from __future__ import annotations

import argparse
import gc
import time

from benchmarks.simulation.report import Report
from benchmarks.simulation.swarm import Plan, Swarm

MBIT = 1_000_000 / 8
MIB = 1 << 20
HEAD = "   peers    last  middle   first  connections  of seed  useless  protocol  twice  messages  seconds"


def main() -> None:
    options = _options()
    gc.disable()  # millions of objects, all of which are needed until the end: collecting takes longer than the rest
    print(HEAD, flush=True)
    for n in options.peers:
        begun = time.monotonic()
        swarm = Swarm(
            Plan(
                n,
                options.size * MIB,
                options.up * MBIT,
                options.down * MBIT,
                options.latency / 1000,
                corrupt=options.corrupt,
                slow=options.slow,
                seed=options.seed,
            )
        )
        if swarm.run():
            print(_row(Report.of(swarm), time.monotonic() - begun), flush=True)
        else:
            print(f"{n:8}  {swarm.unfinished} downloaders did not get the file")


def _row(report: Report, seconds: float) -> str:
    """Return the figures below their names in HEAD."""
    times = f"{report.downloaders:8}  {report.last:6.3f}  {report.middle:6.3f}  {report.first:6.3f}"
    connections = f"{report.connections:11}  {report.seed_connections:7}"
    messages = f"{report.turns:7.2f}  {report.protocol:8.2%}  {report.duplicates:5.2%}  {report.messages:8.2f}"
    return f"{times}  {connections}  {messages}  {seconds:7.0f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulation", description=__doc__)
    numbers = lambda text: [int(n) for n in text.split(",")]  # noqa: E731
    parser.add_argument("--peers", type=numbers, default=[100, 1000], metavar="N,N", help="downloaders (100,1000)")
    parser.add_argument("--size", type=int, default=32, help="MiB of the file (32)")
    parser.add_argument("--up", type=float, default=20, help="Mbit/s of each uplink (20)")
    parser.add_argument("--down", type=float, default=100, help="Mbit/s of each downlink (100)")
    parser.add_argument("--latency", type=float, default=10, help="milliseconds from one host to another (10)")
    parser.add_argument("--corrupt", type=int, default=0, help="downloaders that send nothing but garbage (0)")
    parser.add_argument("--slow", type=int, default=0, help="downloaders whose uplink is a tenth of the others' (0)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (1)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
