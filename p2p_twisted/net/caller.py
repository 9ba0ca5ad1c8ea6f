"""The other end of a server's connection, as the handlers of its requests see it."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import ITCPTransport

from ..wire.address import Address


@dataclass(frozen=True)
class Caller:
    """The client of one connection. No two connections that are open have the same address."""

    address: Address
    """Its IP address and the TCP port that it connects from."""
    name: str | None = None
    """The name on its certificate, None without TLS or without a certificate."""

    @classmethod
    def of(cls, transport: ITCPTransport) -> Caller:
        """Return the Caller at the other end of `transport`."""
        peer = transport.getPeer()
        return cls((peer.host, peer.port))
