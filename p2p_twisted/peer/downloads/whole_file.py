"""One document fetched whole: which of its holders is asked next, and its body on the way to disk."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ...index.search import Document
from ...library.pieces import PieceHasher
from ...net.client import ClientConnection
from ...net.errors import FetchError, Garbled
from ...swarm.errors import DownloadError, NoHolder, PeersFailed, TooSlow, WrongContent
from ...swarm.part_file import PartFile
from ...swarm.target import Target
from ...wire.address import Address
from ...wire.messages import GetFile, Response
from .holders import Holders
from .model import DownloadFile

MAX_UNSIZED = 2 * 2**30
"""Bytes of a document whose size is unknown; it may also take at most half of the free disk space."""
MIN_RATE = 1024
"""Bytes/s that such a document must average,"""
MIN_RATE_AFTER = 30
"""once it has been on its way for this many seconds."""


class FileSink:
    """Write a body into a PartFile and hash it on its way; compare it with the size and hash of `document`.

    A server of 1.0 does not say the size, and may never end: such a body is limited in size and must keep a rate.
    """

    def __init__(
        self, part: PartFile, document: Document, on_data: Callable[[int], object], now: Callable[[], float]
    ) -> None:
        """`on_data` is called with the size of each part of the body; `now` gives seconds."""
        self._part = part
        self._document = document
        self._on_data = on_data
        self._now = now
        self._started = 0.0
        self._limit = MAX_UNSIZED
        self._hash = hashlib.sha256()
        self._pieces: PieceHasher | None = None
        self._is_unknown = False
        self.received = 0
        """Bytes of the body so far."""

    def begin(self, response: Response) -> None:
        """Raise Garbled if the head is that of another document."""
        promised = (response.size, response.sha256)
        for said, wanted in zip(promised, (self._document.size, self._document.sha256), strict=True):
            if said is not None and wanted is not None and said != wanted:
                raise Garbled("it has other content under that name")
        if response.byte_range is not None:
            raise Garbled("it sent a range instead of the whole file")
        self._part.modified = response.modified
        size = self._document.size if response.size is None else response.size
        self._pieces = None if size is None else PieceHasher(size)
        known = (size, self._document.sha256, response.sha256, response.length)
        self._is_unknown = all(one is None for one in known)
        if size is None:
            self._started = self._now()
            self._limit = min(MAX_UNSIZED, self._part.free_space() // 2)

    def data(self, data: bytes) -> None:
        """Write `data`. Raises Garbled when the body is too long, TooSlow when one of unknown size is too slow."""
        if self._pieces is None:
            self._check_unsized(len(data))
        if self._document.size is not None and self.received + len(data) > self._document.size:
            raise Garbled(f"it sent more than the {self._document.size} bytes that the document has")
        self._part.write(self.received, data)
        (self._pieces or self._hash).update(data)
        self.received += len(data)
        self._on_data(len(data))

    def _check_unsized(self, size: int) -> None:
        if self.received + size > self._limit:
            raise Garbled(f"it sent more than {self._limit} bytes, and 1.0 does not announce the size")
        seconds = self._now() - self._started
        if seconds > MIN_RATE_AFTER and self.received < seconds * MIN_RATE:
            raise TooSlow(f"it sends less than {MIN_RATE} bytes a second")

    def verify(self) -> tuple[str, bytes]:
        """Return the SHA-256 (hex) of the body, and its piece hashes (none if it has one piece, or no known size).

        Raises WrongContent when it is not the document.
        """
        if self._document.size is not None and self.received != self._document.size:
            raise WrongContent(f"{self.received} bytes were received instead of {self._document.size}")
        try:
            found = self._hash.hexdigest() if self._pieces is None else self._pieces.sha256()
        except ValueError as e:
            raise WrongContent(str(e)) from e
        if self._is_unknown and not self.received:
            raise WrongContent("it sent nothing, and nobody has told size or SHA-256: this could not be judged")
        if self._document.sha256 is not None and found != self._document.sha256:
            raise WrongContent("its SHA-256 is not the one in the index")
        return found, b"" if self._pieces is None else self._pieces.pieces()


class WholeFile:
    """The document of `file` on its way to `target`, from one of its holders at a time.

    A holder is asked until it is to blame for a failure; then the next one is.
    """

    def __init__(self, file: DownloadFile, target: Target, holders: Holders) -> None:
        self.file = file
        self.target = target
        self.response: Deferred[FetchError | None] = Deferred()
        """Fires when the last request is answered, or with its error; see ClientConnection.request."""
        self.retries = 0
        """Times that the present holder has put off the request."""
        self.retry_at = 0.0
        """When it may be asked again, in the clock's seconds."""
        self._holders = holders
        self._sizes = _sizes(file.document)
        known = list(self._sizes)
        self._untried = random.sample(known, len(known))
        self._holder: Address | None = None
        self._errors: dict[Address, FetchError] = {}
        self._part: PartFile | None = None
        self._sink: FileSink | None = None
        self._on_progress: Callable[[], object] = lambda: None

    @property
    def address(self) -> Address | None:
        """The holder to ask next, None when none is left. Those that have failed lately come last.

        One that is connected and silent may have been suspended: when no other is left, it is asked again.
        """
        if self._holder is not None:
            return self._holder
        left = self._untried or filter(self._holders.may_be_suspended, self._errors)
        return min(left, key=self._holders.rank, default=None)

    @property
    def received(self) -> int:
        """Bytes received for the last request."""
        return 0 if self._sink is None else self._sink.received

    @property
    def left(self) -> int | None:
        """Bytes of the last request that are still to come, None if that is not known."""
        return None if self.file.size is None else self.file.size - self.received

    def ask(
        self,
        connection: ClientConnection,
        address: Address,
        now: Callable[[], float],
        on_progress: Callable[[], object],
    ) -> None:
        """Ask the holder at `address` over `connection`; `on_progress` is called when bytes of it have come.

        Raises DownloadError when the file cannot be written.
        """
        document = self.file.document
        assert document is not None
        self._part = self._part or PartFile(self.target)
        self._part.truncate(0)
        self._holder, self.file.received = address, 0
        self._sink = FileSink(self._part, replace(document, size=self._sizes[address]), self._on_data, now)
        self._on_progress = on_progress
        self.response = connection.request(GetFile(document.name), self._sink).addCallbacks(lambda _: None, _error)

    def _on_data(self, size: int) -> None:
        assert self._holder is not None
        self.file.start()
        self.file.receive(self._holder, size)
        self._on_progress()

    def postpone(self, retry_at: float) -> None:
        """Ask the present holder again, but not before `retry_at`, in the clock's seconds."""
        self.retry_at = retry_at
        self.retries += 1

    def failed(self, address: Address, error: FetchError) -> None:
        """Send the holder at `address` no further requests, because of `error`."""
        if address in self._untried:
            self._untried.remove(address)
        self._errors[address] = error
        self._holder, self.retries, self.retry_at = None, 0, 0.0

    def release(self, address: Address) -> None:
        """Ask the holder at `address` not before the others, though it was being asked."""
        if self._holder == address:
            self._holder = None

    def finish(self, overwrite: bool) -> tuple[str, bytes]:
        """Give it its name; return its SHA-256 (hex) and piece hashes. Raises WrongContent or another DownloadError."""
        assert self._sink is not None and self._part is not None
        found = self._sink.verify()
        self._part.finish(overwrite)
        return found

    def discard(self) -> None:
        """Remove the unfinished file, if there is one."""
        if self._part is not None:
            self._part.discard()
            self._part = None

    def error(self) -> DownloadError:
        """Return why no holder gave it, with the error of each: NoHolder, WrongContent or PeersFailed."""
        if not self._errors:
            return NoHolder(f"no peer has {self.file.name}")
        text = "; ".join(f"{host}:{port}: {error}" for (host, port), error in self._errors.items())
        return (WrongContent if all(isinstance(e, WrongContent) for e in self._errors.values()) else PeersFailed)(text)


def _sizes(document: Document | None) -> dict[Address, int | None]:
    """Map each holder to the size that it gives: at most one is right where they differ, and the hash shows which.

    A holder of 1.0 gives none: it is taken to mean the size that all others give.
    """
    if document is None:
        return {}
    given = {holder.size for holder in document.holders if holder.sha256 is not None}
    agreed = given.pop() if len(given) == 1 else None
    return {(holder.host, holder.port): agreed if holder.sha256 is None else holder.size for holder in document.holders}


def _error(failure: Failure) -> FetchError:
    failure.trap(FetchError)
    assert isinstance(failure.value, FetchError)
    return failure.value
