"""Writing at once what the kernel takes, and requests together where they are made together.

`write` of a transport waits for the next turn of the reactor, which costs two changes of what it waits for and a look
at all connections: as much as to read and answer a short request.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.tcp import Connection

from ..wire.encode import encode_request
from ..wire.messages import GetTurn, Message, Request, Version, first_contact
from . import OS_NAME

_MORE = getattr(socket, "MSG_MORE", 0)


def can_send(transport: Any) -> bool:
    """Return whether what is sent now is the next that `transport` sends: it is plain TCP, and nothing waits in it."""
    if not isinstance(transport, Connection) or transport.TLS or transport.producer is not None:
        return False
    waits = transport.dataBuffer or getattr(transport, "_tempDataLen", True)
    return bool(transport.connected) and not waits and not transport.disconnecting


def write(transport: Any, data: bytes, waiting: int = 0, more: bool = False) -> int:
    """Write `data`, at once if that is possible; with `more`, what follows goes into the same packet.

    Returns the bytes that may wait in the transport now; before, there were `waiting`.
    """
    if can_send(transport):
        waiting, data = 0, _send(transport, data, more)
    if data:
        transport.write(data)
    return waiting + len(data)


def _send(transport: Any, data: bytes, more: bool) -> bytes:
    """Send `data`; return what the kernel does not take."""
    try:
        return data[transport.getHandle().send(data, _MORE if more else 0) :]
    except OSError:
        return data  # if the connection is lost, the transport finds that out when it writes


class RequestWriter:
    """Writes requests to `transport`, with `host` in the Host line."""

    def __init__(self, transport: Any, host: str) -> None:
        self._transport = transport
        self._host = host
        self._held = 0
        self._unwritten: list[bytes] = []

    def write(self, message: Message, known: bool) -> None:
        """Write a request; `known` says that the server speaks 1.1."""
        request = Request(message if known else first_contact(message), Version.V11, self._host, OS_NAME)
        data = encode_request(request, length=known)
        if self._held:
            self._unwritten.append(data)
        elif isinstance(message, GetTurn):  # it comes alone
            write(self._transport, data)
        else:
            self._transport.write(data)

    def hold(self) -> None:
        """Write nothing until `flush`: what was received leads to several requests, which fit into one packet."""
        self._held += 1

    def flush(self) -> None:
        """Write what was held, unless `hold` was called more often than this."""
        self._held -= 1
        if self._unwritten and not self._held:
            unwritten, self._unwritten = self._unwritten, []
            write(self._transport, b"".join(unwritten))
