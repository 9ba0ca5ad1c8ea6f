"""The client half of a stranger: plain, blocking sockets that come from its own address."""

from __future__ import annotations

import socket

from p2p_twisted.wire.address import Address
from p2p_twisted.wire.encode import encode_request
from p2p_twisted.wire.messages import GetIndex, Hello, KeepAlive, Leave, Message, PQuery, Register, Request, Version

WAIT_TIMEOUT = 30
"""Seconds for what takes well under one."""
CHUNK = 2**16


class StrangerClient:
    """A member at `address` of the RS at `rs`; `cookie` is the one that the RS gave."""

    def __init__(self, address: Address, rs: Address | None) -> None:
        self.address = address
        self.cookie: int | None = None
        self._rs = rs

    def ask(self, to: Address, message: Message, version: Version = Version.V10) -> bytes:
        """Return the whole answer to one request; this side stays open until the server closes. Raises OSError."""
        with self.connect(to) as sock:
            sock.sendall(encode_request(Request(message, version, self.address[0], "Linux")))
            return b"".join(iter(lambda: sock.recv(CHUNK), b""))

    def connect(self, to: Address, receive_buffer: int | None = None) -> socket.socket:
        """Return a connection from the address of this stranger. Raises OSError."""
        sock = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET)
        sock.settimeout(WAIT_TIMEOUT)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.bind((self.address[0], 0))
        sock.connect(to)
        return sock

    def register(self) -> bytes:
        """Register at the RS, with the cookie if there is one; returns the answer."""
        answer = self._ask_rs(Register(self.cookie, self.address[1]))
        if answer.startswith(b"200"):
            self.cookie = int(answer.rpartition(b"cookie:")[2])
        return answer

    def keep_alive(self) -> bytes:
        """Renew; returns the answer."""
        return self._ask_rs(KeepAlive(self._known_cookie(), self.address[1]))

    def leave(self) -> bytes:
        """Leave; returns the answer."""
        return self._ask_rs(Leave(self._known_cookie(), self.address[1]))

    def peers(self) -> list[Address]:
        """Return the addresses that the RS lists."""
        body = self._ask_rs(PQuery(self._known_cookie(), self.address[1])).partition(b"\n\n")[2]
        return [(host, int(port)) for host, port in (line.split() for line in body.decode().splitlines())]

    def hello(self, to: Address) -> None:
        """Say Hello to the peer at `to`, as one that has just registered: it will ask for the index here."""
        with self.connect(to) as sock:
            sock.sendall(encode_request(Request(Hello(self.address[1]), Version.V11, self.address[0], "Linux")))
            sock.recv(CHUNK)

    def readers(self, to: Address, count: int) -> list[socket.socket]:
        """Return `count` connections on which GET INDEX was asked and of which nothing is read."""
        socks = [self.connect(to, 4096) for _ in range(count)]
        for sock in socks:
            sock.sendall(encode_request(Request(GetIndex(), Version.V10, self.address[0], "Linux")))
        return socks

    def _ask_rs(self, message: Message) -> bytes:
        assert self._rs is not None
        return self.ask(self._rs, message)

    def _known_cookie(self) -> int:
        assert self.cookie is not None
        return self.cookie
