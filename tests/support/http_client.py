"""A raw HTTP client: what is sent and what comes back are bytes, so that nothing hostile is tidied up on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

KEY = "0123456789abcdef" * 4


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        assert list(self.json) == ["error"], self.json
        return self.json["error"]


class Raw(Protocol):
    """Sends bytes, and collects what comes until the server closes."""

    def __init__(self, data: bytes) -> None:
        self.done: Deferred[bytes] = Deferred()
        self._data = data
        self._received = b""

    def connectionMade(self) -> None:
        self.transport.write(self._data)

    def dataReceived(self, data: bytes) -> None:
        self._received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.done.callback(self._received)


async def exchange(endpoint: IStreamClientEndpoint, data: bytes) -> bytes:
    """All bytes that come back for `data`."""
    raw = Raw(data)
    await connectProtocol(endpoint, raw)
    return await raw.done


def parse(data: bytes) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, body)


def request(
    method: str,
    path: str,
    body: bytes = b"",
    host: str | None = "localhost",
    key: str | None = KEY,
    content_type: str | None = "application/json",
    extra: str = "",
) -> bytes:
    """The bytes of a request that asks for the connection to be closed behind it."""
    lines = [f"{method} {path} HTTP/1.1", "Connection: close"]
    if host is not None:
        lines.append(f"Host: {host}")
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n" + extra + "\r\n").encode() + body
