"""Connections to addresses that others have named.

An address is a stranger's word, and what listens there may be no peer at all. So it is dialled only if the policy
allows it (dial_policy.py). A holder of documents must moreover be vouched for, and have answered as a peer before it is
sent anything that strangers have made up, such as the name of a document: the first message says only GET INDEX.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred

from ..wire.address import Address
from ..wire.messages import GetIndex, Response, Version
from .backoff import Backoff
from .client import ClientConnection
from .connect import Reactor, dial
from .dial_policy import DialPolicy
from .errors import FetchError, Garbled, SourceError, Unreachable
from .remembered import Remembered
from .throttle import Throttle

if TYPE_CHECKING:
    from .tls import Tls

PROVEN_FOR = 600.0
"""Seconds for which an address that has answered counts as a peer of that version."""
ANSWER_TIMEOUT = 5
"""Seconds without progress after which a first contact fails."""
MAX_FIRST_INDEX = 64 * 1024
"""Bytes of an index for which the connection of a first contact is kept; after the head of a longer one, a new
connection is made."""
MAX_NAMED = 1_000
"""Addresses remembered that the user has named."""

Vouch = Callable[[Address], Coroutine[Deferred[Any], Any, None]]
"""Raises Unreachable if nobody whose word counts says that there is a peer at an address."""


class _Answered(SourceError):
    """The head of the answer is enough."""


class _Head:
    """Takes the head of an answer, and a short body."""

    def begin(self, response: Response) -> None:
        """Raise _Answered if the connection is of no further use."""
        if response.length is None or response.length > MAX_FIRST_INDEX:
            raise _Answered

    def data(self, data: bytes) -> None:
        """Drop a part of the body."""


class Dialler:
    """Dials by `policy`, and remembers how addresses have answered. `backoff` has those that could not be reached."""

    def __init__(self, reactor: Reactor, policy: DialPolicy, vouch: Vouch, now: Callable[[], float]) -> None:
        """`now` gives monotonic seconds."""
        self.backoff = Backoff(now)
        self.tls: Tls | None = None
        """Under which connections are made, None without TLS."""
        self._reactor = reactor
        self._policy = policy
        self._vouch = vouch
        self.proven: Remembered[Version] = Remembered(now, PROVEN_FOR)
        """The versions in which IP addresses have answered lately."""
        self._named: dict[Address, None] = {}

    def name(self, addresses: Iterable[Address]) -> None:
        """Note addresses that the user has named: they may be dialled whatever they are."""
        self._named.update(dict.fromkeys(addresses))
        for address in list(self._named)[:-MAX_NAMED]:
            del self._named[address]

    def refusal(self, address: Address) -> str | None:
        """Return why `address` is not dialled whoever vouches for it; None if it may be, as far as its host tells."""
        return None if address in self._named else self._policy.refusal(address)

    async def dial(
        self, address: Address, host: str | None = None, downlink: Throttle | None = None
    ) -> ClientConnection:
        """Return a connection to `address`; its version is known if the server there has answered in 1.1 lately.

        `host` is sent in the Host line, None for this side's address. Raises Unreachable.
        """
        why = self.refusal(address)
        if why is not None:
            raise Unreachable(why)
        permits = None if address in self._named else self._policy.permits
        connection = await dial(self._reactor, address, host, None, downlink, self.tls, permits)
        if self._version(connection) is Version.V11:
            connection.version = Version.V11
        return connection

    async def dial_holder(self, address: Address, downlink: Throttle) -> ClientConnection:
        """Return a connection to a holder, which has answered as a peer. Its version is None if it speaks 1.0.

        Raises SourceError, at once if the holder could not be reached a moment ago.
        """
        if address not in self._named:
            await self._vouch(address)
        self.backoff.check(address)
        try:
            connection = await self._dial_proven(address, downlink)
        except FetchError as e:
            self.backoff.failed(address, e)
            raise
        self.backoff.answered(address)
        return connection

    async def _dial_proven(self, address: Address, downlink: Throttle) -> ClientConnection:
        connection = await self.dial(address, None, downlink)
        if self._version(connection) is None:
            await self._first_contact(connection)
            if not connection.usable:
                connection = await self.dial(address, None, downlink)
        return connection

    async def _first_contact(self, connection: ClientConnection) -> None:
        """Have the server answer GET INDEX in whatever way. Raises FetchError, and closes the connection then."""
        timeout, connection.stall_timeout = connection.stall_timeout, ANSWER_TIMEOUT
        try:
            await connection.request(GetIndex(), _Head())
        except (FetchError, CancelledError) as e:
            if connection.version is None or isinstance(e, Garbled | CancelledError):
                connection.close()
                raise
        connection.stall_timeout = timeout
        self.answered(connection)

    # how addresses have answered

    def answered(self, connection: ClientConnection) -> None:
        """Note that the other end of `connection` has answered as a peer of the connection's version."""
        if connection.version is not None:
            self.proven.put(_reached(connection), connection.version)

    def garbled(self, connection: ClientConnection) -> None:
        """Note that the other end of `connection` has not answered as its version would: it may be another server."""
        self.proven.forget(_reached(connection))

    def _version(self, connection: ClientConnection) -> Version | None:
        return self.proven.get(_reached(connection))


def _reached(connection: ClientConnection) -> Address:
    """Return the IP address and port at the other end: a host name may lead elsewhere tomorrow."""
    there = connection.transport.getPeer()
    return there.host, there.port
