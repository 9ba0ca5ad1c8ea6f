"""Slow and silent connections take all places of a real RS and a real peer: honest requests are answered anyway."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.support.raw_sockets import connect, exchange, read_all, request, system
from tests.support.rs_process import RSProcess
from tests.support.twistd import wait_for

resource = pytest.importorskip("resource")

PLACES = 200
"""Under a limit of twice as many descriptors."""
SLOW = 300
STARTS = (b"", b"K", b"KeepAlive NULL P2P_DI_1.1\nHost h\n", b"GET FILE P2P_DI_1.1\nHost h\nOS o\nX: ")
"""The beginnings of requests that never end."""
CONTENT = b"0123456789" * 3_000_000


@contextmanager
def slow_connections(pid: int, port: int, hosts: int) -> Iterator[list[socket.socket]]:
    """Let the process have few places, and take all of them, from so many addresses."""
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (2 * PLACES, 2 * PLACES))
    with ExitStack() as stack:
        made = []
        for number in range(SLOW):
            sock = stack.enter_context(connect(port, f"127.0.1.{number % hosts + 1}"))
            sock.sendall(STARTS[number % len(STARTS)])
            made.append(sock)
        yield made


def ended(connections: list[socket.socket]) -> int:
    """Return how many of them the server has ended."""
    return len(select.select(connections, [], [], 0)[0])


@pytest.mark.parametrize("hosts", [1, 3, 250])
def test_an_rs_answers_honest_requests(tmp_path: Path, hosts: int) -> None:
    with RSProcess(tmp_path) as rs, slow_connections(rs.process.pid, rs.port, hosts) as slow:
        ports = count(1)
        sources = ["127.0.0.1", "127.0.1.1"] * 50
        registers = [request("Register NULL", "cookie:", f"port:{next(ports)}") for _ in sources]
        answers = [exchange(rs.port, [data], source) for data, source in zip(registers, sources, strict=True)]
        assert [data[:6] for data in answers] == [b"200 OK"] * len(sources)
        wait_for(lambda: ended(slow) >= SLOW - PLACES)
        wait_for(lambda: "all places are taken: " in rs.log.read_text())
        log = rs.stop()
    assert "Traceback" not in log and "Unhandled" not in log


@pytest.mark.parametrize("hosts", [1, 250])
def test_a_peer_answers_honest_requests_and_goes_on_with_its_downloads(hosts: int) -> None:
    with system([{"big.bin": CONTENT}]) as running, ExitStack() as stack:
        (port,), (peer,) = running.peers, running.cluster.peers
        downloads = [stack.enter_context(connect(port, source)) for source in ("127.0.0.1", "127.0.1.1")]
        got = []
        for sock in downloads:
            sock.sendall(request("GET FILE", "big", "bin"))
            got.append(sock.recv(100))
        assert peer.pid is not None
        with slow_connections(peer.pid, port, hosts) as slow:
            for _ in range(30):
                for number, sock in enumerate(downloads):
                    got[number] += sock.recv(1000)
                assert b"\nbig\tbin\t" in exchange(port, [request("GET INDEX")])
                assert b"\nbig\tbin\t" in exchange(port, [request("GET INDEX")], "127.0.1.1")
            wait_for(lambda: ended(slow) >= SLOW - PLACES)
            for number, sock in enumerate(downloads):
                got[number] += read_all(sock)
                assert got[number].endswith(CONTENT)
