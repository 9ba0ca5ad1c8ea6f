"""One whole document from one holder after the other: all that a 1.0 server can give."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from ..index.search import Document
from ..library.pieces import PieceHasher
from ..net.errors import FetchError, Garbled, SourceError
from ..wire.messages import GetFile, Response
from ..wire.records import IndexRecord
from .errors import NoHolder, PeersFailed, Slow, WrongContent
from .part_file import PartFile

MAX_UNSIZED = 2 * 2**30
"""Bytes of a document whose size nobody says; never more than half of the room that there is on the disk either."""
LEAST_PACE = 1024
"""Bytes/s that such a document must come with,"""
PACE_TIME = 30
"""once it has been coming for so many seconds."""

Progress = Callable[[IndexRecord, int], None]
"""Told of the holder, and how many more bytes have come from it; 0 says that it begins anew."""


class Ask(Protocol):
    """What is needed of a connection to a holder."""

    def __call__(self, holder: IndexRecord, message: GetFile, sink: FileSink) -> Awaitable[Response]:
        """Ask `holder`; the body goes to `sink`. Raises a SourceError."""


class FileSink:
    """Writes a body into a PartFile and hashes it on its way. Judges what comes by `document`'s size and hash.

    In 1.0 nobody says the size, and the end may never come: such a body is bounded in size and must keep a pace.
    """

    def __init__(
        self, part: PartFile, document: Document, progress: Callable[[int], None], now: Callable[[], float]
    ) -> None:
        """`now` gives seconds."""
        self._part = part
        self._document = document
        self._progress = progress
        self._now = now
        self._began = 0.0
        self._limit = MAX_UNSIZED
        self._hash = hashlib.sha256()
        self._pieces: PieceHasher | None = None
        self.got = 0

    def begin(self, response: Response) -> None:
        """Raises Garbled when it is another document from the start."""
        promised = (response.size, response.sha256)
        for said, wanted in zip(promised, (self._document.size, self._document.sha256), strict=True):
            if said is not None and wanted is not None and said != wanted:
                raise Garbled("it has other content under that name")
        if response.byte_range is not None:
            raise Garbled("it sent a range where the whole was asked for")
        self._part.modified = response.modified
        size = self._document.size if response.size is None else response.size
        self._pieces = None if size is None else PieceHasher(size)
        if size is None:
            self._began = self._now()
            self._limit = min(MAX_UNSIZED, self._part.free_space() // 2)

    def data(self, data: bytes) -> None:
        """Raises Garbled when more comes than the document has, or than one without a size may have; Slow when that
        comes too slowly."""
        if self._pieces is None:
            self._judge_unsized(len(data))
        if self._document.size is not None and self.got + len(data) > self._document.size:
            raise Garbled(f"it sent more than the {self._document.size} bytes that the document has")
        self._part.write(self.got, data)
        if self._pieces is None:
            self._hash.update(data)
        else:
            self._pieces.update(data)
        self.got += len(data)
        self._progress(len(data))

    def _judge_unsized(self, size: int) -> None:
        if self.got + size > self._limit:
            raise Garbled(f"it sent more than {self._limit} bytes, and in 1.0 nobody says when it ends")
        took = self._now() - self._began
        if took > PACE_TIME and self.got < took * LEAST_PACE:
            raise Slow(f"it sends less than {LEAST_PACE} bytes a second")

    def check(self) -> tuple[str, bytes]:
        """The SHA-256 (hex) of what came, and its piece hashes. Raises WrongContent when it is not the document's."""
        if self._document.size is not None and self.got != self._document.size:
            raise WrongContent(f"{self.got} bytes came instead of {self._document.size}")
        try:
            found = self._hash.hexdigest() if self._pieces is None else self._pieces.sha256()
        except ValueError as e:
            raise WrongContent(str(e)) from e
        if self._document.sha256 is not None and found != self._document.sha256:
            raise WrongContent("its SHA-256 is not the one in the index")
        return found, b"" if self._pieces is None else self._pieces.pieces()


async def fetch_whole(
    document: Document,
    holders: Iterable[IndexRecord],
    part: PartFile,
    ask: Ask,
    progress: Progress,
    now: Callable[[], float],
) -> tuple[str, bytes]:
    """Fetch `document` into `part` from the first of `holders` that gives it right.

    Returns its SHA-256 (hex) and its piece hashes (empty if it has one piece, or nobody said its size). Raises
    NoHolder, WrongContent (all that came was wrong), PeersFailed (with what each holder said) or another
    DownloadError (this side's disk).
    """
    failures: list[tuple[IndexRecord, FetchError]] = []
    for holder in holders:
        sink = FileSink(part, document, lambda size, holder=holder: progress(holder, size), now)  # type: ignore[misc]
        try:
            part.truncate(0)
            progress(holder, 0)
            await ask(holder, GetFile(document.name), sink)
            return sink.check()
        except (SourceError, WrongContent) as e:
            failures.append((holder, e))
    if not failures:
        raise NoHolder(f"no peer has {document.name}")
    said = "; ".join(f"{holder.host}:{holder.port}: {e}" for holder, e in failures)
    kind = WrongContent if all(isinstance(e, WrongContent) for _, e in failures) else PeersFailed
    raise kind(said)
