"""A connection of the HTTP server and a request on it: bounded, with timeouts, and JSON answers to every mistake."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import http, server

from ..api.schema import ErrorAnswer, encode
from .errors import ApiError

if TYPE_CHECKING:
    from .site import ControlSite

MAX_BODY = 2**20
"""Most bytes of a request's body."""
MAX_STRANGERS_BODY = 1024
"""Most bytes of the body of a request without key and session: enough for one that begins a session."""

_ABSOLUTE = re.compile(rb"http://([^/?#]*)(.*)", re.IGNORECASE)


class Channel(http.HTTPChannel):
    """A connection. Bytes that trickle in buy no time: the idle timeout is a deadline for the whole request."""

    site: ControlSite
    is_answered = False
    """Whether a request that has come whole is being answered; else it is idle, or a request trickles in."""

    def connectionMade(self) -> None:
        """Add the connection to those of the site, which closes them when it stops."""
        self.site.connections[self] = None
        super().connectionMade()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Make room for another connection."""
        self.site.connections.pop(self, None)
        super().connectionLost(reason)

    def requestDone(self, request: http.Request) -> None:
        """Become idle, unless the next request has already arrived."""
        self.is_answered = False
        if self in self.site.connections:
            del self.site.connections[self]
            self.site.connections[self] = None  # behind all others
        super().requestDone(request)

    def resetTimeout(self) -> None:
        """Do nothing: TimeoutMixin calls this at every byte, but the timeout starts again only after an answer."""


class ControlRequest(server.Request):
    """A request whose body is bounded, and which answers in JSON also when something is wrong.

    `room` is how many more bytes of the body are kept. Below 0 the body was too long.
    """

    _log = Logger()
    channel: Channel
    room = 0
    gone = False

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Handle ``GET http://HOST/PATH`` (RFC 9112, section 3.2.2): HOST counts, not the header Host."""
        absolute = _ABSOLUTE.fullmatch(path)
        if absolute is not None:
            self.requestHeaders.setRawHeaders(b"host", [absolute[1]])
            path = absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
        super().requestReceived(command, path, version)

    def gotLength(self, length: int | None) -> None:
        """Prepare for a body, which may follow. It is not put into `content`, which would be parsed as a form."""
        self.content, self._body = BytesIO(), BytesIO()
        self.room = MAX_BODY if self.channel.site.trusts(self) else MAX_STRANGERS_BODY

    def handleContentChunk(self, data: bytes) -> None:
        """Take a part of the body."""
        self.room -= len(data)
        if self.room >= 0:
            self._body.write(data)

    def body(self) -> bytes:
        """Return the part of the body that was kept."""
        return self._body.getvalue()

    def connectionLost(self, reason: Failure) -> None:
        """Note that the caller has disconnected."""
        self.gone = True
        super().connectionLost(reason)

    @property
    def own_port(self) -> int:
        """The port that the caller connected to; 0 for a Unix socket."""
        return getattr(self.host, "port", 0)

    def values(self, header: str) -> list[str]:
        """Return every value of `header` as text; bytes that are not ASCII become characters that match nothing."""
        return [raw.decode("ascii", "replace") for raw in self.requestHeaders.getRawHeaders(header.encode(), [])]

    def answer(self, status: int, data: Any, headers: Mapping[str, str] | None = None) -> int:
        """Answer with the JSON of `data`, unless the caller is gone. Returns NOT_DONE_YET, for `render` to return."""
        return self.answer_bytes(status, encode(data) + b"\n", {"Content-Type": "application/json", **(headers or {})})

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Set status and headers of the answer; the caller writes the rest."""
        self.setResponseCode(status)
        for name, value in headers.items():
            self.responseHeaders.setRawHeaders(name.encode(), [value.encode()])

    def answer_bytes(self, status: int, body: bytes, headers: Mapping[str, str]) -> int:
        """Answer with `body`, unless the caller is gone. Returns NOT_DONE_YET."""
        if not self.gone:
            self.begin(status, {**headers, "Content-Length": str(len(body))})
            self.write(body)
            self.finish()
        return server.NOT_DONE_YET

    def refuse(self, error: ApiError) -> int:
        """Answer with what is wrong."""
        return self.answer(error.status, ErrorAnswer(error.text), error.headers)

    def processingFailed(self, reason: Failure) -> Failure:
        """Log the failure, and answer without its details."""
        self._log.failure("{method} {path} failed", reason, method=self.method, path=self.path)
        self.refuse(ApiError(500, "this call failed; the log says why"))
        return reason
