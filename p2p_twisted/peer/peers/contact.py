"""The first contact with another peer: the connection, a check that it is not this peer itself, and Hello."""

from __future__ import annotations

from ...net.client import ClientConnection
from ...net.dialler import Dialler
from ...net.errors import FetchError, Refused
from ...net.receiving import MAX_REFUSAL
from ...wire.messages import Hello, Version
from .known_peer import KnownPeer
from .registration import Registration

ANSWER_TIMEOUT = 5
"""Seconds without progress after which a request for an index fails."""


class Contact:
    """Makes connections to other peers."""

    def __init__(self, dialler: Dialler, registration: Registration) -> None:
        self._dialler = dialler
        self._registration = registration

    async def dial(self, peer: KnownPeer) -> ClientConnection:
        """Return a connection on which `peer` may be asked for its index. Raises Unreachable."""
        connection = await self._dialler.dial(peer.address, self._registration.seen_as)
        connection.stall_timeout = ANSWER_TIMEOUT
        return connection

    def is_self(self, connection: ClientConnection) -> bool:
        """Return whether the other end is this peer's own server."""
        here, there = connection.transport.getHost(), connection.transport.getPeer()
        return bool(here.host == there.host and there.port == self._registration.port)

    async def greet(self, peer: KnownPeer, connection: ClientConnection) -> ClientConnection:
        """Say Hello once. Returns an open connection: a peer that does not know Hello closes the first one.

        Raises FetchError.
        """
        if peer.version is Version.V11 and not peer.is_greeted and self._registration.registered:
            peer.is_greeted = True
            try:
                await connection.collect(Hello(self._registration.port), MAX_REFUSAL)
            except FetchError as e:
                if not isinstance(e, Refused) or e.status != Refused.FORBIDDEN:
                    connection.close()
                    return await self.dial(peer)
        return connection
