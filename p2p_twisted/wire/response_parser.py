"""Lines to the heads of responses, one line at a time. The body between two heads is the caller's to take."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from . import fields
from .errors import PHRASES, BadRequest
from .limits import MAX_HEAD_LINES
from .messages import Response, Version
from .parser import Head

_STATUS = re.compile(rf"([0-9]{{3}}) (?:[^{fields.CONTROL}]* )?P2P[-_](?:CI|DI)[/_-](1\.[01])")
_HEADER = re.compile(rf"([A-Za-z][A-Za-z0-9-]{{0,63}}):? ([^{fields.CONTROL}]*)")

_RESPONSE_FIELDS: dict[str, tuple[str, Callable[[str], object]]] = {
    "Length": ("length", lambda text: fields.number(text, "Length")),
    "Size": ("size", lambda text: fields.number(text, "Size")),
    "SHA-256": ("sha256", fields.sha256),
    "Range": ("byte_range", fields.byte_range),
    "Modified": ("modified", fields.modified),
    "More": ("more", fields.yes),
    "Index": ("index", fields.index_version),
    "Since": ("since", fields.index_version),
    "Turns": ("turns", lambda text: fields.number(text, "Turns", 1)),
    "Retry-After": ("retry_after", lambda text: fields.number(text, "Retry-After")),
    "Site": ("site", fields.site),
}


@lru_cache(512)
def _header(line: bytes) -> tuple[str, str] | None:
    """Return the name and the value of a header, None if it is none. Most heads repeat lines of the one before."""
    match = _HEADER.fullmatch(fields.text(line))
    return None if match is None else (match[1], match[2])


def _headers(lines: list[bytes], version: Version) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        header = _header(line)
        if header is None:
            if version is Version.V10:
                continue
            raise BadRequest("a header of a response must be NAME: VALUE")
        if header[0] in headers:
            raise BadRequest(f"a second {header[0]} in a response")
        headers[header[0]] = header[1]
    return headers


def _consistent(response: Response) -> Response:
    if response.version is Version.V11:
        if response.length is None:
            raise BadRequest("a response of 1.1 without Length")
        if response.byte_range and response.length != response.byte_range[1] - response.byte_range[0] + 1:
            raise BadRequest("Length and Range of a response differ")
    return response


@lru_cache(256)
def _whole(head: bytes) -> Response:
    """Return the response with this head. Most answers without a file have a head that has come before."""
    return _response(head.split(b"\n"))


def _response(lines: list[bytes]) -> Response:
    match = _STATUS.fullmatch(fields.text(lines[0]))
    if not match or int(match[1]) not in PHRASES:
        raise BadRequest("not a response: the first line must be STATUS PHRASE VERSION")
    version = Version.V11 if match[2] == "1.1" else Version.V10
    headers = _headers(lines[1:], version)
    values: dict[str, Any] = {}
    if version is Version.V11:
        values = {name: read(headers[key]) for key, (name, read) in _RESPONSE_FIELDS.items() if key in headers}
    response = Response(int(match[1]), version, headers.get("Host", ""), headers.get("OS", ""), **values)
    return _consistent(response)


class ResponseParser:
    """Turns the head lines of a connection into Responses; the caller takes the body between two heads."""

    def __init__(self) -> None:
        self._head = Head()

    def line(self, line: bytes) -> Response | None:
        """Take one line of a head without its LF; return the Response at the empty line.

        The phrase, the Host and the OS line may be any text. Raises BadRequest if the lines are not a response.
        """
        lines = self._head.add(line[:-1] if line.endswith(b"\r") else line)
        return None if lines is None else _response(lines)

    def whole(self, head: bytes) -> Response | None:
        """Take all lines of a head of at most MAX_LINE bytes, without the empty line.

        Returns None, and takes nothing, if it must be taken line by line: its lines end in CR LF or are too many, it is
        no response, or it follows lines taken before.
        """
        if self._head.lines or b"\r" in head or head.count(b"\n") >= MAX_HEAD_LINES:
            return None
        try:
            return _whole(head)
        except BadRequest:
            return None
