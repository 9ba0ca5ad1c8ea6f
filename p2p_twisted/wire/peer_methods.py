"""The messages between peers, made of the lines of a request: see `METHODS` of `parser`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from . import fields
from .errors import BadRequest
from .limits import MAX_WANTS
from .messages import (
    Cancel,
    GetFile,
    GetIndex,
    GetNext,
    GetPieces,
    GetSources,
    GetTurn,
    Hello,
    Message,
    Probe,
    Search,
)
from .ranges import parse_ranges
from .search_terms import parse_terms

T = TypeVar("T")
Headers = Mapping[str, str]
Build = Callable[[Headers, "list[str]"], Message]


def optional(headers: Headers, key: str, parse: Callable[[str], T]) -> T | None:
    """Return the value of the header `key` as `parse` reads it; None without that header."""
    return parse(headers[key]) if key in headers else None


def _needed(headers: Headers, key: str) -> str:
    value = headers.get(key)
    if value is None:
        raise BadRequest(f"this message needs the header {key}")
    return value


def _sha256(headers: Headers) -> str:
    return fields.sha256(_needed(headers, "SHA-256"))


def _get_file(headers: Headers, data: list[str]) -> Message:
    name = fields.name(fields.join_type(*data))
    return GetFile(name, optional(headers, "Range", fields.byte_range), optional(headers, "SHA-256", fields.sha256))


def _get_index(headers: Headers, data: list[str]) -> Message:
    since, follow = optional(headers, "Since", fields.index_version), optional(headers, "Follow", fields.yes)
    if follow and since is None:
        raise BadRequest("Follow needs Since")
    return GetIndex(since, follow or False, optional(headers, "Hearsay", fields.yes) or False)


def _cancel(headers: Headers, data: list[str]) -> Message:
    return Cancel(_sha256(headers), fields.byte_range(_needed(headers, "Range")))


def _get_next(headers: Headers, data: list[str]) -> Message:
    if not 0 < len(data) <= MAX_WANTS:
        raise BadRequest(f"GET NEXT names from 1 to {MAX_WANTS} files")
    wants = []
    for line in data:
        sha256, _, pieces = line.partition(" ")
        wants.append((fields.sha256(sha256), parse_ranges(pieces)))
    return GetNext(tuple(wants))


def _search(headers: Headers, data: list[str]) -> Message:
    limit = optional(headers, "Limit", lambda text: fields.number(text, "Limit", 1))
    return Search(parse_terms(data[0]), limit)


PEER_METHODS: dict[str, tuple[int | None, Build]] = {
    "GET INDEX": (0, _get_index),
    "GET FILE": (2, _get_file),
    "GET PIECES": (0, lambda headers, data: GetPieces(_sha256(headers))),
    "GET NEXT": (None, _get_next),
    "GET TURN": (0, lambda headers, data: GetTurn(optional(headers, "News", fields.yes) or False)),
    "GET SOURCES": (1, lambda headers, data: GetSources(_sha256(headers), fields.port_line(data[0]))),
    "SEARCH INDEX": (1, _search),
    "CANCEL FILE": (0, _cancel),
    "Hello NULL": (1, lambda headers, data: Hello(fields.port_line(data[0]))),
    "Probe NULL": (1, lambda headers, data: Probe(fields.port_line(data[0]))),
}
"""METHOD SP DOCUMENT -> number of data lines (None: Length gives the bytes), the function that makes the message."""
