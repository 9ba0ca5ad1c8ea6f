"""One call of the API: its query and body, strictly, and the resource that hands it to a plain function.

A handler is given a `Call` and returns an `Answer`, mostly a `Reply`, or a Deferred of one. It raises ApiError, or
BadRequest: a 400.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from ...wire import fields
from ...wire.errors import BadRequest
from ...wire.visible import MAX_SHOWN
from .errors import ApiError
from .media_type import check_json
from .request import ControlRequest

PATH = "/api/v1"

MAX_QUERY = 4096
"""Longest query string, in bytes."""

MAX_LIMIT = 1000
"""Most items of one answer."""

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")

DEFAULT_LIMIT = 100
"""Items of one answer unless asked for another number."""

BYTES = "application/octet-stream"


class Answer(Protocol):
    """The answer to a call."""

    def send(self, request: ControlRequest) -> int:
        """Answer `request`, or begin to. Return NOT_DONE_YET."""


@dataclass(frozen=True)
class Reply:
    """An answer: `data`, which is of the schema or plain JSON."""

    data: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(self, request: ControlRequest) -> int:
        """Answer `request`. Returns NOT_DONE_YET."""
        return request.answer(self.status, self.data, self.headers)


class Call:
    """A request as a handler sees it."""

    def __init__(self, request: ControlRequest) -> None:
        self._request = request

    def query(self, allowed: Collection[str] = ()) -> dict[str, str]:
        """Return the query parameters, each given at most once. Raises BadRequest for any that is not in `allowed`."""
        _, _, raw = self._request.uri.partition(b"?")
        if len(raw) > MAX_QUERY:
            raise BadRequest(f"the query has at most {MAX_QUERY} bytes")
        try:
            if _BAD_ESCAPE.search(raw):
                raise ValueError
            pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=16)
        except ValueError:
            raise BadRequest("the query is not one of NAME=VALUE pairs in percent-encoded UTF-8") from None
        return _known(pairs, allowed, "parameter")

    @property
    def own_port(self) -> int:
        """The port that the caller connected to; 0 for a Unix socket."""
        return self._request.own_port

    @property
    def is_secure(self) -> bool:
        """Whether the connection is one of TLS."""
        return bool(self._request.isSecure())

    @property
    def may_change(self) -> bool:
        """Whether the caller has the key or a session, and may make calls that change something."""
        return self._request.channel.site.trusts(self._request)

    def header(self, name: str) -> list[str]:
        """Return every value of the header `name`."""
        return self._request.values(name)

    def bytes(self) -> bytes:
        """Return the body as it is. Raises ApiError unless its Content-Type is that of bytes."""
        if self._request.values("Content-Type") != [BYTES]:
            raise ApiError(415, f"the body must be bytes, with Content-Type: {BYTES}")
        return self._request.body()

    def body(self, allowed: Collection[str]) -> dict[str, Any]:
        """Return the members of the JSON object in the body. Raises ApiError or BadRequest if it is anything else."""
        check_json(self._request.values("Content-Type"), self._request.values("Content-Encoding"))
        try:
            value = json.loads(self._request.body().decode("utf-8-sig"), object_pairs_hook=_Members)
        except (ValueError, RecursionError):
            raise BadRequest("the body is not JSON in UTF-8") from None
        if not isinstance(value, _Members):
            raise BadRequest("the body must be a JSON object")
        return _known(value.pairs, allowed, "member")


class _Members:
    """A JSON object with all its members in order, so that one given twice is seen."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _known(pairs: list[tuple[str, Any]], allowed: Collection[str], what: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in allowed:
            raise BadRequest(f"unknown {what} {name[:MAX_SHOWN]!a}; known here: {', '.join(allowed) or 'none'}")
        if name in found:
            raise BadRequest(f"the {what} {name} is given twice")
        found[name] = value
    return found


def paging(query: Mapping[str, str]) -> tuple[int, int]:
    """Return `limit` and `offset` of a query. Raises BadRequest."""
    limit = fields.number(query["limit"], "limit", 1, MAX_LIMIT) if "limit" in query else DEFAULT_LIMIT
    return limit, fields.number(query.get("offset", "0"), "offset", 0, 2**31)


Handler = Callable[[Call], "Answer | Deferred[Answer] | Deferred[Reply]"]


class Endpoint(Resource):
    """A path of the API; the methods it knows, each with its handler. HEAD is GET without the body."""

    def __init__(self, handlers: Mapping[bytes, Handler] | None = None) -> None:
        super().__init__()
        self._handlers = dict(handlers or {})

    def getChild(self, path: bytes, request: ControlRequest) -> Resource:
        """Return a path that does not exist, for anything that was not put here."""
        return Endpoint()

    def render(self, request: ControlRequest) -> int:
        """Answer, now or when the handler's Deferred fires."""
        handler = self._handlers.get(b"GET" if request.method == b"HEAD" else request.method)
        if handler is None:
            return request.refuse(self._refusal())
        try:
            outcome = handler(Call(request))
        except (ApiError, BadRequest) as error:
            return request.refuse(_as_refusal(error))
        if not isinstance(outcome, Deferred):
            return outcome.send(request)
        outcome.addCallback(lambda reply: reply.send(request)).addErrback(_failed, request)
        return NOT_DONE_YET

    def _refusal(self) -> ApiError:
        if not self._handlers:
            return ApiError(404, "there is nothing at this path")
        allowed = [name.decode() for name in self._handlers] + ["HEAD"] * (b"GET" in self._handlers)
        return ApiError(405, f"the methods here are {', '.join(allowed)}", {"Allow": ", ".join(allowed)})


def plain(data: Callable[[], object]) -> Endpoint:
    """Return a path that answers a GET, which has no parameters, with the result of `data`."""

    def handler(call: Call) -> Reply:
        call.query()
        return Reply(data())

    return Endpoint({b"GET": handler})


class ApiRoot(Endpoint):
    """The root of a site: the API under PATH, and pages beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.add_pages: Callable[[ApiRoot], object] | None = None
        """Puts the pages here, when one is asked for first; None when they are here."""
        api, self._v1 = Endpoint(), Endpoint()
        self.putChild(b"api", api)
        api.putChild(b"v1", self._v1)

    def getChild(self, path: bytes, request: ControlRequest) -> Resource:
        """Return what is at a path that was not put here before: a page, if they are yet to be put here."""
        if self.add_pages is None:
            return super().getChild(path, request)
        add, self.add_pages = self.add_pages, None
        add(self)
        found: Resource = self.getChildWithDefault(path, request)
        return found

    def add(self, name: str, resource: Resource) -> None:
        """Put `resource` under PATH."""
        self._v1.putChild(name.encode(), resource)


def api_root(**paths: Resource) -> ApiRoot:
    """Return the root of a site with `paths` under PATH."""
    root = ApiRoot()
    for name, resource in paths.items():
        root.add(name, resource)
    return root


def _as_refusal(error: ApiError | BadRequest) -> ApiError:
    return error if isinstance(error, ApiError) else ApiError(400, error.reason)


def _failed(failure: Failure, request: ControlRequest) -> None:
    error = failure.value
    if isinstance(error, (ApiError, BadRequest)):
        request.refuse(_as_refusal(error))
    else:
        request.processingFailed(failure)
