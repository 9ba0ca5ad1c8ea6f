"""A server that says the same to everybody, whatever was asked."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from tests.check.servers.base import Server


class Canned(Server):
    """Sends `parts`, one after the other, once something has come; then closes, or waits until the client does."""

    def __init__(self, *parts: bytes, closes: bool = True) -> None:
        super().__init__()
        self.parts: Sequence[bytes] = parts
        self.closes = closes

    def serve(self, sock: socket.socket) -> None:
        sock.recv(4096)
        for part in self.parts:
            sock.sendall(part)
        if self.closes:
            sock.shutdown(socket.SHUT_WR)  # what has come and was not read would else reset the connection
        while sock.recv(65536):
            pass
