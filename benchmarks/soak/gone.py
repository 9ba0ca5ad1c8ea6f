"""Holders that are gone: ``p2p get`` where 300 of 301 peers that are said to have a document do not answer.

    python -m benchmarks.soak.gone [--runs 20] [--holders 300] [--size 4]

The 300 have registered, announced their index to two real peers, and disappeared: half of them have closed ports, a
quarter drops all packets, like a machine that is switched off, and a quarter accepts connections and never answers. One
more peer goes on announcing them all. They disappear when each of the two knows two thirds of them from themselves: in
so large a swarm a peer is in touch with few others, and may never know all. In each run a document is fetched twice, by
a peer that has known the holders all along and by a command that is a peer of its own for that time. Each must exit
with 0 in less than 10 s.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks.ports import Ports
from benchmarks.soak.command import REPOSITORY, Command, keep_logs, log_faults
from benchmarks.soak.fakes import FakePeer, Loop, Removed
from p2p_twisted.experiment.run.cluster import Cluster, wait_until
from p2p_twisted.experiment.run.interrupts import Interrupts
from p2p_twisted.experiment.run.processes import ClusterError, Member
from p2p_twisted.library.pieces import PieceHasher, list_digest
from p2p_twisted.web.control_client import ControlError
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.records import IndexRecord

WAYS = (Removed.REFUSED, Removed.REFUSED, Removed.DROPPED, Removed.FROZEN)
BAR = 10
"""Seconds that a ``p2p get`` may take."""
MAX_SECONDS = 120
KNOWN = 2 / 3
"""The share of the holders that the real peers know when these disappear."""
NETWORK = "127.1.{}.{}"
"""The addresses of those that are gone: all of 127.0.0.0/8 is this machine, on Linux."""


def main() -> None:
    options = _options()
    os.environ["PYTHONPATH"] = str(REPOSITORY)  # for the peers
    try:
        with Interrupts():
            faults = _measure(options)
    except (ClusterError, ControlError, OSError) as error:
        sys.exit(f"gone: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    print("all right" if not faults else f"{faults} faults")
    sys.exit(1 if faults else 0)


def _measure(options: argparse.Namespace) -> int:
    """Do the runs and print them; returns how many faults there were."""
    documents = {f"document{number}.bin": random.randbytes(options.size * 2**20) for number in range(options.runs)}
    ports = Ports()
    with Cluster(2, ports) as cluster, ExitStack() as stack:
        holder, reader = cluster.peers
        for name, data in documents.items():
            (holder.share_dir / name).write_bytes(data)
        cluster.start()
        cluster.wait_for_documents(len(documents), MAX_SECONDS)
        rs = (ports.address("rs"), ports.ports["rs"])
        _bring_and_take_away(stack, rs, [holder, reader], [_record(*one) for one in documents.items()], options.holders)
        faults = sum(_run(cluster, rs, name, data) for name, data in documents.items())
        logged = list(log_faults(cluster))
        for line in logged:
            print(line)
        if faults or logged:
            cluster.stop()
            print(f"the logs are in {keep_logs(cluster, 'gone')}")
    return faults + len(logged)


def _bring_and_take_away(
    stack: ExitStack, rs: tuple[str, int], real: Sequence[Member], records: Sequence[IndexRecord], count: int
) -> None:
    """Make ``count`` fake holders of ``records`` known to the ``real`` peers, and remove them; one more announces them.

    Raises ClusterError, OSError.
    """
    loop = stack.enter_context(Loop())
    fakes = [FakePeer(NETWORK.format(number // 250, number % 250 + 1)) for number in range(count + 1)]
    for fake in fakes:
        stack.callback(lambda fake: loop.run(fake.close()), fake)
    survivor, *holders = fakes
    for fake in holders:
        fake.announce(records)
    survivor.announce(_at(record, fake) for fake in holders for record in records)
    for fake in fakes:
        loop.run(fake.serve())
        fake.register(rs)
    for peer in real:
        deadline = time.monotonic() + MAX_SECONDS
        wait_until(partial(_knows_holders, peer, KNOWN * count), deadline, f"{peer.role} does not know the holders")
        print(f"{peer.role} knows {min(_holders(peer))} holders of {count + 1}", flush=True)
    for number, fake in enumerate(holders):
        loop.run(fake.leave(WAYS[number % len(WAYS)]))


def _at(record: IndexRecord, fake: FakePeer) -> IndexRecord:
    return IndexRecord(record.name, "", fake.host, fake.port, TTL - 60, record.size, record.sha256, record.pieces)


def _knows_holders(peer: Member, count: float) -> bool:
    """Have ``peer`` refresh; return whether it knows ``count`` holders of each document."""
    peer.control.post("refresh", timeout=MAX_SECONDS)
    return min(_holders(peer), default=0) >= count


def _holders(peer: Member) -> list[int]:
    """Return the number of holders of each document that ``peer`` knows."""
    return [len(item["holders"]) for item in peer.control.get("index", limit=1000)["items"]]


def _run(cluster: Cluster, rs: tuple[str, int], name: str, data: bytes) -> int:
    """Fetch one document in both ways and print how long each took; returns the number of faults."""
    folder = cluster.folder / name
    ways = {
        "a running peer": ("--state-dir", str(cluster["peer2"].state_dir)),
        "a peer of its own": ("--state-dir", str(folder / "state"), "--rs-host", rs[0], "--rs-port", str(rs[1])),
    }
    said, faults = [], 0
    for way, where in ways.items():
        target = folder / way
        target.mkdir(parents=True)
        command = Command(cluster.folder / f"{name} by {way}", "get", name, "-o", str(target), *where)
        start = time.monotonic()
        code = command.wait(MAX_SECONDS)
        seconds = time.monotonic() - start
        is_right = (target / name).exists() and (target / name).read_bytes() == data
        faults += not (code == 0 and is_right and seconds < BAR)
        said.append(f"{way}: exit {code}, {seconds:.1f} s" + ("" if code == 0 else f" ({command.first_words()[:200]})"))
    print(f"{name}  {'; '.join(said)}", flush=True)
    return faults


def _record(name: str, data: bytes) -> IndexRecord:
    hasher = PieceHasher(len(data))
    hasher.update(data)
    pieces = hasher.pieces()
    return IndexRecord(name, "", "", 0, TTL, len(data), hasher.sha256(), list_digest(pieces) if pieces else "")


def _options() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details.partition("\n\n")[2])
    parser.add_argument("--runs", type=int, default=20, help="default: 20")
    parser.add_argument("--holders", type=int, default=300, help="of each document that are gone; default: 300")
    parser.add_argument("--size", type=int, default=4, help="MiB of each document; default: 4")
    return parser.parse_args()


if __name__ == "__main__":
    main()
