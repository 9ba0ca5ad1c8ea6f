"""One source of a download: its connection, what is outstanding, how fast it is, and what speaks for or against it."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from ..library.pieces import piece_range, piece_size
from ..net.errors import FetchError, Garbled, Stalled
from ..wire.address import Address
from ..wire.messages import Message, Response
from .picker_state import PieceRequest, Request
from .storage import Storage

MIN_OUTSTANDING = 3
MAX_OUTSTANDING = 32
"""Requests that may be outstanding at one source, at least and at most."""
REQUEST_AHEAD = 0.5
"""Seconds of a source's rate that are asked for ahead: more than a round trip, less than makes a queue."""
RATE_FADING = 1.0
"""Seconds after which bytes count for a rate by a factor e less."""
MAX_RECONNECTS = 3
"""Times in a row that a source may fail to be reached, or be lost, before a download no longer waits for it."""


class Connection(Protocol):
    """What is needed of a connection to a peer (peer/client.py)."""

    def hold(self, why: str) -> None:
        """Read no more for the time being."""

    def release(self, why: str) -> None:
        """That reason is over."""

    def ask(self, message: Message, sink: Any) -> Deferred[Response]:
        """Ask; the body goes to `sink`. Fails with a FetchError."""

    def collect(self, message: Message, limit: int) -> Deferred[tuple[Response, bytes]]:
        """Ask for a body of at most `limit` bytes. Fails with a FetchError."""

    def close(self) -> None:
        """Be done with it."""


class Meter:
    """Bytes, and their rate in bytes/s, of which what is older counts less and less. Times are the caller's seconds."""

    def __init__(self) -> None:
        self.total = 0
        self._rate = 0.0
        self._at = 0.0

    def add(self, size: int, now: float) -> None:
        """`size` bytes came at `now`."""
        self.total += size
        self._rate = self.rate(now) + size / RATE_FADING
        self._at = now

    def rate(self, now: float) -> float:
        """Bytes/s at `now`."""
        return self._rate * math.exp(min(0.0, self._at - now) / RATE_FADING)


class Source:
    """A source at `address`."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.connection: Connection | None = None
        self.meter = Meter()
        self.outstanding: dict[PieceSink, Request] = {}
        self.idle = 0
        """Ticks (one a second, while this process runs) since the last byte of an answer."""
        self.snubbed = False
        self.unresponsive = False
        """Whether it is connected, or was, and has left a request unanswered for long."""
        self.is_over = False
        self.failures = 0
        """Times in a row that it could not be reached, or was lost before it had given a right piece."""
        self.retry_at = 0.0
        """When (seconds) it may be connected to again."""
        self.hash_failures = 0
        self.chosen: Counter[str] = Counter()
        """How often it was asked, by the reason it was chosen for."""
        self.banned: str | None = None
        """Why it is not asked any more."""
        self.why: FetchError | None = None
        """What went wrong last."""

    def connected(self, connection: Connection) -> None:
        """Ask over `connection` from now on."""
        self.connection, self.idle, self.snubbed = connection, 0, False

    def failed(self, why: FetchError, now: float, most: float) -> None:
        """Note that it was lost or could not be reached at `now`, and when to try again: after `most` s at the most.

        One that is connected and silent (Stalled) has not failed: its process may have been suspended.
        """
        self.why = why
        self.snubbed = False
        if isinstance(why, Stalled):
            self.unresponsive = True
        else:
            self.failures += 1
        self.retry_at = now + min(2.0 ** max(0, self.failures - 1), most)

    @property
    def is_hopeful(self) -> bool:
        """Whether a download may wait for it."""
        return self.banned is None and self.failures <= MAX_RECONNECTS

    def has_room(self, typical: int, now: float) -> bool:
        """Whether another request should be outstanding; `typical` is the bytes of an answer."""
        if self.connection is None or self.snubbed:
            return False
        ahead = int(self.meter.rate(now) * REQUEST_AHEAD / max(typical, 1)) + 1
        return len(self.outstanding) < min(max(ahead, MIN_OUTSTANDING), MAX_OUTSTANDING)

    @property
    def state(self) -> str:
        """dropped, closed (the download is over), stalled, connected, unreachable or waiting (for its connection)."""
        if self.banned is not None:
            return "dropped"
        if self.is_over:
            return "closed"
        if self.connection is not None:
            return "stalled" if self.snubbed else "connected"
        return "waiting" if self.is_hopeful else "unreachable"


class PieceSink:
    """Takes the answer to one request for a piece. `arriving` and `arrived` are told of its begin and its end."""

    def __init__(
        self,
        request: Request,
        files: dict[str, Storage],
        arriving: Callable[[PieceSink], None],
        progress: Callable[[int], None],
    ) -> None:
        self.content: Storage | None = None
        """The file, and the number of the piece in it, once the head of the answer said so."""
        self.piece = -1
        self.parts: list[bytes] = []
        self.cancelled = False
        self.super_seeded = not isinstance(request, PieceRequest)
        """Whether the source gives it to nobody else."""
        self._request = request
        self._files = files
        self._arriving = arriving
        self._progress = progress

    def begin(self, response: Response) -> None:
        """Find out which piece it is. Raises Garbled when it is none that was asked for."""
        request = self._request
        content = self._files.get(response.sha256 or "")
        if content is None or response.size != content.size or response.length is None:
            raise Garbled("it answered with another file than it was asked for")
        first = response.byte_range[0] if response.byte_range else 0
        piece = first // piece_size(content.size)
        if piece >= content.count or piece_range(content.size, piece) != (first, response.length):
            raise Garbled("it answered with something that is no piece")
        if not self._was_asked(request, content.sha256, piece):
            raise Garbled("it answered with another piece than it was asked for")
        content.add_modified(response.modified)
        self.content, self.piece = content, piece
        self._arriving(self)

    @staticmethod
    def _was_asked(request: Request, sha256: str, piece: int) -> bool:
        if isinstance(request, PieceRequest):
            return (request.sha256, request.piece) == (sha256, piece)
        return any(
            wanted == sha256 and any(first <= piece <= last for first, last in ranges)
            for wanted, ranges in request.wants
        )

    def data(self, data: bytes) -> None:
        """A part of it."""
        self.parts.append(data)
        self._progress(len(data))

    def store(self) -> bool:
        """Whether it is the right piece; if it is, it is written. Blocks for a big piece: for a thread."""
        assert self.content is not None
        data = b"".join(self.parts)
        self.parts.clear()
        right = self.content.matches(self.piece, hashlib.sha256(data).digest())
        if right:
            self.content.write(piece_range(self.content.size, self.piece)[0], data)
        return right
