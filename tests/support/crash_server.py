"""A process that has all modules of a peer loaded, and forks a peer for each line of JSON on its standard input.

Each of these peers carries out one order (see `Order`), and is killed in the course of it if the order says so. For
each, a line of JSON on the standard output says how it ended (`Ending`).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.support.faults import Fault, Faults

TIMEOUT = 60
"""Seconds after which a peer that has not ended is killed, as a failure."""


@dataclass(frozen=True)
class Order:
    """A download of `names` from the peers at the RS on port `rs` of 127.0.0.1, into `folder`."""

    state: str
    """The state folder of the peer, which listens on `port`."""
    rs: int
    port: int
    folder: str
    names: list[str]
    swarm: bool = True
    overwrite: bool = False
    times: int = 1
    """How often it is ordered, one after the other."""
    fault: dict[str, Any] | None = None
    """The fields of a Fault in the first download, None for none."""
    kill_after: float | None = None
    """Seconds from the start of the download to a kill -9."""
    from_fork: bool = False
    """Whether these seconds begin when the process does."""


@dataclass
class Ending:
    """How a peer ended."""

    killed: bool
    seconds: float
    """From the start of the download on."""
    downloads: list[dict[str, str]] = field(default_factory=list)
    """For each download, by name: "" for a file in place, else the kind of the error and its text."""
    calls: dict[str, int] = field(default_factory=dict)
    """Counted calls by name."""
    open_files: list[str] = field(default_factory=list)
    """Files in the folder that were still open at the end."""


def main() -> None:
    """Serve until the standard input ends."""
    import p2p_twisted.peer.service  # noqa: F401 - everything but the reactor, which no two processes can share

    for line in sys.stdin:
        print(json.dumps(asdict(_carry_out(Order(**json.loads(line))))), flush=True)


def _carry_out(order: Order) -> Ending:
    began, has_begun = os.pipe()
    result, has_result = os.pipe()
    child = os.fork()
    if not child:
        _be_a_peer(order, has_begun, has_result)
    os.close(has_begun)
    os.close(has_result)
    if not order.from_fork:
        os.read(began, 1)  # or the end, when it is dead
    start = time.monotonic()
    if order.kill_after is not None:
        time.sleep(order.kill_after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(result) as lines:
        said = lines.read()
    _, status = os.waitpid(child, 0)
    os.close(began)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or (os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0), status
    seconds = time.monotonic() - start
    return Ending(killed, seconds, **(json.loads(said) if said and not killed else {}))


def _be_a_peer(order: Order, has_begun: int, has_result: int) -> None:
    """Carry out the order, and end this process."""
    signal.alarm(TIMEOUT)  # its default action ends the process, and is no SIGKILL
    status = 1
    try:
        from tests.support.crash_peer import CrashPeer

        os.write(has_result, json.dumps(CrashPeer(order, has_begun).run()).encode())
        status = 0
    finally:
        os._exit(status)


def faults_of(order: Order) -> Faults:
    """Return the faults of the process that carries out the order."""
    return Faults(None if order.fault is None else Fault(**order.fault))


if __name__ == "__main__":
    main()
