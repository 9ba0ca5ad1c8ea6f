"""Members of the bodies of several calls, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...wire import fields
from ...wire.errors import BadRequest

MAX_PATH = 4096
"""Longest path of a folder, in characters: Linux takes as many bytes."""


def flag(body: Mapping[str, Any], member: str, default: bool) -> bool:
    """Return the boolean `member`. Raises BadRequest."""
    value = body.get(member, default)
    if not isinstance(value, bool):
        raise BadRequest(f"{member} must be true or false")
    return value


def address(text: str) -> tuple[str, int]:
    """Return (host, port) of the peer HOST:PORT; an IPv6 address may stand in brackets. Raises BadRequest."""
    host, _, port = text.rpartition(":")
    return fields.host(host.removeprefix("[").removesuffix("]")), fields.port(port)


def folder(body: Mapping[str, Any], member: str) -> str | None:
    """Return the absolute path `member`, None without it. Raises BadRequest."""
    path = body.get(member)
    if path is None:
        return None
    if not isinstance(path, str) or not path.startswith("/") or fields.has_control(path):
        raise BadRequest(f"{member} must be an absolute path in UTF-8, without control characters")
    if len(path) > MAX_PATH:  # the refusal of the system repeats it
        raise BadRequest(f"{member} must be an absolute path of at most {MAX_PATH} characters")
    return path
