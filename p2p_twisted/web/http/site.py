"""The HTTP server under every page and call: bounded, with timeouts and a guard, and JSON answers to every mistake.

Every resource that is put under the root later is behind the same checks: `guard.check_host` for every request,
`guard.check_key` for every method that may change something.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import http, server
from twisted.web.resource import IResource, Resource

from ..api.schema import ErrorAnswer, encode
from .errors import ApiError
from .guard import SAFE_METHODS, check_host, check_key

MAX_BODY = 2**20
"""Most bytes of a request's body."""

REQUEST_TIME = 20
"""Seconds from the connection, or from the answer before it, within which a request must be here whole."""

MAX_CONNECTIONS = 200
"""Most connections of a site at a time, so that files and peers have descriptors left. For one more, the one is closed
that has been idle for longest; it is closed itself if all are being answered."""

_ABSOLUTE = re.compile(rb"http://([^/?#]*)(.*)", re.IGNORECASE)

_ALWAYS = {
    b"Cache-Control": b"no-store",
    b"Cross-Origin-Resource-Policy": b"same-origin",
    b"Referrer-Policy": b"no-referrer",
    b"X-Content-Type-Options": b"nosniff",
}


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

    `room` is how many more bytes of the body are kept: none for who has no key. Below 0 the body was too long.
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
        self.room = MAX_BODY if self.channel.site.trusts(self) else 0

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


class _Refusal(Resource):
    isLeaf = True

    def __init__(self, error: ApiError) -> None:
        super().__init__()
        self._error = error

    def render(self, request: ControlRequest) -> int:
        return request.refuse(self._error)


class ControlSite(server.Site):
    """Serves the tree under `root`; calls that change something only with `key`."""

    protocol = Channel  # type: ignore[assignment]  # the parent's default adds HTTP/2 to it
    requestFactory = ControlRequest

    def __init__(self, root: IResource, key: str, reactor: IReactorTime) -> None:
        super().__init__(root, timeout=REQUEST_TIME, reactor=reactor)
        self._key = key
        self.connections: dict[Channel, None] = {}
        """Those that have been idle for longest first."""

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Return a connection, for which another may be closed: see MAX_CONNECTIONS."""
        if len(self.connections) >= MAX_CONNECTIONS:
            idle = next((connection for connection in self.connections if not connection.is_answered), None)
            if idle is None:
                return None
            del self.connections[idle]
            idle.transport.abortConnection()  # type: ignore[union-attr]  # it is there while connected
        return super().buildProtocol(addr)

    def stopFactory(self) -> None:
        """Close the open connections, as soon as their answers are sent."""
        for connection in list(self.connections):
            connection.loseConnection()
        super().stopFactory()

    def getResourceFor(self, request: ControlRequest) -> IResource:
        """Return the resource under the request's path, or one that refuses the request."""
        request.channel.is_answered = True
        request.responseHeaders.removeHeader(b"Server")
        for name, value in _ALWAYS.items():
            request.responseHeaders.setRawHeaders(name, [value])
        try:
            self._check(request)
        except ApiError as error:
            return _Refusal(error)
        found: IResource = super().getResourceFor(request)
        return found

    def _check(self, request: ControlRequest) -> None:
        check_host(request.values("Host"), getattr(request.host, "host", None))
        if request.method not in SAFE_METHODS:
            check_key(request.values("Authorization"), self._key)
            if request.room < 0:
                raise ApiError(413, f"a body has at most {MAX_BODY} bytes")

    def trusts(self, request: ControlRequest) -> bool:
        """Return whether `request` carries the key."""
        try:
            check_key(request.values("Authorization"), self._key)
        except ApiError:
            return False
        return True

    def log(self, request: http.Request) -> None:
        """Do nothing: there is no access log."""
