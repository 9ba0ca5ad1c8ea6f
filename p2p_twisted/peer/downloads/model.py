"""What a download is and how it stands: plain values that the API shows. Times are Unix seconds, sizes bytes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from twisted.internet.defer import Deferred

from ...index.search import Document
from ...library.pieces import piece_count, piece_size
from ...swarm.errors import DownloadError
from ...swarm.storage import Storage
from ...swarm.swarm import Swarm
from ...wire.address import Address

WAITING, RUNNING, DONE, FAILED, THERE, CANCELLED = "waiting", "running", "done", "failed", "there", "cancelled"
"""States. A file that was not fetched because the same content lies there already is THERE."""


@dataclass
class Transfer:
    """What came from one source of one file: bytes, and when the first and the last of them."""

    size: int = 0
    started: float = field(default_factory=time.time)
    ended: float | None = None


@dataclass(eq=False)
class DownloadFile:
    """One document of a download; `document` is None when nobody was known to have it."""

    name: str
    document: Document | None
    state: str = WAITING
    got: int = 0
    started: float | None = None
    ended: float | None = None
    error: DownloadError | None = None
    transfers: dict[str, Transfer] = field(default_factory=dict)
    """By the address of the source."""
    is_taken: bool = False
    """Whether another process was found to write to its place, or to have done so: it is to be looked at again."""
    waiting: list[Deferred[None]] = field(default_factory=list)
    """Fire when it is over."""

    def begin(self) -> None:
        """It is this one's turn."""
        if self.started is None:
            self.state, self.started = RUNNING, time.time()

    def transfer(self, source: str) -> Transfer:
        """What comes from `source`; if this is the first that is said of it, it begins now."""
        return self.transfers.setdefault(source, Transfer())

    def came(self, source: str, size: int) -> None:
        """`size` bytes have come from `source`."""
        transfer = self.transfer(source)
        transfer.size += size
        transfer.ended = time.time()
        self.got += size

    def end(self, state: str, error: DownloadError | None = None) -> None:
        """It is over, one way or the other."""
        self.state, self.error, self.ended = state, error, time.time()
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            one.callback(None)

    def when_over(self) -> Deferred[None]:
        """Fire when it is over."""
        over: Deferred[None] = Deferred()
        if self.ended is None:
            self.waiting.append(over)
        else:
            over.callback(None)
        return over

    @property
    def size(self) -> int | None:
        """Bytes of the document, if they are known."""
        return None if self.document is None else self.document.size

    def here(self, content: Storage | None) -> tuple[int, int]:
        """Bytes and pieces that are here, also from an earlier run; `content` is what a swarm has of it."""
        if self.size is None:
            return self.got, 0
        count, length = piece_count(self.size), piece_size(self.size)
        if self.state in (DONE, THERE):
            return self.size, count
        if content is None:  # fetched whole: each source begins anew
            got = next(reversed(self.transfers.values())).size if self.transfers else 0
            return got, got // length
        short = count * length - self.size if count - 1 in content.have else 0
        return len(content.have) * length - short, len(content.have)


@dataclass
class Download:
    """An order to fetch documents into one folder. `names` is None for all that this peer lacks."""

    id: str
    names: list[str] | None
    directory: Path
    overwrite: bool
    swarm: bool = True
    """Whether to fetch from many at once; else one document after the other, each from one holder."""
    holders: list[Address] | None = None
    """The peers that may be fetched from; None for all."""
    state: str = WAITING
    files: list[DownloadFile] = field(default_factory=list)
    started: float = field(default_factory=time.time)
    ended: float | None = None
    error: DownloadError | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    """The documents that an order for all leaves out because of their names, and why."""
    swarms: list[Swarm] = field(default_factory=list)
    """The swarms that it has been part of."""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.ended is not None

    def may_ask(self, address: Address) -> bool:
        """Whether the peer at `address` may be fetched from."""
        return self.holders is None or address in self.holders

    def end(self, state: str, error: DownloadError | None = None) -> None:
        """It is over; what has not been fetched never will be."""
        self.state, self.error, self.ended = state, error, time.time()
        for file in self.files:
            if file.ended is None:
                file.end(CANCELLED if state == CANCELLED else FAILED, error)
