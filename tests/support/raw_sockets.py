"""Real twistd processes, an RS and peers, and clients of them that are nothing but a socket."""

from __future__ import annotations

import platform
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from p2p_twisted.experiment.run.cluster import Cluster

ROOT = Path(__file__).parents[2]
WAIT_TIMEOUT = 20
"""Seconds for what takes well under one."""
Files = Mapping[str, bytes]


class System:
    """A running cluster. `rs` is the port of its RS, `peers` are the ports of its peers, all on 127.0.0.1."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        statuses = [peer.control.get("status") for peer in cluster.peers]
        self.rs: int = statuses[0]["rs"]["port"]
        self.peers: list[int] = [status["port"] for status in statuses]

    def complaints(self) -> list[str]:
        """The lines of all logs that tell of an error of the program's own."""
        words = ("Traceback", "Unhandled", "[critical]", "#critical")
        logs = ((member.role, member.log.read_text("utf-8", "replace")) for member in self.cluster.members)
        return [f"{role}: {line}" for role, log in logs for line in log.splitlines() if any(w in line for w in words)]


@contextmanager
def system(shares: Sequence[Files], options: Mapping[str, Sequence[str]] | None = None) -> Iterator[System]:
    """A running System with a peer for each of `shares`, which it shares; `options`: more of them by role.

    At the end all are stopped, and must not have complained.
    """
    chosen = options or {}
    with Cluster(len(shares), options=lambda role: chosen.get(role, ())) as cluster:
        for peer, files in zip(cluster.peers, shares, strict=True):
            for name, data in files.items():
                path = peer.share_dir / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        cluster.start()
        running = System(cluster)
        yield running
        cluster.stop()
        assert running.complaints() == []


def connect(port: int, source: str = "127.0.0.1") -> socket.socket:
    """A connection to 127.0.0.1 that comes from `source` and gives up after PATIENCE."""
    sock = socket.create_connection(("127.0.0.1", port), WAIT_TIMEOUT, (source, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def read_all(sock: socket.socket) -> bytes:
    """Return the bytes until the server closes its side. Raises OSError when the connection is reset."""
    return b"".join(iter(lambda: sock.recv(65536), b""))


def exchange(port: int, parts: Iterable[bytes], source: str = "127.0.0.1") -> bytes:
    """The whole answer to `parts`, each sent by itself; this side stays open until the server has closed its own."""
    with connect(port, source) as sock:
        for part in parts:
            sock.sendall(part)
        return read_all(sock)


def request(what: str, *data: str, version: str = "P2P_DI_1.0", colon: str = "", eol: str = "\n") -> bytes:
    """A request as existing clients write it."""
    lines = [f"{what} {version}", f"Host{colon} 127.0.0.1", f"OS{colon} Mac OS X", "", *data]
    return "".join(line + eol for line in lines).encode()


def answer(body: bytes | str, status: str = "200 OK") -> bytes:
    """The exact answer of 1.0: four lines, then the data."""
    data = body.encode() if isinstance(body, str) else body
    return f"{status} P2P-CI/1.0\nHost: 127.0.0.1\nOS: {platform.system()}\n\n".encode() + data


def is_refusal(got: bytes, status: str) -> bool:
    """Whether `got` is the four lines of a refusal and one that says why."""
    head = answer(b"", status)
    return got.startswith(head) and got.count(b"\n") == 5 and got.endswith(b"\n") and len(got) > len(head) + 5


def wait_for(control: Any, id_: str) -> dict[str, Any]:
    """The download once it is over, as the control API shows it."""
    deadline = time.monotonic() + 3 * WAIT_TIMEOUT
    while True:
        found: dict[str, Any] = control.get(f"downloads/{id_}")
        if found["ended"] is not None:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
