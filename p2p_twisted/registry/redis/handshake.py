"""The first commands on a connection: log in, choose the database, and see whether it can keep a registry. Pure.

A handshake is a generator that yields commands and is sent their replies (an error reply is thrown into it), so that it
runs on a blocking socket at the start and on a connection of the reactor later.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any, TypeVar

from ...wire.address import Address
from .engine import Engine
from .scripts import COMMIT, LAYOUT, RENEW, TYPES

Command = tuple[str | bytes | int, ...]
T = TypeVar("T")
Handshake = Generator[Command, Any, T]
"""Yields commands, is sent their replies, and returns a result."""

NO_REDIS = "it does not answer as Redis does: use redis:// without TLS, rediss:// with TLS"

OLDEST = (6, 2)
"""Oldest version of Redis that has all commands; every Valkey has."""

_VERSION = re.compile(rb"redis_version:([0-9]+)\.([0-9]+)")


class Unsuitable(Exception):
    """The engine answers, but cannot keep a registry; the message says why, and what to do."""


def handshake(engine: Engine, prefix: str) -> Handshake[float]:
    """Prepare a connection; return the Unix time of the engine's clock in seconds. Raises Unsuitable."""
    return _checked(_log_in(engine, prefix))


def ask_sentinel(engine: Engine) -> Handshake[Address]:
    """Return the address of the primary that a sentinel names. Raises Unsuitable."""
    return _checked(_ask_sentinel(engine))


def _checked(steps: Handshake[T]) -> Handshake[T]:
    """Let a reply of another form than Redis gives raise Unsuitable."""
    try:
        return (yield from steps)
    except (TypeError, ValueError, IndexError, AttributeError):
        raise Unsuitable(NO_REDIS) from None


def _log_in(engine: Engine, prefix: str) -> Handshake[float]:
    if engine.password:
        yield ("AUTH", *([engine.user] if engine.user else []), engine.password)
    yield "SELECT", engine.database
    found = _VERSION.search((yield "INFO", "server"))
    if found is None or tuple(map(int, found.groups())) < OLDEST:
        raise Unsuitable(f"it is too old: Redis {'.'.join(map(str, OLDEST))} or newer is needed")
    role = yield ("ROLE",)
    if role[0] != b"master":
        raise Unsuitable("it is a replica: name the primary in --registry, or its sentinels")
    for name, wanted in TYPES.items():
        kind = yield "TYPE", prefix + name
        if kind not in (wanted, b"none"):
            raise Unsuitable(f"the key {prefix}{name} is not of a registry: choose another --registry-prefix")
    yield "SET", prefix + "layout", LAYOUT, "NX"
    layout = yield "GET", prefix + "layout"
    if layout != LAYOUT:
        raise Unsuitable(f"its registry has layout {layout[:20]!a}, not {LAYOUT!a}: was it made by a newer version?")
    for script in COMMIT, RENEW:
        yield "SCRIPT", "LOAD", script
    seconds, microseconds = yield ("TIME",)
    return int(seconds) + int(microseconds) / 1e6


def _ask_sentinel(engine: Engine) -> Handshake[Address]:
    found = yield "SENTINEL", "GET-MASTER-ADDR-BY-NAME", engine.master
    if not found:
        raise Unsuitable(f"this sentinel does not know {engine.master!a}: correct the name in --registry")
    host, port = found
    return host.decode("ascii", "replace"), int(port)
