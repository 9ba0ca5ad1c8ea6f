"""Rows that name services on loopback and on the network: nobody may connect to them, nor send them a byte."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from subprocess import Popen
from typing import Any

from benchmarks.attacks.outcome import Outcome
from benchmarks.attacks.place import Place, place, stranger_address
from p2p_twisted.experiment.run.processes import ClusterError
from tests.support.invented_rows import record_of, row
from tests.support.strangers import Plan

DATA = b"What a service would get to see.\n"
LOOPBACK = ("127.0.0.1:6379", "127.0.0.1:4400", "127.0.0.1:80", "127.9.9.9:8080")
"""At the host of the peers."""
LAN_PORTS = (80, 8080, 6379, 4401)
"""At the strangers' host, under an address of its network and one of the strangers' that none of them has."""
NO_MEMBER = "10.78.9.9"
SPELLINGS = ("localhost", "127.1", "2130706433", "0x7f.1", "::ffff:127.0.0.1", "::1", "0.0.0.0", "ip6-localhost")
"""Of loopback; most are no address by the protocol, and their rows must be passed over."""
SECONDS = 8
"""For a first hearing, then for the downloads."""


def services() -> Outcome:
    """Have two peers hear rows that name services, then fetch by name, and everything."""
    with place(2) as here:
        here.cluster.start()
        here.cluster.wait_registered()
        lan = [f"{host}:{port}" for host in (here.host, NO_MEMBER) for port in LAN_PORTS]
        listeners = _listen(here, lan)
        _tell(here, [*LOOPBACK, *lan, *(f"{spelling}:6379" for spelling in SPELLINGS)])
        time.sleep(SECONDS)
        _order(here)
        counts = _stop(listeners)
        faults = here.log_faults()
    connections, sent = (sum(counted[which] for counted in counts.values()) for which in (0, 1))
    where = ", ".join(address for address, counted in counts.items() if any(counted))
    figure = f"{connections} connections, {sent} bytes{f' ({where})' if where else ''}; {len(faults)} errors in logs"
    is_ok = not connections and not sent and not faults
    return Outcome("rows naming services on loopback and LAN", figure, "0 connections, 0 bytes", is_ok)


def _listen(here: Place, lan: Sequence[str]) -> list[Popen[bytes]]:
    """Start the services, in the hosts of the peers and in this one. Raises ClusterError."""
    listeners = [here.run_at(peer.role, "benchmarks.attacks.listener", *LOOPBACK) for peer in here.cluster.peers]
    listeners.append(here.run_here("benchmarks.attacks.listener", *lan))
    for listener in listeners:
        if listener.stdout is None or listener.stdout.readline() != b"ready\n":
            raise ClusterError("a listener does not start")
    return listeners


def _tell(here: Place, named: Sequence[str]) -> None:
    """Let three strangers tell both peers that the services have documents: in 1.1, as in 1.0, and as changes."""
    places = [(host, int(port)) for host, _, port in (name.rpartition(":") for name in named)]
    rows = [row(record_of(f"trap{number}.txt", DATA, where)[0]) for number, where in enumerate(places)]
    rows += [row(record_of("everywhere.txt", DATA, where)[0]) for where in places]
    old = [b"\t".join(line.split(b"\t")[:6]) + b"\n" for line in rows]
    for number, plan in enumerate((Plan(rows), Plan(old), Plan(pushes=rows))):
        stranger = here.add(plan, *stranger_address(number))
        for peer in here.peers:
            stranger.hello(peer)


def _order(here: Place) -> None:
    """Have both peers fetch some of the documents, in both ways, and all."""
    names: dict[str, Any] = {"names": ["everywhere.txt", *(f"trap{number}.txt" for number in range(12))]}
    for order in (names, {"all": True}, {**names, "swarm": False}):
        for member in here.cluster.peers:
            member.control.post("downloads", order)
        time.sleep(SECONDS)


def _stop(listeners: Sequence[Popen[bytes]]) -> dict[str, list[int]]:
    """Stop the services; return the connections and bytes that each address got, in all hosts together."""
    counts: dict[str, list[int]] = {}
    for listener in listeners:
        listener.terminate()
        for address, counted in json.loads(listener.communicate()[0] or b"{}").items():
            counts[address] = [a + b for a, b in zip(counts.get(address, [0, 0]), counted, strict=True)]
    return counts


ATTACKS = {"services": services}
