"""The HTTP server under every page and call: bounded, with timeouts and a guard, and JSON answers to every mistake.

Every resource that is put under the root later is behind the same checks: `guard.check_host` for every request; and for
every method that may change something, the key, or a session and a page of this site. Where the site is not `is_open`,
reading takes the key or a session too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IProtocol, IReactorTime
from twisted.web import http, server
from twisted.web.resource import IResource, Resource

from .access import Access, check_origin
from .errors import ApiError
from .guard import SAFE_METHODS, check_host
from .request import MAX_BODY, Channel, ControlRequest

REQUEST_TIME = 20
"""Seconds from the connection, or from the answer before it, within which a request must be here whole."""

MAX_CONNECTIONS = 200
"""Most connections of a site at a time, so that files and peers have descriptors left. For one more, the one is closed
that has been idle for longest; it is closed itself if all are being answered."""

LOGIN = b"/login"
FOR_ALL = re.compile(rb"/(?:login|healthz|readyz|static/[a-z0-9.-]+)(?:\?.*)?")
"""The paths that need neither key nor session: they say nothing about peers and documents."""

_ALWAYS = {
    b"Cache-Control": b"no-store",
    b"Cross-Origin-Resource-Policy": b"same-origin",
    b"Referrer-Policy": b"no-referrer",
    b"X-Content-Type-Options": b"nosniff",
}


class _Refusal(Resource):
    isLeaf = True

    def __init__(self, error: ApiError) -> None:
        super().__init__()
        self._error = error

    def render(self, request: ControlRequest) -> int:
        return request.refuse(self._error)


class _ToLogin(Resource):
    """Sends a browser to the page on which a session begins."""

    isLeaf = True

    def render(self, request: ControlRequest) -> int:
        return request.answer_bytes(303, b"", {"Location": LOGIN.decode()})


def _wants_page(request: ControlRequest) -> bool:
    return request.method == b"GET" and any("text/html" in accepted for accepted in request.values("Accept"))


class ControlSite(server.Site):
    """Serves the tree under `root` to those who have `access`; to read takes none if it `is_open`."""

    protocol = Channel  # type: ignore[assignment]  # the parent's default adds HTTP/2 to it
    requestFactory = ControlRequest

    def __init__(self, root: IResource, access: Access, reactor: IReactorTime) -> None:
        super().__init__(root, timeout=REQUEST_TIME, reactor=reactor)
        self.is_open = True
        self.under_tls: Callable[[IProtocol], IProtocol] | None = None
        """Puts TLS under a connection, if it is to be there."""
        self._access = access
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
        connection = super().buildProtocol(addr)
        return connection if self.under_tls is None or connection is None else self.under_tls(connection)

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
            return _ToLogin() if error.status == 401 and _wants_page(request) else _Refusal(error)
        found: IResource = super().getResourceFor(request)
        return found

    def _check(self, request: ControlRequest) -> None:
        check_host(request.values("Host"), getattr(request.host, "host", None))
        if request.method in SAFE_METHODS:
            if not self.is_open and FOR_ALL.fullmatch(request.uri) is None:
                self._check_access(request)
        elif request.uri != LOGIN:  # which judges itself what the body says
            self._check_access(request)
            if not request.values("Authorization"):
                check_origin(request.values("Origin"), request.values("Host")[0])
            if request.room < 0:
                raise ApiError(413, f"a body has at most {MAX_BODY} bytes")

    def _check_access(self, request: ControlRequest) -> None:
        self._access.check(request.values("Authorization"), request.values("Cookie"), request.own_port)

    def trusts(self, request: ControlRequest) -> bool:
        """Return whether `request` carries the key or a session."""
        try:
            self._check_access(request)
        except ApiError:
            return False
        return True

    def log(self, request: http.Request) -> None:
        """Do nothing: there is no access log."""
