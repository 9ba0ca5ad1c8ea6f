"""The other end of a server's connection, as the handlers of its requests see it."""

from __future__ import annotations

from typing import NamedTuple

from ..wire.address import Address
from ..wire.fields import clean_host


class Caller(NamedTuple):
    """The client of one connection. No two connections that are open have the same address."""

    address: Address
    """Its IP address and the TCP port that it connects from."""
    name: str | None = None
    """The name on its certificate, None without TLS."""
    hosts: frozenset[str] | None = None
    """The hosts of its certificate, each in its one spelling; None without TLS."""

    def may_announce(self, host: str) -> bool:
        """Return whether it may say that a peer is reached at `host`: its certificate must have it."""
        return self.hosts is None or clean_host(host) in self.hosts
