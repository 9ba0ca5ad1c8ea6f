"""Honest servers of the two course handouts: one with a central index (P2P-CI), and an RS (P2P-DI)."""

from __future__ import annotations

import re
import socket

from tests.check.servers.base import BadRequest, Lines, Server
from tests.check.servers.wrong_rs import HonestRS, Request, number

PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 403: "Forbidden", 505: "P2P-CI Version Not Supported"}
FIRST_LINE = re.compile(r"(?:(ADD|LOOKUP) RFC (\d+)|(LIST) ALL) (\S+)")


def headers(lines: Lines) -> dict[str, str]:
    """Read header lines up to the empty one. Raises BadRequest."""
    found: dict[str, str] = {}
    while line := lines.next():
        name, colon, value = line.partition(": ")
        if not colon or len(found) > 20:
            raise BadRequest("a header must be a name, a colon and a value")
        found[name] = value
    return found


class CentralServer(Server):
    """The server of P2P-CI: it knows which peer has which RFC, as long as the peer is connected."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[socket.socket, list[str]] = {}

    def serve(self, sock: socket.socket) -> None:
        lines = Lines(sock)
        try:
            while True:
                code, rows = self.answer(lines, sock)
                self.send(sock, code, rows)
        except BadRequest:
            self.send(sock, 400, [])
        finally:
            with self.lock:
                self.rows.pop(sock, None)

    def answer(self, lines: Lines, sock: socket.socket) -> tuple[int, list[str]]:
        """Read a request; return the status and the rows. Raises BadRequest."""
        first = FIRST_LINE.fullmatch(lines.next())
        if first is None:
            raise BadRequest("this is no message of the server")
        found = headers(lines)
        method, rfc, _, version = first.groups()
        if version != "P2P-CI/1.0":
            return 505, []
        if not {"Host", "Port"} <= set(found):
            raise BadRequest("Host and Port must be there")
        with self.lock:
            if method == "ADD":
                row = f"RFC {rfc} {found['Title']} {found['Host']} {found['Port']}"
                self.rows.setdefault(sock, []).append(row)
                return 200, [row]
            rows = [row for rows in self.rows.values() for row in rows if rfc in (None, row.split()[1])]
        return (200, rows) if rows or rfc is None else (404, [])

    def send(self, sock: socket.socket, code: int, rows: list[str]) -> None:
        text = "\r\n".join([f"P2P-CI/1.0 {code} {PHRASES[code]}", "", *rows])
        sock.sendall(f"{text}\r\n".encode())


class HandoutRS(HonestRS):
    """An RS in the style of the P2P-DI handout."""

    def read(self, sock: socket.socket) -> Request:
        lines = Lines(sock)
        method, _, version = lines.next().partition(" ")
        if method not in ("Register", "KeepAlive", "PQuery", "Leave") or version != "P2P-DI/1.0":
            raise BadRequest("this is no message of an RS")
        found = headers(lines)
        cookie = number(f"Cookie:{found['Cookie']}", "Cookie") if found.get("Cookie") else None
        return Request(method, cookie, number(f"port:{found.get('Port')}", "port", highest=65535))

    def answer(self, request: Request, host: str) -> tuple[int, str]:
        code, body = super().answer(request, host)
        if code == 200 and request.method == "PQuery":
            others = [one for one in self.listed() if one.cookie != request.cookie]
            body = "".join(f"{one.host} {one.port}\n" for one in others)
            code = 200 if others else 404
        return code, body.replace("\n", "\r\n")

    def head(self, code: int) -> str:
        return f"P2P-DI/1.0 {400 if code == 300 else code} {PHRASES.get(code, 'Bad Request')}\r\n\r\n"
