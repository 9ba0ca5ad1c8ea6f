"""What each METHOD and DOCUMENT of a request is: its data lines, and the message that headers and data make."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import fields
from .errors import BadRequest
from .limits import MAX_WANTS
from .messages import (
    Cancel,
    GetFile,
    GetIndex,
    GetNext,
    GetPieces,
    Hello,
    KeepAlive,
    Leave,
    Message,
    PQuery,
    Probe,
    Register,
)
from .ranges import parse_ranges

Headers = Mapping[str, str]
Build = Callable[[Headers, "list[str]"], Message]


def _value(line: str, *keys: str) -> str:
    key, colon, value = line.partition(":")
    if not colon or key not in keys:
        raise BadRequest(f"a data line must be {' or '.join(f'{k}:VALUE' for k in keys)}")
    return value


def _port(line: str) -> int:
    return fields.port(_value(line, "port"))


def _who(data: list[str]) -> tuple[int, int]:
    return fields.cookie(_value(data[0], "cookie")), _port(data[1])


def _register(headers: Headers, data: list[str]) -> Message:
    text = _value(data[0], "cookie")
    return Register(fields.cookie(text) if text else None, _port(data[1]))


def _pquery(headers: Headers, data: list[str]) -> Message:
    limit, after = headers.get("Limit"), headers.get("After")
    return PQuery(
        fields.cookie(_value(data[0], "cookie")),
        fields.port(_value(data[1], "port", "cookie")),  # existing clients label the port "cookie"
        None if limit is None else fields.number(limit, "Limit", 1),
        None if after is None else fields.address(after),
    )


def _get_file(headers: Headers, data: list[str]) -> Message:
    byte_range, sha256 = headers.get("Range"), headers.get("SHA-256")
    return GetFile(
        fields.name(fields.join_type(*data)),
        None if byte_range is None else fields.byte_range(byte_range),
        None if sha256 is None else fields.sha256(sha256),
    )


def _get_index(headers: Headers, data: list[str]) -> Message:
    since, follow = headers.get("Since"), headers.get("Follow")
    if follow is not None and since is None:
        raise BadRequest("Follow needs Since")
    return GetIndex(None if since is None else fields.index_version(since), follow is not None and fields.yes(follow))


def _needed(headers: Headers, key: str) -> str:
    value = headers.get(key)
    if value is None:
        raise BadRequest(f"this message needs the header {key}")
    return value


def _cancel(headers: Headers, data: list[str]) -> Message:
    return Cancel(fields.sha256(_needed(headers, "SHA-256")), fields.byte_range(_needed(headers, "Range")))


def _get_next(headers: Headers, data: list[str]) -> Message:
    if not 0 < len(data) <= MAX_WANTS:
        raise BadRequest(f"GET NEXT names from 1 to {MAX_WANTS} files")
    wants = []
    for line in data:
        sha256, _, pieces = line.partition(" ")
        wants.append((fields.sha256(sha256), parse_ranges(pieces)))
    return GetNext(tuple(wants))


METHODS: dict[str, tuple[int | None, Build]] = {
    "Register NULL": (2, _register),
    "Leave NULL": (2, lambda headers, data: Leave(*_who(data))),
    "KeepAlive NULL": (2, lambda headers, data: KeepAlive(*_who(data))),
    "PQuery NULL": (2, _pquery),
    "GET INDEX": (0, _get_index),
    "GET FILE": (2, _get_file),
    "GET PIECES": (0, lambda headers, data: GetPieces(fields.sha256(_needed(headers, "SHA-256")))),
    "GET NEXT": (None, _get_next),
    "CANCEL FILE": (0, _cancel),
    "Hello NULL": (1, lambda headers, data: Hello(_port(data[0]))),
    "Probe NULL": (1, lambda headers, data: Probe(_port(data[0]))),
}
"""METHOD SP DOCUMENT -> how many data lines it has (None: as many as Length says), and what makes the message."""

ONLY_1_1 = {"GET PIECES", "GET NEXT", "CANCEL FILE", "Hello NULL", "Probe NULL"}
"""What 1.0 does not have."""
