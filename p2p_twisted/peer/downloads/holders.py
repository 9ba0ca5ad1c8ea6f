"""The peers that whole documents are fetched from: their connections, kept for the next request, and their failures."""

from __future__ import annotations

from collections import Counter

from twisted.internet.defer import CancelledError, Deferred

from ...net.client import STALL_TIMEOUT, ClientConnection
from ...net.connect import Reactor
from ...net.errors import FetchError, Refused, SourceError, Stalled, Unreachable
from ...net.throttle import Throttle
from ...swarm.swarm import UNRESPONSIVE_TIMEOUT
from ...wire.address import Address
from ..peers.discovery import Discovery

MAX_KEPT = 8
"""Connections that are kept open for the next request."""


class Holders:
    """Knows by address who is connected, who has failed and who is silent."""

    def __init__(self, reactor: Reactor, discovery: Discovery, downlink: Throttle) -> None:
        self._reactor = reactor
        self._discovery = discovery
        self._downlink = downlink
        self._kept: dict[Address, ClientConnection] = {}
        """The one that was used last comes last."""
        self._dialling: dict[Address, Deferred[Exception | None]] = {}
        self._failures: Counter[Address] = Counter()
        self._silent_since: dict[Address, float] = {}

    # their failures

    def rank(self, address: Address) -> tuple[int, int]:
        """How late to ask a holder: one that has failed here, or lately when it was asked for its index, comes last."""
        known = self._discovery.peers.get(address)
        failures = self._failures[address] + self._discovery.dialler.backoff.failures(address)
        return failures, known.failures if known else 0

    def may_be_suspended(self, address: Address) -> bool:
        """Whether it is connected and silent, and that not for so long that it is given up."""
        since = self._silent_since.get(address)
        return since is not None and self._reactor.seconds() - since < UNRESPONSIVE_TIMEOUT

    def answered(self, address: Address) -> None:
        """Note that it has sent a document."""
        self._failures.pop(address, None)
        self._silent_since.pop(address, None)

    def failed(self, address: Address, error: FetchError) -> None:
        """Note the failure of a request; one that was refused was answered all the same."""
        self._failures[address] += not isinstance(error, Refused)
        if isinstance(error, Stalled):
            self._silent_since.setdefault(address, self._reactor.seconds() - STALL_TIMEOUT)
        else:
            self._silent_since.pop(address, None)

    # their connections

    def is_open(self, address: Address) -> bool:
        """Whether there is a connection on which another request may be sent."""
        kept = self._kept.get(address)
        return kept is not None and kept.usable

    async def connection(self, address: Address) -> ClientConnection:
        """Return a connection on which a request may be sent. Raises Unreachable."""
        if not self.is_open(address):
            error = await (self._dialling.get(address) or self._dial(address))
            if error is not None:
                raise error
        return self.open_connection(address)

    def open_connection(self, address: Address) -> ClientConnection:
        """Return the connection that is open (`is_open`)."""
        connection = self._kept[address] = self._kept.pop(address)
        return connection

    def prepare(self, address: Address) -> None:
        """Connect to it, if that can be done, so that there is a connection when its turn comes."""
        if address not in self._dialling and not self.is_open(address):
            self._dial(address)

    def close(self) -> None:
        """Close all connections; outstanding requests fail with Unreachable."""
        for dialling in list(self._dialling.values()):
            dialling.cancel()
        for connection in self._kept.values():
            connection.close()

    def _dial(self, address: Address) -> Deferred[Exception | None]:
        """Connect. The Deferred fires with the error, None if there is none."""
        dialling = self._dialling[address] = Deferred.fromCoroutine(self._connect(address))
        return dialling.addCallback(self._dialled, address)

    def _dialled(self, error: Exception | None, address: Address) -> Exception | None:
        del self._dialling[address]
        return error

    async def _connect(self, address: Address) -> Exception | None:
        try:
            connection = await self._discovery.dialler.dial_holder(address, self._downlink)
        except CancelledError as e:
            return e
        except SourceError as e:
            return e if isinstance(e, Unreachable) else Unreachable(str(e))
        self._make_room(address)
        self._kept[address] = connection
        return None

    def _make_room(self, address: Address) -> None:
        """Close the connection that another to `address` takes the place of: the old one, or the first that is idle."""
        old = self._kept.pop(address, None)
        if old is None and len(self._kept) == MAX_KEPT:
            idle = next(other for other, kept in self._kept.items() if not kept.outstanding)
            old = self._kept.pop(idle)
        if old is not None:
            old.close()
