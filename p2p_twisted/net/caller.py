"""The other end of a server's connection, as the handlers of its requests see it."""

from __future__ import annotations

from typing import NamedTuple

from ..wire.address import Address


class Caller(NamedTuple):
    """The client of one connection. No two connections that are open have the same address."""

    address: Address
    """Its IP address and the TCP port that it connects from."""
    name: str | None = None
    """The name on its certificate, None without TLS or without a certificate."""
