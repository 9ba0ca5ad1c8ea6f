"""Peers that know what the RS has answered them, and hold it against what the RS says later."""

from __future__ import annotations

from collections.abc import Iterable

from tests.support.rs_process import RSProcess
from tests.support.rs_server import request

INACTIVE = b"this peer is not active"


class Peer:
    """A peer in its last answered state; `active` is None while a request that changes it has no answer."""

    def __init__(self, cookie: int, host: str, port: int) -> None:
        self.cookie, self.host, self.port = cookie, host, port
        self.active: bool | None = True

    def says(self, method: str, minor: int = 1, headers: tuple[str, ...] = ()) -> bytes:
        data = f"cookie:{self.cookie}", f"port:{self.port}"
        return request(method, *data, host=self.host, minor=minor, headers=headers)


class Connection:
    """Requests and answers on one 1.1 connection."""

    def __init__(self, rs: RSProcess) -> None:
        self.socket = rs.connect()
        self.answers = self.socket.makefile("rb")

    def answer(self) -> tuple[int, bytes]:
        """Return the status of the next answer, and its body. Raises EOFError when the RS is gone."""
        length = -1
        status = self.answers.readline()
        while (line := self.answers.readline()) not in (b"\n", b""):
            length = int(line[8:]) if line.startswith(b"Length: ") else length
        body = self.answers.read(length)  # of 1.0: as long as the connection lasts
        if not line or not body.endswith(b"\n"):
            raise EOFError
        return int(status[:3]), body

    def ask(self, data: bytes) -> tuple[int, bytes]:
        self.socket.sendall(data)
        return self.answer()

    def close(self) -> None:
        self.answers.close()
        self.socket.close()


def check(rs: RSProcess, peers: Iterable[Peer]) -> list[Peer]:
    """Return the peers in another state than last answered. A missing last answer is replaced by that of now."""
    connection, wrong, waiting = Connection(rs), [], list(peers)
    for first in range(0, len(waiting), 50):
        some = waiting[first : first + 50]
        connection.socket.sendall(b"".join(peer.says("PQuery", headers=("Limit: 1",)) for peer in some))
        for peer in some:
            status, body = connection.answer()
            known = status == 200 or body.startswith(INACTIVE)
            if not known or peer.active not in (None, status == 200):
                wrong.append(peer)
            peer.active = status == 200
    connection.close()
    return wrong
