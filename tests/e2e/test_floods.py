"""Floods of records, in small: what honest peers have stays known, and their memory within its bound.

``make attacks`` has the floods in full, and measures how long a peer stands still.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest

from p2p_twisted.experiment.run.processes import Member
from p2p_twisted.wire.address import Address
from tests.support.invented_rows import Flood
from tests.support.raw_sockets import System, system
from tests.support.strangers import Crowd, Plan, Stranger
from tests.support.twistd import wait_for

pytestmark = pytest.mark.slow

DOCUMENTS = 20
"""Of each honest peer."""
ROWS = 60_000
MAX_MORE = 64 * 10**6
"""Bytes of memory."""
HOLDERS: tuple[Address, ...] = tuple((f"192.0.2.{number}", 4400) for number in range(1, 100))
"""Nobody is there."""


@pytest.fixture
def running() -> Iterator[System]:
    shares = [{f"honest-{peer}-{number}.txt": b"%d" % number for number in range(DOCUMENTS)} for peer in "ab"]
    with system([*shares, {}]) as made:
        made.cluster.wait_for_documents(2 * DOCUMENTS)
        yield made


def _memory(member: Member) -> int:
    lines = Path(f"/proc/{member.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _knows_all(member: Member) -> bool:
    return bool(member.control.get("index", q="honest", limit=1)["total"] == 2 * DOCUMENTS)


def _tell(running: System, strangers: Iterable[Stranger]) -> None:
    """Say Hello to all peers, and wait until each has asked for the index and answers others again."""
    told = list(strangers)
    for stranger in told:
        for port in running.peers:
            stranger.hello(("127.0.0.1", port))
    wait_for(lambda: all(stranger.connections >= len(running.peers) for stranger in told))


def _check(running: System, before: dict[str, int]) -> None:
    for peer in running.cluster.peers:
        assert wait_for(partial(_knows_all, peer)), peer.role
        assert _memory(peer) - before[peer.role] < MAX_MORE, peer.role


def test_rows_about_others_about_itself_and_pushed(running: System) -> None:
    before = {peer.role: _memory(peer) for peer in running.cluster.peers}
    with Crowd(("127.0.0.1", running.rs)) as crowd:
        hearsay = crowd.add(Plan(Flood(HOLDERS, ROWS)), "127.0.0.20")
        own, pusher = crowd.add(None, "127.0.0.21"), crowd.add(None, "127.0.0.22")
        own.plan = Plan(Flood((own.address,), ROWS, start=ROWS))
        rows = list(Flood((pusher.address,), ROWS, start=2 * ROWS))
        pusher.plan = Plan(pushes=[b"".join(rows[at : at + 100]) for at in range(0, ROWS, 100)] + [b""] * 400)
        _tell(running, [hearsay, own, pusher])
        _check(running, before)


def test_readers_that_do_not_read(running: System) -> None:
    with Crowd(("127.0.0.1", running.rs)) as crowd:
        teller = crowd.add(Plan(Flood(HOLDERS, ROWS)), "127.0.0.20")
        _tell(running, [teller])
        before = {peer.role: _memory(peer) for peer in running.cluster.peers}
        readers: list[socket.socket] = []
        for port in running.peers:
            readers += teller.readers(("127.0.0.1", port), 30)
        _check(running, before)
        for reader in readers:
            reader.close()
