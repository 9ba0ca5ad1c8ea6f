"""The messages that arrive on one direction of a connection, for somebody who looks on and answers nothing.

Nothing is refused here: what the parsers refuse is a message of the kind ``garbage``, and the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .errors import BadRequest
from .limits import MAX_LINE
from .parser import RequestParser
from .response_parser import ResponseParser

MAX_HEAD_KEPT = 4096
"""Bytes of a head, or of garbage, that are kept."""
MAX_BODY_KEPT = 1024
"""Bytes of a body that are kept."""


@dataclass
class SeenMessage:
    """One message as it arrived: `began` and `ended` are the times of its first and its last byte, in seconds.

    `kind` is request, response or garbage. `head` has its lines up to the empty one, of a request the data lines too;
    `body` is the beginning of what follows, and `length` how many bytes that is. Both are cut where they are long.
    """

    kind: str
    began: float
    ended: float = 0.0
    head: bytes = b""
    body: bytes = b""
    length: int = 0


class Onlooker:
    """Takes the bytes of one direction, cut anywhere; subclasses know where a head ends, and how long its body is."""

    kind = ""

    def __init__(self) -> None:
        self._line = b""
        self._message: SeenMessage | None = None
        self._in_body = False
        self._left: int | None = 0  # of the body; None: it ends with the connection
        self._is_lost = False  # no message is found any more

    def feed(self, data: bytes, now: float) -> Iterator[SeenMessage]:
        """Take bytes that came `now`; yield each message that they complete."""
        while data and not self._is_lost:
            message = self._message = self._message or SeenMessage(self.kind, now)
            data = self._take_body(message, data) if self._in_body else self._take_line(message, data)
            if self._is_lost or (self._in_body and self._left == 0):
                yield self._finish(message, now)

    def end(self, now: float) -> Iterator[SeenMessage]:
        """Yield the message that the end of the connection completes, or cuts off."""
        if self._message is not None:
            yield self._finish(self._message, now)

    def head_line(self, line: bytes) -> bool:
        """Take a line without its LF; return whether the head ends with it. Raises BadRequest."""
        raise NotImplementedError

    def body_length(self) -> int | None:
        """Return how many bytes follow the head that has ended; None: until the connection ends."""
        raise NotImplementedError

    def _take_line(self, message: SeenMessage, data: bytes) -> bytes:
        line, newline, rest = data.partition(b"\n")
        message.head = (message.head + line + newline)[:MAX_HEAD_KEPT]
        self._line += line
        try:
            if len(self._line) > MAX_LINE + 1:
                raise BadRequest("too long")
            if newline:
                line, self._line = self._line, b""
                self._in_body = self.head_line(line)
                self._left = self.body_length() if self._in_body else 0
        except BadRequest:
            message.kind, self._is_lost = "garbage", True
        return rest

    def _take_body(self, message: SeenMessage, data: bytes) -> bytes:
        part = data if self._left is None else data[: self._left]
        if self._left is not None:
            self._left -= len(part)
        message.body += part[: MAX_BODY_KEPT - len(message.body)]
        message.length += len(part)
        return data[len(part) :]

    def _finish(self, message: SeenMessage, now: float) -> SeenMessage:
        self._message, self._in_body = None, False
        message.ended = now
        return message


class RequestOnlooker(Onlooker):
    """For what a server receives."""

    kind = "request"

    def __init__(self) -> None:
        super().__init__()
        self._parser = RequestParser()

    def head_line(self, line: bytes) -> bool:
        """Take a line; the data lines count as part of the head."""
        return self._parser.line(line) is not None

    def body_length(self) -> int:
        """Return 0: nothing else follows."""
        return 0


class ResponseOnlooker(Onlooker):
    """For what a client receives."""

    kind = "response"

    def __init__(self) -> None:
        super().__init__()
        self._parser = ResponseParser()
        self._length: int | None = 0

    def head_line(self, line: bytes) -> bool:
        """Take a line of the head."""
        response = self._parser.line(line)
        if response is not None:
            self._length = response.length
        return response is not None

    def body_length(self) -> int | None:
        """Return what the head says."""
        return self._length
