"""Hosts as people write them: ``rs.example``, ``192.0.2.1``, ``[2001:db8::1]``, each with or without ``:PORT``."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

from ..wire import fields
from ..wire.errors import BadRequest

_BRACKETED = re.compile(r"\[([^][]*)\](?::(.*))?")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII | re.IGNORECASE)
_EXAMPLES = "a host such as rs.example, 192.0.2.1 or [2001:db8::1]"


def host(text: str) -> str:
    """Return the address or host name `text`, IPv6 without its brackets. Raises ValueError, for a port too."""
    name, port = host_and_port(text)
    if port is not None:
        raise ValueError(f"must be {_EXAMPLES}, without a port")
    return name


def host_and_port(text: str) -> tuple[str, int | None]:
    """Return the host, as `host` does, and the port in `text`, or None. Raises ValueError."""
    if "/" in text:
        raise ValueError(f"must be a host without the rest of a URL{_meant(text)}")
    try:
        name, port = _parts(text)
        return name, None if port is None else fields.port(port)
    except (AddressValueError, BadRequest):
        raise ValueError(f"must be {_EXAMPLES}, with :PORT or without") from None


def host_with_port(text: str) -> str:
    """Return `text`, which `host_and_port` understands. Raises ValueError."""
    host_and_port(text)
    return text


def _parts(text: str) -> tuple[str, str | None]:
    if bracketed := _BRACKETED.fullmatch(text):
        return str(IPv6Address(bracketed[1])), bracketed[2]
    if text.count(":") > 1:
        return str(IPv6Address(text)), None
    name, colon, port = text.partition(":")
    return _name(name), port if colon else None


def _name(text: str) -> str:
    """Return the IPv4 address or host name `text`. Raises AddressValueError, BadRequest."""
    labels = text.removesuffix(".").split(".")
    if labels[-1].isdigit():
        return str(IPv4Address(text))
    if not all(map(_LABEL.fullmatch, labels)):
        raise AddressValueError
    return fields.host(text)


def _meant(url: str) -> str:
    """Return a suggestion of what to write instead of `url`, or an empty text."""
    try:
        name = urlsplit(url).netloc.rpartition("@")[2]
        host_and_port(name)
    except ValueError:
        return ""
    return f": {name!r}"
