"""A peer of the handout with a central index: it sends RFCs, and keeps its connections open."""

from __future__ import annotations

import re
import socket

from tests.check.servers.base import BadRequest, Lines, Server

REQUEST = re.compile(r"GET RFC (\d+) P2P-CI/1\.0")
STATUSES = {200: "OK", 400: "Bad Request", 404: "Not Found"}


class CentralPeer(Server):
    """Has `rfcs`, number -> content."""

    def __init__(self, rfcs: dict[int, bytes]) -> None:
        super().__init__()
        self.rfcs = rfcs

    def serve(self, sock: socket.socket) -> None:
        lines = Lines(sock)
        try:
            while True:
                self.answer(sock, lines)
        except BadRequest:
            self.say(sock, 400, b"not a request of this protocol\r\n")

    def answer(self, sock: socket.socket, lines: Lines) -> None:
        head = [lines.next()]
        while line := lines.next():
            head.append(line)
            if len(head) > 30:
                raise BadRequest("too many lines")
        found = REQUEST.fullmatch(head[0])
        if found is None:
            raise BadRequest("not a request")
        content = self.rfcs.get(int(found[1]))
        if content is None:
            self.say(sock, 404, b"no such RFC\r\n")
        else:
            self.say(sock, 200, content)

    def say(self, sock: socket.socket, status: int, body: bytes) -> None:
        head = f"P2P-CI/1.0 {status} {STATUSES[status]}\r\nDate: today\r\nContent-Length: {len(body)}\r\n\r\n"
        sock.sendall(head.encode() + body)
