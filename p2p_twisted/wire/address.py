"""The address of a peer or a server."""

from __future__ import annotations

from collections.abc import Iterable

Address = tuple[str, int]
"""Host (an IP address or a name, as `fields.clean_host` spells it) and TCP port."""


def address_lines(addresses: Iterable[Address]) -> bytes:
    """Return the lines of a peer list, ``HOST PORT`` each."""
    return "".join([f"{host} {port}\n" for host, port in addresses]).encode("ascii")
