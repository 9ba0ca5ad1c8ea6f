"""Requests to an RS, each on a connection of its own: an RS with a million peers cannot keep one open for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import ceil
from typing import Any

from twisted.internet import defer

from ...net.client import ClientConnection
from ...net.connect import Reactor, dial
from ...net.errors import FetchError, Refused, Unreachable
from ...net.lines import Slicer
from ...net.receiving import MAX_REFUSAL
from ...wire.address import Address
from ...wire.messages import Message, PQuery, Version
from .peer_list import PeerList
from .rs_choice import Rs, RsChoice

MemberMessage = Callable[[int, int], Message]
"""Makes a message of the cookie and the port of this peer."""
Ask = Callable[[Rs, Message], Awaitable[Any]]
"""Sends a message to an RS, and returns the answer. Raises FetchError."""
MAX_REMEMBERED = 64
"""Most RS of which it is remembered how they answered."""


class RsExchange:
    """Asks an RS, and remembers its version and at which addresses both ends were."""

    def __init__(self, reactor: Reactor, choice: RsChoice, advertise: str | None) -> None:
        """`choice` says how long an RS may take, `advertise` is the host of this peer if it is set."""
        self.tls: Any = None  # the Tls of its connections
        self.seen_as: str | None = advertise
        """The host under which this peer is registered, as far as it knows; None before an RS was reached."""
        self._reactor = reactor
        self._choice = choice
        self._advertise = advertise
        self._ends: dict[Rs, tuple[str, str]] = {}
        self._versions: dict[Rs, Version | None] = {}

    @property
    def near(self) -> set[str]:
        """The IP addresses of each RS, of this peer on the last connection to each, and `seen_as`."""
        near = {rs.host for rs in self._choice.known}.union(*self._ends.values())
        return near if self.seen_as is None else near | {self.seen_as}

    async def text(self, rs: Rs, message: Message) -> str:
        """Return the text with which `rs` answers `message`. Raises FetchError."""
        began = self._reactor.seconds()
        _, body = await self._ask(rs, message, lambda connection: connection.collect(message, MAX_REFUSAL))
        self._choice.took(self._reactor.seconds() - began)
        return str(body, "utf-8", "replace")

    async def peers(self, rs: Rs, message: Message) -> tuple[list[Address], bool]:
        """Return the peers that `rs` lists in answer to a PQuery, and whether there are more. Raises FetchError."""
        sink = PeerList(Slicer(self._reactor))
        response, _ = await self._ask(rs, message, lambda connection: sink.read(connection, message))
        return sink.peers(), response.more

    async def _ask(self, rs: Rs, message: Message, send: Callable[[ClientConnection], Awaitable[Any]]) -> Any:
        timeout, began = self._choice.timeout, self._reactor.seconds()
        connection = await self._dial(rs, message, timeout)
        self._choice.took(self._reactor.seconds() - began)
        if timeout is not None:
            connection.stall_timeout = ceil(timeout)
        try:
            answer = await send(connection)
            self._versions[rs] = connection.version
            return answer
        except FetchError as e:
            if not isinstance(e, Refused):
                self._versions[rs] = None  # another server may be at that address by now
            raise
        finally:
            connection.close()

    async def _dial(self, rs: Rs, message: Message, timeout: float | None) -> ClientConnection:
        known = self._versions.get(rs) if isinstance(message, PQuery) and (message.limit or message.sample) else None
        dialling = defer.Deferred.fromCoroutine(
            dial(self._reactor, rs.address, self._advertise, known, tls=self.tls, name=rs.name)
        )
        if timeout is not None:
            dialling.addTimeout(timeout, self._reactor)
        try:
            connection: ClientConnection = await dialling
        except defer.TimeoutError:
            raise Unreachable(f"no connection within {timeout:g} s") from None
        self._note_ends(rs, connection)
        return connection

    def _note_ends(self, rs: Rs, connection: ClientConnection) -> None:
        here, there = connection.transport.getHost().host, connection.transport.getPeer().host
        self._ends = {**{old: ends for old, ends in self._ends.items() if old != rs}, rs: (here, there)}
        for old in list(self._ends)[:-MAX_REMEMBERED]:
            del self._ends[old]
            self._versions.pop(old, None)
        self.seen_as = self._advertise or here
