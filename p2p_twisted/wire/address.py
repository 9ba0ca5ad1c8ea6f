"""The address of a peer or a server."""

from __future__ import annotations

from ipaddress import IPv6Address

Address = tuple[str, int]
"""Host (an IP address or a name, as `fields.clean_host` spells it) and TCP port."""


def neighbourhood(host: str) -> str:
    """Return the key under which what one host does is counted: its address; of IPv6 its /64."""
    if ":" not in host:
        return host
    try:
        return str(IPv6Address(int(IPv6Address(host)) >> 64 << 64))
    except ValueError:
        return host
