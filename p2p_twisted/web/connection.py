"""A blocking HTTP connection to the control API: as little of HTTP as its answers need.

``http.client`` knows more, but importing it takes a third of the time of a short command.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping

MAX_HEAD = 64 * 1024
"""Longest status line and headers of a response, in bytes."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: |\Z)")


class Connection:
    """A connection to `address`, the path of a Unix socket or (host, port), which is opened when it is needed.

    `timeout` is in seconds, for each wait. All methods raise OSError (TimeoutError, and ConnectionError when the other
    side closes), and ValueError for a response that is not HTTP.
    """

    def __init__(self, address: str | tuple[str, int], timeout: float) -> None:
        self.timeout = timeout
        self._address = address
        self._socket: socket.socket | None = None
        self._received = b""

    @property
    def is_open(self) -> bool:
        """Whether the next request goes over a connection that has been used before."""
        return self._socket is not None

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._received = None, b""

    def exchange(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send a request; return the status and the body of the response."""
        self.request(method, path, body, headers)
        status, fields = self.receive_head()
        length = int(fields.get("content-length", "0"))
        while len(self._received) < length:
            self._received += self.receive()
        found, self._received = self._received[:length], self._received[length:]
        if fields.get("connection", "").lower() == "close":
            self.close()
        return status, found

    def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str], version: str = "1.1") -> None:
        """Send a request. To one of HTTP/1.0 the response is not cut into chunks, and ends with the connection."""
        if self._socket is None:
            self._socket = self._connect()
        self._socket.settimeout(self.timeout)
        lines = [
            f"{method} {path} HTTP/{version}",
            "Host: localhost",
            *(f"{name}: {headers[name]}" for name in headers),
        ]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def receive_head(self) -> tuple[int, dict[str, str]]:
        """Return the status and the headers of the response, their names in lower case."""
        while b"\r\n\r\n" not in self._received:
            if len(self._received) > MAX_HEAD:
                raise ValueError("the answer is not HTTP")
            self._received += self.receive()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        status = _STATUS.match(first)
        if status is None:
            raise ValueError("the answer is not HTTP")
        pairs = [line.decode("latin-1").partition(":") for line in lines]
        return int(status[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}

    def receive(self, timeout: float | None = None) -> bytes:
        """Return the next bytes, after `timeout` seconds at most, by default the connection's own."""
        if self._socket is None:
            raise ConnectionError("the connection is closed")
        self._socket.settimeout(self.timeout if timeout is None else timeout)
        data = self._socket.recv(256 * 1024)
        if not data:
            raise ConnectionError("the connection was closed")
        return data

    def take(self) -> bytes:
        """Return the bytes that were received behind the head of a response."""
        found, self._received = self._received, b""
        return found

    def _connect(self) -> socket.socket:
        if not isinstance(self._address, str):
            return socket.create_connection(self._address, self.timeout)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(self.timeout)
            connection.connect(self._address)
        except BaseException:
            connection.close()
            raise
        return connection
