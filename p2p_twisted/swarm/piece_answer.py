"""The answer of a source to a request for a piece: which piece it is, and its bytes as they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..net.errors import Garbled
from ..wire.messages import GetFile, GetNext, Message, Response
from .picker_state import PieceRequest, Request
from .storage import Storage

if TYPE_CHECKING:
    from .source import Source


class PieceAnswer:
    """The answer to one request for a piece, as it is received (net/receiving.py, Sink)."""

    def __init__(self, source: Source, request: Request, files: Mapping[str, Storage], now: float) -> None:
        self.storage: Storage | None = None
        """The file, and the number of the piece in it: those requested, or those that the source has chosen."""
        self.piece = -1
        self.started: Deferred[None] = Deferred()
        """Fires with the head of the answer. Fails with a FetchError."""
        self.complete: Deferred[Any]
        """Fires when all of it has been received. Fails with a FetchError, unless `started` has."""
        self.parts: list[bytes] = []
        self.requested_at = now
        self._heard = 0.0
        self.cancelled = False
        self.super_seeded = not isinstance(request, PieceRequest)
        """Whether the source gives the piece to no other peer."""
        if isinstance(request, PieceRequest):
            self.storage, self.piece = files[request.sha256], request.piece
            self.expected = self.storage.piece_range(self.piece)[1]
            """The bytes of the piece, or of one of those that it may be."""
        else:
            sha256, ranges = request.wants[0]
            self.expected = files[sha256].piece_range(ranges[0][0])[1]
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
