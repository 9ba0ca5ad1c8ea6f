"""Lines to requests, one line at a time, so that it does not matter how the bytes were cut on their way.

The rules of a request: a first line ``METHOD SP DOCUMENT SP VERSION``; a Host and an OS line, each once; in 1.1 other
headers, each at most once, unknown ones ignored; an empty line; then data: as many lines as the method has, or as many
bytes as the header Length says. `METHODS` has the data lines of each method, and what makes the message of all that.
"""

from __future__ import annotations

import re

from . import fields
from .errors import BadRequest
from .handout import parse_first_line
from .limits import MAX_DATA, MAX_HEAD, MAX_HEAD_LINES, MAX_LINE
from .messages import NO_COOKIE, KeepAlive, Leave, Message, PQuery, Register, Request, Version
from .peer_methods import PEER_METHODS, Build, Headers, optional


def _cookie(text: str) -> int:
    return NO_COOKIE if text == str(NO_COOKIE) else fields.cookie(text)


def _cookie_and_port(data: list[str]) -> tuple[int, int]:
    return _cookie(fields.labelled(data[0], "cookie")), fields.port_line(data[1])


def _register(headers: Headers, data: list[str]) -> Message:
    text = fields.labelled(data[0], "cookie")
    return Register(_cookie(text) if text else None, fields.port_line(data[1]))


def _pquery(headers: Headers, data: list[str]) -> Message:
    return PQuery(
        _cookie(fields.labelled(data[0], "cookie")),
        fields.port(fields.labelled(data[1], "port", "cookie")),  # existing clients label the port "cookie"
        optional(headers, "Limit", lambda text: fields.number(text, "Limit", 1)),
        optional(headers, "After", fields.address),
        optional(headers, "Sample", lambda text: fields.number(text, "Sample", 1)),
    )


METHODS: dict[str, tuple[int | None, Build]] = {
    "Register NULL": (2, _register),
    "Leave NULL": (2, lambda headers, data: Leave(*_cookie_and_port(data))),
    "KeepAlive NULL": (2, lambda headers, data: KeepAlive(*_cookie_and_port(data))),
    "PQuery NULL": (2, _pquery),
    **PEER_METHODS,
}
"""METHOD SP DOCUMENT -> number of data lines (None: Length gives the bytes), the function that makes the message."""

ONLY_1_1 = PEER_METHODS.keys() - {"GET INDEX", "GET FILE"}
"""The methods that 1.0 does not have."""

_ENVELOPE = re.compile(rf"(Host|OS):? ([^ {fields.CONTROL}][^{fields.CONTROL}]{{0,254}})")
_HEADER = re.compile(rf"(?!(?:Host|OS):)([A-Za-z][A-Za-z0-9-]{{0,63}}): ([^{fields.CONTROL}]*)")

VERSIONS = {
    f"P2P{a}DI{b}1.{minor}": version
    for minor, version in ((0, Version.V10), (1, Version.V11))
    for a, b in (("_", "_"), ("-", "_"), ("-", "/"))
}
"""Every spelling of a version that clients use."""

_FIRST_LINES = {
    f"{what} {word}".encode(): (what, version)
    for what in METHODS
    for word, version in VERSIONS.items()
    if version is Version.V11 or what not in ONLY_1_1
}


def _first_line(line: bytes) -> tuple[int | None, Build, Version]:
    """Return the number of data lines, what makes the message, and the version."""
    known = _FIRST_LINES.get(line)
    if known is None:
        message = parse_first_line(line)
        if message is not None:
            return 0, lambda headers, data: message, Version.HANDOUT
        known = _unusual_first_line(line)
    what, version = known
    return *METHODS[what], version


def _unusual_first_line(line: bytes) -> tuple[str, Version]:
    words = line.decode("ascii", "replace").split(" ")
    if len(words) != 3:
        raise BadRequest("the first line must be METHOD DOCUMENT VERSION")
    method, document, version = words
    if version not in VERSIONS:
        raise BadRequest("unknown version: P2P_DI_1.0 and P2P_DI_1.1 are spoken here")
    what = f"{method} {document.upper() if method == 'GET' else document}"
    if what not in METHODS or (VERSIONS[version] is Version.V10 and what in ONLY_1_1):
        raise BadRequest(f"unknown method or document in {version}")
    return what, VERSIONS[version]


def _request_headers(lines: list[bytes], version: Version) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw in lines:
        line = fields.text(raw)
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


class Head:
    """The lines of one head, of requests and responses alike, within the limits."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        """Those that have come, without their ends."""
        self._size = 0

    def add(self, line: bytes) -> list[bytes] | None:
        """Take one line without its end; return all lines at the empty one. Raises BadRequest beyond the limits."""
        if not line:
            if not self.lines:
                raise BadRequest("an empty line stands where a first line must be")
            lines, self.lines, self._size = self.lines, [], 0
            return lines
        self._size += len(line) + 2
        if len(line) > MAX_LINE or self._size > MAX_HEAD or len(self.lines) >= MAX_HEAD_LINES:
            raise BadRequest(f"too long: {MAX_LINE} bytes a line, {MAX_HEAD_LINES} lines and {MAX_HEAD} bytes a head")
        self.lines.append(line)
        return None


class RequestParser:
    """Turns the lines of a connection into Requests. It is of no use any more after it has raised."""

    def __init__(self) -> None:
        self._head = Head()
        self._data: list[bytes] | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing of the next request has come yet."""
        return self._data is None and not self._head.lines

    def line(self, line: bytes) -> Request | None:
        """Take one line without its LF (a CR at its end is dropped); return the Request that it completes.

        Raises BadRequest if it is not a request of this protocol, or beyond the limits.
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
        self._count, self._build, self._version = _first_line(lines[0])
        self._headers = _request_headers(lines[1:], self._version)
        length = self._headers.get("Length")
        if length is None and self._count is None:
            raise BadRequest("this message needs the header Length")
        self._exact = length is not None
        self._left = MAX_DATA if length is None else fields.number(length, "Length", 0, MAX_DATA)
        self._data = []
        return self._finish() if self._complete() else None

    def _complete(self) -> bool:
        return self._left == 0 if self._exact else len(self._data or ()) == self._count

    def _finish(self) -> Request:
        data = [fields.text(line) for line in self._data or ()]
        self._data = None
        if self._count is not None and len(data) != self._count:
            raise BadRequest(f"this message has {self._count} data lines")
        headers = self._headers
        message = self._build(headers, data)
        return Request(message, self._version, fields.host(headers["Host"]), headers["OS"])
