"""Lines to requests, one line at a time, so that it does not matter how the bytes were cut on their way.

The rules of a request: a first line ``METHOD SP DOCUMENT SP VERSION``; a Host and an OS line, each once; in 1.1 other
headers, each at most once, unknown ones passed over; an empty line; then data, as many lines as the method has, or as
many bytes as the header Length says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from . import fields
from .errors import BadRequest
from .head import Head, text_of
from .limits import MAX_DATA, MAX_LINE
from .messages import (
    GetFile,
    GetIndex,
    KeepAlive,
    Leave,
    Message,
    PQuery,
    Register,
    Request,
    Version,
)

Headers = Mapping[str, str]
Build = Callable[[Headers, "list[str]"], Message]

_ENVELOPE = re.compile(rf"(Host|OS):? ([^ {fields.CONTROL}][^{fields.CONTROL}]{{0,254}})")
_HEADER = re.compile(rf"(?!(?:Host|OS):)([A-Za-z][A-Za-z0-9-]{{0,63}}): ([^{fields.CONTROL}]*)")


def _value(line: str, *keys: str) -> str:
    key, colon, value = line.partition(":")
    if not colon or key not in keys:
        raise BadRequest(f"a data line must be {' or '.join(f'{k}:VALUE' for k in keys)}")
    return value


def _who(data: list[str]) -> tuple[int, int]:
    return fields.cookie(_value(data[0], "cookie")), fields.port(_value(data[1], "port"))


def _register(headers: Headers, data: list[str]) -> Message:
    text = _value(data[0], "cookie")
    return Register(fields.cookie(text) if text else None, fields.port(_value(data[1], "port")))


def _pquery(headers: Headers, data: list[str]) -> Message:
    limit, after = headers.get("Limit"), headers.get("After")
    return PQuery(
        fields.cookie(_value(data[0], "cookie")),
        fields.port(_value(data[1], "port", "cookie")),  # existing clients label the port "cookie"
        None if limit is None else fields.number(limit, "Limit", 1),
        None if after is None else fields.address(after),
    )


def _get_file(headers: Headers, data: list[str]) -> Message:
    span, sha256 = headers.get("Range"), headers.get("SHA-256")
    return GetFile(
        fields.name(fields.join_type(*data)),
        None if span is None else fields.span(span),
        None if sha256 is None else fields.sha256(sha256),
    )


METHODS: dict[str, tuple[int, Build]] = {
    "Register NULL": (2, _register),
    "Leave NULL": (2, lambda headers, data: Leave(*_who(data))),
    "KeepAlive NULL": (2, lambda headers, data: KeepAlive(*_who(data))),
    "PQuery NULL": (2, _pquery),
    "GET INDEX": (0, lambda headers, data: GetIndex()),
    "GET FILE": (2, _get_file),
}
"""METHOD SP DOCUMENT -> how many data lines it has, and what makes the message of headers and data lines."""

VERSIONS = {
    f"P2P{a}DI{b}1.{minor}": version
    for minor, version in ((0, Version.V10), (1, Version.V11))
    for a, b in (("_", "_"), ("-", "_"), ("-", "/"))
}
"""Every spelling of the version that clients use."""

_FIRST_LINES = {f"{what} {word}".encode(): (what, v) for what in METHODS for word, v in VERSIONS.items()}


def _first_line(line: bytes) -> tuple[str, Version]:
    known = _FIRST_LINES.get(line)
    if known is not None:
        return known
    words = line.decode("ascii", "replace").split(" ")
    if len(words) != 3:
        raise BadRequest("the first line must be METHOD DOCUMENT VERSION")
    method, document, version = words
    if version not in VERSIONS:
        raise BadRequest("unknown version: P2P_DI_1.0 and P2P_DI_1.1 are spoken here")
    what = f"{method} {document.upper() if method == 'GET' else document}"
    if what not in METHODS:
        raise BadRequest("unknown method or document")
    return what, VERSIONS[version]


def _request_headers(lines: list[bytes], version: Version) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw in lines:
        line = text_of(raw)
        match = _ENVELOPE.fullmatch(line) or (version is Version.V11 and _HEADER.fullmatch(line))
        if not match:
            raise BadRequest("after the first line come Host ADDRESS, OS TEXT and an empty line")
        key, value = match.groups()
        if key in headers:
            raise BadRequest(f"a second {key}")
        headers[key] = value
    if "Host" not in headers or "OS" not in headers:
        raise BadRequest("a request needs a Host and an OS line")
    return headers


class RequestParser:
    """Turns the lines of a connection into Requests. After it has raised, the connection is of no more use."""

    def __init__(self) -> None:
        self._head = Head()
        self._data: list[bytes] | None = None

    @property
    def idle(self) -> bool:
        """Whether it stands between two requests: nothing of the next one has come."""
        return self._data is None and self._head.empty

    def line(self, line: bytes) -> Request | None:
        """Take one line without its LF (a CR at its end is dropped); returns the Request that it completes.

        Raises BadRequest (errors.py) when it is not a request of this protocol or goes over the limits.
        """
        if self._data is None:
            lines = self._head.add(line[:-1] if line.endswith(b"\r") else line)
            return None if lines is None else self._begin(lines)
        self._left -= len(line) + 1
        line = line[:-1] if line.endswith(b"\r") else line
        self._data.append(line)
        if len(line) > MAX_LINE or self._left < 0:
            raise BadRequest("the data is longer than it may be, or than Length says")
        return self._finish() if self._complete() else None

    def _begin(self, lines: list[bytes]) -> Request | None:
        what, self._version = _first_line(lines[0])
        self._count, self._build = METHODS[what]
        self._headers = _request_headers(lines[1:], self._version)
        length = self._headers.get("Length")
        self._exact = length is not None
        self._left = MAX_DATA if length is None else fields.number(length, "Length", 0, MAX_DATA)
        self._data = []
        return self._finish() if self._complete() else None

    def _complete(self) -> bool:
        return self._left == 0 if self._exact else len(self._data or ()) == self._count

    def _finish(self) -> Request:
        data = [text_of(line) for line in self._data or ()]
        self._data = None
        if len(data) != self._count:
            raise BadRequest(f"this message has {self._count} data lines")
        headers = self._headers
        message = self._build(headers, data)
        return Request(message, self._version, fields.host(headers["Host"]), headers["OS"])
