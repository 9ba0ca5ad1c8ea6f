"""The least Twisted protocols over the parsers, to drive them as a connection would: in chunks, cut anywhere."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.testing import StringTransport
from twisted.protocols.basic import LineReceiver

from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.limits import MAX_LINE
from p2p_twisted.wire.messages import Request, Response, Version
from p2p_twisted.wire.parser import RequestParser
from p2p_twisted.wire.response_parser import ResponseParser


class _Lines(LineReceiver):
    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE + 1  # the CR before the LF

    def __init__(self) -> None:
        self.refused: str | None = None

    def refuse(self, reason: str) -> None:
        self.refused = reason
        self.transport.loseConnection()

    def lineLengthExceeded(self, line: bytes) -> None:
        self.refuse("a line is too long")


class RequestReceiver(_Lines):
    """Keeps the requests that came, in order; `refused` is the reason once one was refused."""

    def __init__(self) -> None:
        super().__init__()
        self.parser = RequestParser()
        self.requests: list[Request] = []

    def lineReceived(self, line: bytes) -> None:
        try:
            request = self.parser.line(line)
        except BadRequest as error:
            self.refuse(error.reason)
        else:
            self.requests += [] if request is None else [request]


class ResponseReceiver(_Lines):
    """Keeps (head, body) of the responses that came, in order; a body of 1.0 is all that follows its head."""

    def __init__(self) -> None:
        super().__init__()
        self.parser = ResponseParser()
        self.responses: list[tuple[Response, bytes]] = []

    def lineReceived(self, line: bytes) -> None:
        response = self.parser.line(line)
        if response is not None:
            self.responses.append((response, b""))
            if response.version is Version.V10 or response.length:
                self.setRawMode()

    def rawDataReceived(self, data: bytes) -> None:
        response, body = self.responses[-1]
        body += data
        cut = len(body) if response.length is None else response.length
        self.responses[-1] = response, body[:cut]
        if response.length is not None and len(body) >= cut:
            self.setLineMode(body[cut:])


def receive(receiver: RequestReceiver | ResponseReceiver, chunks: Iterable[bytes]) -> StringTransport:
    """Connect `receiver` and deliver `chunks` until it closes; returns its transport."""
    transport = StringTransport()
    receiver.makeConnection(transport)
    for chunk in chunks:
        if transport.disconnecting:
            break
        receiver.dataReceived(chunk)
    return transport


def parse(data: bytes) -> list[Request]:
    """The requests in `data`, whose last line must be complete; raises BadRequest."""
    parser = RequestParser()
    *lines, rest = data.split(b"\n")
    assert rest == b"", "not whole lines"
    return [request for line in lines if (request := parser.line(line)) is not None]


def parse_head(data: bytes) -> Response:
    """The one response head in `data`, empty line included; raises BadRequest."""
    parser = ResponseParser()
    found = [response for line in data.split(b"\n")[:-1] if (response := parser.line(line)) is not None]
    assert len(found) == 1
    return found[0]
