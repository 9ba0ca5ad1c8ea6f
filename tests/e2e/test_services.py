"""Rows of strangers that name services, on this machine and on the network: nobody connects to them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.invented_rows import record_of, row
from tests.support.raw_sockets import System, system, wait_for
from tests.support.strangers import Crowd, Plan
from tests.support.twistd import wait_for as wait_until

DATA = b"What a service would get to see.\n"
ADDRESSES = ("127.0.0.1", "127.0.9.9")
"""Where the services listen: in the network that RS and peers are in, so that only their not being peers counts."""


@pytest.fixture
def services() -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_server((host, 0))) for host in ADDRESSES]


@pytest.fixture
def running() -> Iterator[System]:
    with system([{}]) as made:
        yield made


def test_nobody_connects_to_them(running: System, services: list[socket.socket]) -> None:
    places = [service.getsockname() for service in services]
    named = [*places, *((host, port) for _, port in places for host in ("localhost", "127.1", "::ffff:127.0.0.1"))]
    rows = [row(record_of(f"trap{number}.txt", DATA, place)[0]) for number, place in enumerate(named)]
    rows += [row(record_of("everywhere.txt", DATA, place)[0]) for place in named]
    old = [b"\t".join(line.split(b"\t")[:6]) + b"\n" for line in rows]
    peer, names = running.cluster.peers[0].control, [f"trap{number}.txt" for number in range(len(named))]
    with Crowd(("127.0.0.1", running.rs)) as crowd:
        for number, plan in enumerate((Plan(rows), Plan(old), Plan(pushes=rows))):
            stranger = crowd.add(plan, host=f"127.0.7.{number + 1}")
            stranger.hello(("127.0.0.1", running.peers[0]))
            wait_until(lambda: stranger.requests)  # noqa: B023
        for swarm in (True, False):
            order = peer.post("downloads", {"names": ["everywhere.txt", *names], "swarm": swarm})
            assert {file["state"] for file in wait_for(peer, order["id"])["files"]} == {"failed"}
        wait_for(peer, peer.post("downloads", {"all": True})["id"])
    for service, place in zip(services, places, strict=True):
        with socket.create_connection(place) as mine:
            first, source = service.accept()
            first.close()
            assert source == mine.getsockname(), "somebody else had connected before"
