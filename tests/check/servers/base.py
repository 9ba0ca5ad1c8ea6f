"""A server on a plain socket, with a thread for each connection: what honest and wrong servers of these tests share."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

TIMEOUT = 10.0
"""Seconds that a connection waits for the rest of a request."""
MAX_LINE = 8192


class BadRequest(Exception):
    """The request is refused; the text says why."""


class Server:
    """Listens on a port of its own, from the start of a context to its end. Subclasses say how to `serve`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self.listener.getsockname()[1]

    def __enter__(self) -> Server:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """Take no connections any more."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def start(self, sock: socket.socket) -> None:
        """Serve a connection in a thread of its own."""
        threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def serve(self, sock: socket.socket) -> None:
        """Read a request and answer it."""
        raise NotImplementedError

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.settimeout(TIMEOUT)
                self.start(sock)

    def _serve(self, sock: socket.socket) -> None:
        with sock, suppress(OSError):
            self.serve(sock)


class Lines:
    """The lines that come over a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""

    def next(self) -> str:
        """Return the next line without its end. Raises BadRequest."""
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_LINE or not (data := self._sock.recv(4096)):
                raise BadRequest("a line is too long, or the request is not complete")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            return line.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            raise BadRequest("a line is not UTF-8") from None

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes. Raises BadRequest."""
        while len(self._buffer) < size:
            if not (data := self._sock.recv(4096)):
                raise BadRequest("the request is not complete")
            self._buffer += data
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found
