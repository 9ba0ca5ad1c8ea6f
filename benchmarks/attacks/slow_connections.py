"""Ten thousand slow connections at the RS, and at a peer: are honest requests answered, and how soon?"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from benchmarks.attacks.honest_requests import HonestRequests, Tally
from benchmarks.attacks.outcome import Outcome
from benchmarks.attacks.place import MB, Place, place, stranger_address
from p2p_twisted.experiment.run.processes import ClusterError
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.messages import GetFile
from tests.support.strangers import Stranger

COUNT = 10_000
SOURCES = 100
"""Addresses that they come from."""
SECONDS = 40
"""Longer than a request may take, so that the first slow ones are over within."""
MIN_ANSWERED, MAX_P99 = 0.999, 0.1
CONTENT = "an honest document\n"


def slow_connections(where: str) -> Outcome:
    """Measure honest requests to the RS, or to a peer, while it has COUNT slow connections."""
    with place(1) as here:
        (here.cluster.peers[0].share_dir / "honest.txt").write_text(CONTENT)
        here.cluster.start()
        here.cluster.wait_for_documents(1)
        member, address = (here.cluster.rs, here.rs) if where == "rs" else (here.cluster.peers[0], here.peers[0])
        before = here.forget()[member.role]
        honest = here.add(None, *stranger_address(SOURCES))
        ask = _renew(honest) if where == "rs" else _fetch(honest, address)
        tally, counts = _measure(here, address, ask)
        load, faults = here.load(member), here.log_faults()
    figure = (
        f"{tally}; {counts['open']} of {COUNT} were open at the end, {counts['made']} made; "
        f"{(load.peak - before) / MB:.0f} MB more, stall {load.stall * 1000:.0f} ms; {len(faults)} errors in logs"
    )
    is_ok = tally.answered >= MIN_ANSWERED and tally.p99 <= MAX_P99 and not faults
    name = "the RS" if where == "rs" else "a peer"
    return Outcome(f"10 000 slow connections at {name}", figure, "≥ 99.9 % answered, p99 ≤ 100 ms", is_ok)


def _renew(honest: Stranger) -> Callable[[], bool]:
    return lambda: honest.keep_alive().startswith(b"200")


def _fetch(honest: Stranger, peer: Address) -> Callable[[], bool]:
    return lambda: honest.ask(peer, GetFile("honest.txt")).endswith(CONTENT.encode())


def _measure(here: Place, address: Address, ask: Callable[[], bool]) -> tuple[Tally, dict[str, int]]:
    sources = [stranger_address(number)[0] for number in range(SOURCES)]
    slow = here.run_here("benchmarks.attacks.slow", *map(str, (*address, COUNT)), *sources)
    if slow.stdout is None or slow.stdout.readline() != b"ready\n":
        raise ClusterError("the slow connections do not start")
    with HonestRequests(ask) as honest:
        time.sleep(SECONDS)
    slow.terminate()
    return honest.tally, json.loads(slow.communicate()[0])


ATTACKS = {"slow-rs": lambda: slow_connections("rs"), "slow-peer": lambda: slow_connections("peer")}
