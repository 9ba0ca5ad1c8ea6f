"""An honest registration server of 1.0, and wrong ones that differ from it in one fault each."""

from __future__ import annotations

import itertools
import socket
import time
from dataclasses import dataclass

from tests.check.servers.base import BadRequest, Lines, Server

PHRASES = {200: "OK", 300: "BAD_REQUEST", 403: "FORBIDDEN"}
VERSIONS = {"P2P_DI_1.0", "P2P-DI_1.0", "P2P-DI/1.0"}
METHODS = {"Register", "KeepAlive", "PQuery", "Leave"}


@dataclass
class Peer:
    """A record: who is registered with `cookie`, until the moment `until` of the monotonic clock."""

    host: str
    port: int
    cookie: int
    until: float = 0.0

    @property
    def active(self) -> bool:
        return self.until > time.monotonic()


@dataclass(frozen=True)
class Request:
    """What a request says; no cookie: it was empty."""

    method: str
    cookie: int | None
    port: int


class HonestRS(Server):
    """An RS of 1.0. Whatever a wrong one does otherwise is a method."""

    def __init__(self, ttl: int = 7200) -> None:
        super().__init__()
        self.ttl = ttl
        self.peers: dict[int, Peer] = {}
        self.cookies = itertools.count(1)

    def serve(self, sock: socket.socket) -> None:
        try:
            request = self.read(sock)
            with self.lock:
                code, body = self.answer(request, sock.getpeername()[0])
        except BadRequest as error:
            code, body = 300, f"{error}\n"
        sock.sendall((self.head(code) + body).encode())

    def read(self, sock: socket.socket) -> Request:
        """Read a request. Raises BadRequest."""
        lines = Lines(sock)
        first = lines.next().split(" ")
        if len(first) != 3 or first[0] not in METHODS or first[1] != "NULL" or first[2] not in VERSIONS:
            raise BadRequest("this is no message of an RS")
        heads = [lines.next(), lines.next()]
        if sorted(head.partition(" ")[0].rstrip(":") for head in heads) != ["Host", "OS"] or lines.next():
            raise BadRequest("Host, OS and an empty line must follow")
        first_data, second = lines.next(), lines.next()
        new = first[0] == "Register" and first_data == "cookie:"
        cookie = None if new else number(first_data, "cookie")
        return Request(first[0], cookie, number(second, "port", "cookie", highest=65535))

    def answer(self, request: Request, host: str) -> tuple[int, str]:
        """Return the status and the data."""
        peer = self.found(request, host)
        if peer is None:
            return 403, "no peer is registered with this cookie and port\n"
        if request.method in ("PQuery", "Leave") and not peer.active:
            return 403, "this peer is not active\n"
        if request.method == "Leave":
            peer.until = 0.0
            return 200, "you have been unregistered from the RS server!\n"
        if request.method == "Register":
            peer.host, peer.port, peer.until = host, request.port, time.monotonic() + self.ttl
            return 200, f"cookie:{peer.cookie}\n"
        self.renew(peer)
        if request.method == "KeepAlive":
            return 200, f"you have been renewed! TTL is {self.ttl} seconds\n"
        return 200, "".join(f"{one.host} {one.port}\n" for one in self.listed())

    def found(self, request: Request, host: str) -> Peer | None:
        """Return the record that the request is about; a new one for a Register without a cookie."""
        if request.cookie is None:
            peer = Peer(host, request.port, self.new_cookie())
            self.peers[peer.cookie] = peer
            return peer
        known = self.peers.get(request.cookie)
        return known if known and (request.method == "Register" or known.port == request.port) else None

    def new_cookie(self) -> int:
        return next(self.cookies)

    def renew(self, peer: Peer) -> None:
        peer.until = time.monotonic() + self.ttl

    def listed(self) -> list[Peer]:
        return sorted((peer for peer in self.peers.values() if peer.active), key=lambda peer: (peer.host, peer.port))

    def status(self, code: int) -> str:
        return f"{code} {PHRASES[code]} P2P-CI/1.0\n"

    def head(self, code: int) -> str:
        return f"{self.status(code)}Host: 127.0.0.1\nOS: Linux\n\n"


def number(line: str, *labels: str, highest: int = 2**31) -> int:
    """Return the number in a line of data. Raises BadRequest."""
    label, _, digits = line.partition(":")
    if label not in labels or not digits.isdecimal() or not digits.isascii() or int(digits) > highest:
        raise BadRequest(f"{labels[0]} and a number must stand here")
    if labels[0] == "port" and int(digits) < 1:
        raise BadRequest("port must be from 1 to 65535")
    return int(digits)


class WrongStatusLine(HonestRS):
    """Says the version first, as HTTP does."""

    def status(self, code: int) -> str:
        return f"HTTP/1.0 {code} {PHRASES[code]}\n"


class NoEmptyLine(HonestRS):
    """Sends the data right behind the head."""

    def head(self, code: int) -> str:
        return super().head(code).removesuffix("\n")


class CookieReused(HonestRS):
    """Gives the cookie of a peer that has left to the next that comes."""

    def new_cookie(self) -> int:
        left = [cookie for cookie, peer in self.peers.items() if not peer.active]
        return left[0] if left else super().new_cookie()


class OnlyAfterEof(HonestRS):
    """Reads until the client closes its side."""

    def read(self, sock: socket.socket) -> Request:
        request = super().read(sock)
        while sock.recv(4096):
            pass
        return request


class OneAtATime(HonestRS):
    """Serves one client, then the next."""

    def start(self, sock: socket.socket) -> None:
        self._serve(sock)


class NeverRenewed(HonestRS):
    """Sets the TTL at Register only, and for a peer that comes back after it has left."""

    def renew(self, peer: Peer) -> None:
        if not peer.until:
            super().renew(peer)


class ListsThoseWhoLeft(HonestRS):
    """Lists whoever has ever registered."""

    def listed(self) -> list[Peer]:
        return sorted(self.peers.values(), key=lambda peer: (peer.host, peer.port))


class DiesOfGarbage(HonestRS):
    """Ends when a client sends what is no text."""

    def serve(self, sock: socket.socket) -> None:
        if b"\0" in sock.recv(4096, socket.MSG_PEEK):
            self.die()
            return
        super().serve(sock)


class OneRead(HonestRS):
    """Takes what comes in one read for the whole request."""

    def read(self, sock: socket.socket) -> Request:
        if sock.recv(4096, socket.MSG_PEEK).count(b"\n") < 6:
            sock.recv(4096)
            raise BadRequest("the request is not complete")
        return super().read(sock)


class KeepsOpen(HonestRS):
    """Does not close the connection after an answer."""

    def serve(self, sock: socket.socket) -> None:
        super().serve(sock)
        while sock.recv(4096):
            pass


class ForeignCookie(HonestRS):
    """Takes any cookie at Register, as if it had given it."""

    def found(self, request: Request, host: str) -> Peer | None:
        if request.method == "Register" and request.cookie is not None:
            self.peers.setdefault(request.cookie, Peer(host, request.port, request.cookie))
        return super().found(request, host)


class AnyPort(HonestRS):
    """Looks at the cookie alone."""

    def found(self, request: Request, host: str) -> Peer | None:
        return self.peers.get(request.cookie) if request.cookie is not None else super().found(request, host)


class CrLf(HonestRS):
    """Ends lines with CRLF."""

    def head(self, code: int) -> str:
        return super().head(code).replace("\n", "\r\n")


class HidesAsker(HonestRS):
    """Leaves out the peer that asks."""

    asker: Peer | None = None

    def renew(self, peer: Peer) -> None:
        super().renew(peer)
        self.asker = peer

    def listed(self) -> list[Peer]:
        return [peer for peer in super().listed() if peer is not self.asker]
