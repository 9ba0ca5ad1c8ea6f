"""Messages to bytes: the inverse of `parser`. Lines end in a bare LF, as those of existing clients and servers do."""

from __future__ import annotations

from functools import lru_cache, singledispatch

from .errors import OK, PHRASES
from .fields import modified_text, split_type
from .handout import encode_head
from .messages import (
    Cancel,
    GetFile,
    GetIndex,
    GetNext,
    GetPieces,
    GetSources,
    GetTurn,
    Hello,
    KeepAlive,
    Leave,
    Message,
    PQuery,
    Probe,
    Register,
    Request,
    Response,
    Search,
    Version,
)
from .ranges import format_ranges
from .search_terms import format_terms

VERSION_WORD = {Version.V10: "P2P_DI_1.0", Version.V11: "P2P_DI_1.1"}
"""The version as the first line of a request has it."""

Parts = tuple[str, list[tuple[str, str]], list[str]]
"""A message in parts: METHOD SP DOCUMENT, the headers of 1.1, the data lines."""


@singledispatch
def _parts(message: Message) -> Parts:
    raise TypeError(f"not a message: {message!r}")


@_parts.register
def _(message: Register) -> Parts:
    cookie = "" if message.cookie is None else str(message.cookie)
    return "Register NULL", [], [f"cookie:{cookie}", f"port:{message.port}"]


@_parts.register
def _(message: Leave) -> Parts:
    return "Leave NULL", [], [f"cookie:{message.cookie}", f"port:{message.port}"]


@_parts.register
def _(message: KeepAlive) -> Parts:
    return "KeepAlive NULL", [], [f"cookie:{message.cookie}", f"port:{message.port}"]


@_parts.register
def _(message: PQuery) -> Parts:
    headers = []
    if message.limit is not None:
        headers.append(("Limit", str(message.limit)))
    if message.after is not None:
        headers.append(("After", f"{message.after[0]} {message.after[1]}"))
    if message.sample is not None:
        headers.append(("Sample", str(message.sample)))
    return "PQuery NULL", headers, [f"cookie:{message.cookie}", f"port:{message.port}"]


@_parts.register
def _(message: GetIndex) -> Parts:
    headers = []
    if message.since is not None:
        headers.append(("Since", message.since))
    if message.follow:
        headers.append(("Follow", "yes"))
    if message.hearsay:
        headers.append(("Hearsay", "yes"))
    return "GET INDEX", headers, []


@_parts.register
def _(message: GetFile) -> Parts:
    headers = []
    if message.sha256 is not None:
        headers.append(("SHA-256", message.sha256))
    if message.byte_range is not None:
        headers.append(("Range", f"{message.byte_range[0]}-{message.byte_range[1]}"))
    return "GET FILE", headers, list(split_type(message.name))


@_parts.register
def _(message: GetPieces) -> Parts:
    return "GET PIECES", [("SHA-256", message.sha256)], []


@_parts.register
def _(message: GetNext) -> Parts:
    return "GET NEXT", [], [f"{sha256} {format_ranges(pieces)}" for sha256, pieces in message.wants]


@_parts.register
def _(message: GetTurn) -> Parts:
    return "GET TURN", [("News", "yes")] if message.news else [], []


@_parts.register
def _(message: GetSources) -> Parts:
    return "GET SOURCES", [("SHA-256", message.sha256)], [f"port:{message.port}"]


@_parts.register
def _(message: Search) -> Parts:
    headers = [("Limit", str(message.limit))] if message.limit is not None else []
    return "SEARCH INDEX", headers, [format_terms(message.terms)]


@_parts.register
def _(message: Cancel) -> Parts:
    return (
        "CANCEL FILE",
        [("SHA-256", message.sha256), ("Range", f"{message.byte_range[0]}-{message.byte_range[1]}")],
        [],
    )


@_parts.register
def _(message: Hello) -> Parts:
    return "Hello NULL", [], [f"port:{message.port}"]


@_parts.register
def _(message: Probe) -> Parts:
    return "Probe NULL", [], [f"port:{message.port}"]


def encode_request(request: Request, length: bool = False) -> bytes:
    """Return the bytes of `request`; with `length`, a 1.1 request has a Length header for its data.

    The first request to a server that has not yet answered in 1.1 must have neither headers nor `length`
    (protocol, "First contact").
    """
    what, headers, data = _parts(request.message)
    body = "".join(f"{line}\n" for line in data).encode()
    lines = [f"{what} {VERSION_WORD[request.version]}", f"Host {request.host}", f"OS {request.os}"]
    if request.version is Version.V11:
        if body and (length or isinstance(request.message, GetNext)):
            headers.append(("Length", str(len(body))))
        lines += [f"{key}: {value}" for key, value in headers]
    return "\n".join(lines).encode() + b"\n\n" + body


def encode_response(response: Response) -> bytes:
    """Return the head of `response` with the empty line; the body follows as it is."""
    if response.version is Version.HANDOUT:
        return encode_head(response)
    lines = [
        f"{response.status} {PHRASES[response.status]} {response.version.value}",
        f"Host: {response.host}",
        f"OS: {response.os}",
    ]
    if response.version is Version.V11:
        lines += [f"{key}: {value}" for key, value in _headers(response)]
    return "\n".join(lines).encode() + b"\n\n"


@lru_cache(maxsize=4096)
def granting_head(version: Version, host: str, os: str, length: int, more: bool = False) -> bytes:
    """Return the head of an answer that grants a request and has none but these headers; made once for many."""
    return encode_response(Response(OK, version, host, os, length, more=more))


def _headers(response: Response) -> list[tuple[str, str]]:
    byte_range = None if response.byte_range is None else f"{response.byte_range[0]}-{response.byte_range[1]}"
    named = [
        ("Length", response.length),
        ("Size", response.size),
        ("SHA-256", response.sha256),
        ("Range", byte_range),
        ("Modified", None if response.modified is None else modified_text(response.modified)),
        ("More", "yes" if response.more else None),
        ("Index", response.index),
        ("Since", response.since),
        ("Retry-After", response.retry_after),
        ("Site", response.site),
        ("Turns", response.turns),
    ]
    return [(key, str(value)) for key, value in named if value is not None]
