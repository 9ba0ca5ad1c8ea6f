"""Calls of the control API of another process on this machine, without waiting for them: for its parent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from twisted.internet import defer, error
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure

from .control_client import PATH, SOCKET_FILE

CALL_TIMEOUT = 5
"""Seconds that a call may take."""
MAX_ANSWER = 4 * 1024 * 1024
"""Longest answer, in bytes; that with most items has a tenth of it."""


class CallFailed(Exception):
    """The other process does not answer."""


class CallRefused(CallFailed):
    """The other process refuses the call: the HTTP status, and its line for people."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class _Get(Protocol):
    """One GET in HTTP/1.0: the answer ends with the connection, when `answer` fires with its bytes."""

    transport: ITCPTransport

    def __init__(self, uri: str) -> None:
        self._request = f"GET {uri} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode("ascii")
        self._received = bytearray()
        self.answer: Deferred[bytes] = Deferred(lambda _: self.transport.abortConnection())

    def connectionMade(self) -> None:
        """Send the request."""
        self.transport.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        """Collect the answer."""
        self._received += data
        if len(self._received) > MAX_ANSWER:
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Take what has come as the answer."""
        if not self.answer.called:
            self.answer.callback(bytes(self._received))


class _Factory(ClientFactory):
    """Makes the one `_Get` of a connection."""

    noisy = False

    def __init__(self, get: _Get) -> None:
        self._get = get

    def buildProtocol(self, addr: object) -> _Get:
        """Return it."""
        return self._get


class ForwardedCalls:
    """Calls the process whose state folder is `state_dir`."""

    def __init__(self, reactor: Any, state_dir: Path) -> None:
        self._reactor = reactor
        self._endpoint = UNIXClientEndpoint(reactor, os.fspath(state_dir / SOCKET_FILE), CALL_TIMEOUT)

    async def get(self, call: str, **query: str | int) -> Any:
        """Return the JSON that ``GET /api/v1/call?query`` is answered with. Raises CallFailed."""
        get = _Get(f"{PATH}{call}" + (f"?{urlencode(query)}" if query else ""))
        try:
            await self._endpoint.connect(_Factory(get))
            answer = await get.answer.addTimeout(CALL_TIMEOUT, self._reactor)
        except (error.ConnectError, OSError, defer.TimeoutError) as failed:
            raise CallFailed(f"{call}: {failed}") from None
        return _read(answer)


def _read(answer: bytes) -> Any:
    """Return the JSON of a whole HTTP answer. Raises CallFailed."""
    head, _, body = answer.partition(b"\r\n\r\n")
    try:
        status, data = int(head.split(None, 2)[1]), json.loads(body)
    except (IndexError, ValueError):
        raise CallFailed(f"no answer of the API: {head[:100]!r}") from None
    if status != 200:
        text = data.get("error") if isinstance(data, dict) else None
        raise CallRefused(status, str(text))
    return data
