"""One source of a swarm: its connection, what is outstanding there, how fast it is, and how it has failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ..net.errors import FetchError, Garbled, Stalled, Unreachable
from ..wire.address import Address
from ..wire.messages import Cancel, GetFile, GetNext, GetTurn, Message, Response
from .meter import Meter
from .picker_state import PieceRequest, Request
from .storage import Storage

MIN_OUTSTANDING = 3
MAX_OUTSTANDING = 32
"""Requests that may be outstanding at one source, at least and at most."""
REQUEST_AHEAD = 0.5
"""Seconds of a source's rate that are requested ahead: more than a round trip, less than makes a queue."""
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

    def has_room(self, typical_size: int) -> bool:
        """Return whether another request should be outstanding; an answer typically has `typical_size` bytes."""
        if self.connection is None or self.snubbed:
            return False
        return len(self.outstanding) < self._max_outstanding(typical_size)

    def is_supplied(self, typical_size: int) -> bool:
        """Return whether more than three quarters of the requests that should be outstanding are.

        Where they are many, several are sent at once: each time costs both sides a turn of the reactor.
        """
        enough = self._max_outstanding(typical_size)
        return len(self.outstanding) > enough - max(1, enough // 4)

    def _max_outstanding(self, typical_size: int) -> int:
        ahead = int(self.meter.rate(self._clock.seconds()) * REQUEST_AHEAD / max(typical_size, 1)) + 1
        return min(max(ahead, MIN_OUTSTANDING), MAX_OUTSTANDING)

    def send(self, request: Request, files: Mapping[str, Storage]) -> PieceAnswer:
        """Send `request`, for a piece of one of `files` (by SHA-256), over the connection."""
        assert self.connection is not None
        if not self.outstanding:
            self.idle, self.heard = 0, self._clock.seconds()
        self.requested[type(request)] += 1
        answer = PieceAnswer(self, request, files)
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


class PieceAnswer:
    """The answer to one request for a piece, as it is received (net/receiving.py, Sink)."""

    def __init__(self, source: Source, request: Request, files: Mapping[str, Storage]) -> None:
        self.storage: Storage | None = None
        """The file, and the number of the piece in it: those requested, or those that the source has chosen."""
        self.piece = -1
        self.started: Deferred[None] = Deferred()
        """Fires with the head of the answer. Fails with a FetchError."""
        self.complete: Deferred[Any]
        """Fires when all of it has been received. Fails with a FetchError, unless `started` has."""
        self.parts: list[bytes] = []
        self._heard = 0.0
        self.cancelled = False
        self.super_seeded = not isinstance(request, PieceRequest)
        """Whether the source gives the piece to no other peer."""
        if isinstance(request, PieceRequest):
            self.storage, self.piece = files[request.sha256], request.piece
        self._source = source
        self._request = request
        self._files = files

    def message(self) -> Message:
        """Return the request as it is sent."""
        if isinstance(self._request, PieceRequest):
            assert self.storage is not None
            return GetFile(self.storage.name, self.byte_range(), self.storage.sha256)
        return GetNext(self._request.wants)

    def byte_range(self) -> tuple[int, int]:
        """Return the first and the last byte of the piece in its file."""
        assert self.storage is not None
        first, length = self.storage.piece_range(self.piece)
        return first, first + length - 1

    def begin(self, response: Response) -> None:
        """Take the head of the answer. Raises Garbled if it is for none of the pieces that were requested."""
        storage = self._files.get(response.sha256 or "")
        if storage is None or response.size != storage.size or response.length is None:
            raise Garbled("it sent another file than the one requested")
        first = response.byte_range[0] if response.byte_range else 0
        piece = first // storage.piece_size
        if piece >= storage.count or storage.piece_range(piece) != (first, response.length):
            raise Garbled("it sent a range that is not a piece")
        if not _names(self._request, storage.sha256, piece):
            raise Garbled("it sent another piece than the one requested")
        storage.add_modified(response.modified)
        self.storage, self.piece = storage, piece
        self.started.callback(None)

    def data(self, data: bytes) -> None:
        """Take a part of the piece."""
        self.parts.append(data)
        self._source.received(len(data))
        self._heard = self._heard or self._source.heard

    @property
    def measured(self) -> tuple[int, float]:
        """The bytes of the answer, and the seconds from the first to the last of them. It has just come."""
        return sum(map(len, self.parts)), self._source.heard - self._heard

    def failed(self, failure: Failure) -> Failure | None:
        """Fail the Deferred that is still to fire."""
        if self.started.called:
            return failure
        self.started.errback(failure)
        return None


def _names(request: Request, sha256: str, piece: int) -> bool:
    """Return whether the piece is one that `request` asks for."""
    if isinstance(request, PieceRequest):
        return (request.sha256, request.piece) == (sha256, piece)
    return any(
        wanted == sha256 and any(first <= piece <= last for first, last in ranges) for wanted, ranges in request.wants
    )
