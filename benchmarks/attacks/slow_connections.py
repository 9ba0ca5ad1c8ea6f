"""Ten thousand slow connections at the RS, and at a peer: are honest requests answered, and how soon?

At the RS, with 10 000 peers registered, a hundred others ask for the whole list meanwhile, and read nothing.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable

from benchmarks.attacks.honest_requests import HonestRequests, Tally
from benchmarks.attacks.outcome import Outcome
from benchmarks.attacks.place import MB, Place, place, stranger_address
from p2p_twisted.experiment.run.processes import ClusterError
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.encode import encode_request
from p2p_twisted.wire.messages import GetFile, PQuery, Register, Request, Version
from tests.support.stranger_client import StrangerClient
from tests.support.strangers import Stranger

COUNT = 10_000
SOURCES = 100
"""Addresses that they come from."""
SECONDS = 40
"""Longer than a request may take, so that the first slow ones are over within."""
PEERS = 10_000
"""Registered at the RS, by the same addresses: a list of all has 200 KB."""
ASKERS = 100
BUFFER = 4096
"""Bytes that the kernel keeps for one of them."""
MIN_ANSWERED, MAX_P99, MAX_MEMORY = 0.999, 0.1, 64 * MB
CONTENT = "an honest document\n"


def slow_connections(where: str) -> Outcome:
    """Measure honest requests to the RS, or to a peer, while it has COUNT slow connections."""
    with place(1) as here:
        (here.cluster.peers[0].share_dir / "honest.txt").write_text(CONTENT)
        here.cluster.start()
        here.cluster.wait_for_documents(1)
        member, address = (here.cluster.rs, here.rs) if where == "rs" else (here.cluster.peers[0], here.peers[0])
        if where == "rs":
            _register_peers(here.rs)
        before = here.forget()[member.role]
        honest = here.add(None, *stranger_address(SOURCES))
        ask = _renew(honest) if where == "rs" else _fetch(honest, address)
        unread = _unread_lists(here) if where == "rs" else []
        tally, counts = _measure(here, address, ask)
        load, faults = here.load(member), here.log_faults()
        for sock in unread:
            sock.close()
    figure = (
        f"{tally}; {counts['open']} of {COUNT} were open at the end, {counts['made']} made; "
        f"{(load.peak - before) / MB:.0f} MB more, stall {load.stall * 1000:.0f} ms; {len(faults)} errors in logs"
    )
    is_ok = tally.answered >= MIN_ANSWERED and tally.p99 <= MAX_P99 and load.peak - before <= MAX_MEMORY and not faults
    name = f"the RS, and {ASKERS} lists unread" if where == "rs" else "a peer"
    bar = "≥ 99.9 % answered, p99 ≤ 100 ms, ≤ 64 MB more"
    return Outcome(f"10 000 slow connections at {name}", figure, bar, is_ok)


def _register_peers(rs: Address) -> None:
    """Register PEERS peers from the SOURCES addresses. Raises OSError."""
    for number in range(SOURCES):
        host, _ = stranger_address(number)
        wanted = [
            encode_request(Request(Register(None, 5000 + port), Version.V11, host, "Linux"))
            for port in range(PEERS // SOURCES)
        ]
        with StrangerClient((host, 0), None).connect(rs) as sock, sock.makefile("rb") as answers:
            sock.sendall(b"".join(wanted))
            for _ in wanted:
                while not answers.readline().startswith(b"cookie:"):
                    pass


def _unread_lists(here: Place) -> list[socket.socket]:
    """Return connections on which the whole list was asked for, and of which nothing is read. Raises OSError."""
    asker = here.add(None, *stranger_address(SOURCES + 1))
    request = encode_request(
        Request(PQuery(asker.cookie or 0, asker.address[1]), Version.V10, asker.address[0], "Linux")
    )
    socks = [asker.connect(here.rs, BUFFER) for _ in range(ASKERS)]
    for sock in socks:
        sock.sendall(request)
    return socks


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
