"""Peers in this process that are not quite what a peer should be: of 1.0 only, lying, or falling silent."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Mapping
from dataclasses import replace

from p2p_twisted.library.pieces import DIGEST, PieceHasher, list_digest, piece_range, piece_size
from p2p_twisted.wire.encode import encode_response
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.messages import GetFile, GetIndex, GetNext, GetPieces, Message, Response, Version
from p2p_twisted.wire.parser import RequestParser
from p2p_twisted.wire.records import IndexRecord, encode_record
from tests.support import raw_sockets

INDEX = "fake.1"
"""The version of the index of a fake, which never changes."""
OK, NOT_FOUND = 200, 100


class Server:
    """Listens on `port` of 127.0.0.1 until the end of the block; each connection has a thread of its own."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port: int = self._socket.getsockname()[1]
        self.over = threading.Event()
        """Set at the end."""
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            self._connections.append(sock)
            self._threads.append(threading.Thread(target=self._talk, args=(sock,), daemon=True))
            self._threads[-1].start()

    def _talk(self, sock: socket.socket) -> None:
        with sock:
            try:
                self.talk(sock)
            except OSError:
                pass  # the other side has closed, or this one is over

    def talk(self, sock: socket.socket) -> None:
        """Serve one connection, which is closed afterwards."""
        raise NotImplementedError

    def __enter__(self) -> Server:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for sock in (self._socket, *self._connections):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it was closed already
        self._socket.close()
        for thread in self._threads:
            thread.join(raw_sockets.WAIT_TIMEOUT)


class OldPeer(Server):
    """Speaks 1.0 and nothing else: one request, one answer, the end. `documents` are its own, by name without type.

    All of them have the type ``bin``.
    """

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        super().__init__()
        self.received: list[list[str]] = []
        """The lines of each request, all that had come when it was answered."""
        self._documents = documents

    def talk(self, sock: socket.socket) -> None:
        """Answer one request as a server does that has never heard of 1.1."""
        said = b""
        while not _is_complete_1_0(said):
            came = sock.recv(65536)
            if not came:
                return
            said += came
        lines = said.decode().split("\n")
        self.received.append(lines)
        if lines[0].startswith("GET FILE"):
            sock.sendall(raw_sockets.answer(self._documents[lines[4]]))
        else:
            records = (f"{name}\tbin\tA title\t127.0.0.1\t{self.port}\t{TTL}\n" for name in self._documents)
            sock.sendall(raw_sockets.answer("".join(records)))

    def orders(self) -> list[str]:
        """The names of the files that were asked for."""
        return [lines[4] for lines in self.received if lines[0].startswith("GET FILE")]


def _is_complete_1_0(said: bytes) -> bool:
    head, end, data = said.partition(b"\n\n")
    return bool(end) and data.count(b"\n") >= (2 if head.startswith(b"GET FILE") else 0)


class NewPeer(Server):
    """Speaks 1.1 and says, truly, what `data` is, the only file it has, called `name`. Subclasses send its pieces."""

    def __init__(self, name: str, data: bytes) -> None:
        super().__init__()
        hasher = PieceHasher(len(data))
        hasher.update(data)
        self._digests = hasher.pieces()
        self._data = data
        self._record = IndexRecord(
            name, "", "127.0.0.1", self.port, TTL, len(data), hasher.sha256(), list_digest(self._digests)
        )
        self._given: set[int] = set()
        self.asked = 0
        """Pieces that it was asked for."""

    def talk(self, sock: socket.socket) -> None:
        """Answer one request after the other, as they come."""
        parser = RequestParser()
        with sock.makefile("rb") as lines:
            for line in lines:
                request = parser.line(line.removesuffix(b"\n"))
                if request is not None:
                    self._answer(sock, request.message)

    def _answer(self, sock: socket.socket, message: Message) -> None:
        if isinstance(message, GetIndex):
            is_known = message.since == INDEX
            body = "" if is_known else encode_record(self._record, Version.V11) + "\n"
            _send(sock, _HEAD if not is_known else replace(_HEAD, since=INDEX), body.encode(), index=INDEX)
        elif isinstance(message, GetPieces):
            digests = (self._digests[at : at + DIGEST] for at in range(0, len(self._digests), DIGEST))
            _send(sock, _HEAD, "".join(f"{digest.hex()}\n" for digest in digests).encode())
        elif isinstance(message, GetNext):
            self._give(sock, self._next(message))
        elif isinstance(message, GetFile) and message.byte_range is not None:
            self._give(sock, message.byte_range[0] // piece_size(len(self._data)))
        else:
            _send(sock, _HEAD, b"")

    def _next(self, message: GetNext) -> int | None:
        wanted = {piece for first, last in message.wants[0][1] for piece in range(first, last + 1)} - self._given
        self._given |= {min(wanted)} if wanted else set()
        return min(wanted, default=None)

    def _give(self, sock: socket.socket, piece: int | None) -> None:
        if piece is None:
            _send(sock, replace(_HEAD, status=NOT_FOUND), b"all of it was given out\n")
            return
        self.asked += 1
        first, length = piece_range(len(self._data), piece)
        head = replace(_HEAD, length=length, size=len(self._data), sha256=self._record.sha256)
        sock.sendall(encode_response(replace(head, byte_range=(first, first + length - 1))))
        self.send_piece(sock, self._data[first : first + length])

    def send_piece(self, sock: socket.socket, piece: bytes) -> None:
        """Send what is to pass for `piece`, whose head has gone out."""
        raise NotImplementedError


class CorruptPeer(NewPeer):
    """Sends something else of the same length for every piece."""

    def send_piece(self, sock: socket.socket, piece: bytes) -> None:
        """Its hash, again and again."""
        sock.sendall((hashlib.sha256(piece).digest() * (len(piece) // DIGEST + 1))[: len(piece)])


class Staller(NewPeer):
    """Sends a few bytes of the first piece that a connection asks for, and then keeps it open."""

    def send_piece(self, sock: socket.socket, piece: bytes) -> None:
        """Right as far as it goes."""
        sock.sendall(piece[:100])
        self.over.wait()


_HEAD = Response(OK, Version.V11, "127.0.0.1", "Linux")


def _send(sock: socket.socket, head: Response, body: bytes, index: str | None = None) -> None:
    sock.sendall(encode_response(replace(head, length=len(body), index=index)) + body)
