"""One source of a swarm: its connection, what is outstanding there, how fast it is, and how it has failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ..net.errors import FetchError, Stalled, Unreachable
from ..wire.address import Address
from ..wire.messages import Cancel, GetTurn, Message, Response
from .meter import Meter
from .picker_state import PieceRequest, Request
from .piece_answer import PieceAnswer
from .storage import Storage

MIN_OUTSTANDING = 3
MAX_OUTSTANDING = 32
"""Requests that may be outstanding at one source, at least and at most."""
REQUEST_AHEAD = 0.5
"""Seconds of a source's rate that are requested ahead: more than a round trip, less than makes a queue."""
MIN_SMALL, SMALL_AHEAD = 2, 0.2
"""The same in a swarm of small files, where requests differ in their bytes: requests at least, and seconds of the rate,
in addition to twice the delay of its answers. What is requested further ahead of one source, another might send sooner.
"""
UNKNOWN_DELAY = 0.1
"""Seconds that are assumed before a source has answered."""
MAX_RECONNECTS = 3
"""Times in a row that a source may fail to be reached, or be lost, before a swarm no longer waits for it."""


class NotNeeded(Unreachable):
    """This side closed the connection, of which there may be another later: the source has not failed."""


class Connection(Protocol):
    """The part of a connection to a peer that a swarm uses (net/client.py)."""

    def hold(self, why: str) -> None:
        """Stop reading until `why` is released."""

    def release(self, why: str) -> None:
        """Read on, unless it is held for another reason."""

    def request(self, message: Message, sink: Any) -> Deferred[Response]:
        """Send a request; its body goes to `sink`. Fails with a FetchError."""

    def collect(self, message: Message, limit: int) -> Deferred[tuple[Response, bytes]]:
        """Send a request for a body of at most `limit` bytes. Fails with a FetchError."""

    def close(self) -> None:
        """Close it; what is outstanding fails with Unreachable."""


class Source:
    """A source at `address`."""

    def __init__(self, address: Address, clock: IReactorTime, lot: float = 0.0) -> None:
        self.address = address
        self.lot = lot
        """A number drawn for it: of too many, those with the lowest are the neighbours in a swarm."""
        self.connection: Connection | None = None
        self.lost: Deferred[FetchError]
        """Fires with the reason when `connection` is lost."""
        self.meter = Meter()
        self.requested: Counter[type[Request]] = Counter()
        """Requests sent to it, by their kind."""
        self.outstanding: dict[PieceAnswer, Request] = {}
        self.takes_turns = True
        """Whether it answers GET TURN; else it is asked for pieces without."""
        self.turns = 0
        """Pieces that it may be asked for now."""
        self.waits: list[GetTurn] = []
        """The requests for a turn that it has not answered."""
        self.useless_turns = 0
        """Answers in a row that came at once, and to no use."""
        self.piece_seconds = 0.0
        """The time from the first to the last byte of the last piece."""
        self.delay = UNKNOWN_DELAY
        """The shortest time from a request to the first byte of a piece."""
        self.turn_at = 0.0
        """When (seconds) it may be asked for a turn again."""
        self.transfers: set[str] = set()
        """The files, by their hashes, of which it has begun to send pieces."""
        self.idle = 0
        """Ticks (one a second, while this process runs) since the last byte of an answer."""
        self.heard = 0.0
        """When (seconds) the last byte of an answer came, or the first request went out after none was outstanding."""
        self.snubbed = False
        self.unresponsive = False
        """Whether it has left a request unanswered for long: its process may have been suspended."""
        self.failures = 0
        """Times in a row that it could not be reached, or was lost before it had sent a right piece."""
        self.retry_at = 0.0
        """When (seconds) it may be connected to again."""
        self.hash_failures = 0
        self.banned: str | None = None
        """Why it is not asked any more."""
        self.closed = False
        """Whether the swarm is over."""
        self.why: FetchError | None = None
        """The last failure."""
        self._clock = clock

    # its connection

    def connected(self, connection: Connection) -> None:
        """Send requests over `connection` from now on."""
        self.connection, self.lost = connection, Deferred()
        self.idle, self.snubbed = 0, False
        self.turns, self.waits = 0, []

    def disconnect(self, connection: Connection | None, why: FetchError) -> None:
        """Close `connection` because of `why`, unless it is no longer in use."""
        if connection is not None and connection is self.connection:
            self.connection = None
            connection.close()
            self.lost.callback(why)

    def failed(self, why: FetchError, max_backoff: float) -> None:
        """Note that it was lost or could not be reached, and when to try again: after `max_backoff` s at most.

        One that is connected and silent (Stalled) has not failed: its process may have been suspended.
        """
        self.why = why
        self.snubbed = False
        if isinstance(why, Stalled):
            self.unresponsive = True
        else:
            self.failures += 1
        self.retry_at = self._clock.seconds() + min(2.0 ** max(0, self.failures - 1), max_backoff)

    @property
    def is_hopeful(self) -> bool:
        """Whether a swarm may wait for it."""
        return self.banned is None and self.failures <= MAX_RECONNECTS

    @property
    def is_awaited(self) -> bool:
        """Whether it is to send a piece, or to give a turn."""
        return bool(self.outstanding) or any(not turn.news for turn in self.waits)

    @property
    def state(self) -> str:
        """banned, closed (the swarm is over), snubbed, connected, unreachable or waiting (for its connection)."""
        if self.banned is not None:
            return "banned"
        if self.closed:
            return "closed"
        if self.connection is not None:
            return "snubbed" if self.snubbed else "connected"
        return "waiting" if self.is_hopeful else "unreachable"

    # requests

    def has_room(self, typical_size: int | None) -> bool:
        """Return whether another request should be outstanding; an answer typically has `typical_size` bytes.

        With None, in a swarm of small files, answers differ much: what counts are the bytes of those outstanding.
        """
        if self.connection is None or self.snubbed:
            return False
        if typical_size is None:
            return self._lacks(1.0)
        outstanding = len(self.outstanding)
        return outstanding < MIN_OUTSTANDING or outstanding < self._max_outstanding(typical_size)

    def is_supplied(self, typical_size: int | None) -> bool:
        """Return whether more than three quarters of the requests that should be outstanding are.

        Where they are many, several are sent at once: each time costs both sides a turn of the reactor.
        """
        if typical_size is None:
            return not self._lacks(0.75)
        if len(self.outstanding) < MIN_OUTSTANDING:
            return False
        enough = self._max_outstanding(typical_size)
        return len(self.outstanding) > enough - max(1, enough // 4)

    def _max_outstanding(self, typical_size: int) -> int:
        ahead = int(self.meter.rate(self._clock.seconds()) * REQUEST_AHEAD / max(typical_size, 1)) + 1
        return min(max(ahead, MIN_OUTSTANDING), MAX_OUTSTANDING)

    def _lacks(self, share: float) -> bool:
        """Return whether less than that share of the bytes is outstanding that should be, in a swarm of small files."""
        if len(self.outstanding) < MIN_SMALL:
            return True
        ahead = share * (SMALL_AHEAD + 2 * self.delay) * self.meter.rate(self._clock.seconds())
        return len(self.outstanding) < MAX_OUTSTANDING and sum(one.expected for one in self.outstanding) < ahead

    def send(self, request: Request, files: Mapping[str, Storage]) -> PieceAnswer:
        """Send `request`, for a piece of one of `files` (by SHA-256), over the connection."""
        assert self.connection is not None
        if not self.outstanding:
            self.idle, self.heard = 0, self._clock.seconds()
        self.requested[type(request)] += 1
        answer = PieceAnswer(self, request, files, self._clock.seconds())
        self.outstanding[answer] = request
        answer.complete = self.connection.request(answer.message(), answer).addErrback(answer.failed)
        return answer

    def received(self, size: int) -> None:
        """Note that `size` bytes of an answer have been received."""
        self.idle, self.heard = 0, self._clock.seconds()
        self.snubbed = self.unresponsive = False
        self.meter.add(size, self.heard)

    def cancel(self, sha256: str, piece: int) -> None:
        """Have it not send the piece, if it has not begun to."""
        for answer, request in self.outstanding.items():
            if request == PieceRequest(sha256, piece) and not answer.cancelled and self.connection is not None:
                answer.cancelled = True
                cancelling = self.connection.collect(Cancel(sha256, answer.byte_range()), 0)
                cancelling.addErrback(lambda failure: failure.trap(FetchError) and None)
