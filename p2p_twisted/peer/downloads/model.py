"""A download and its files, and how they stand. Times are Unix seconds, sizes bytes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twisted.internet.defer import Deferred

from ...events.publisher import Publisher
from ...events.types import FileEnded, FileProgress, FileStarted
from ...index.search import Document
from ...library.cache import Stamp
from ...library.pieces import piece_count, piece_size
from ...net.errors import forget_frames
from ...swarm.ended import EndedSwarm, ended
from ...swarm.errors import DownloadError
from ...swarm.storage import Storage
from ...swarm.swarm import Swarm
from ...swarm.target import Target
from ...wire.address import Address

WAITING, RUNNING, DONE, FAILED, THERE, CANCELLED = "waiting", "running", "done", "failed", "there", "cancelled"
PAUSED = "paused"
"""States. A file that was not fetched because it was in place already is THERE."""


@dataclass
class Transfer:
    """The bytes of one file from one source, and when the first and the last of them were received."""

    size: int = 0
    started: float = field(default_factory=time.time)
    ended: float | None = None


@dataclass(eq=False)
class DownloadFile:
    """One document of a download; `document` is None when no peer is known to have it."""

    name: str
    document: Document | None
    state: str = WAITING
    received: int = 0
    started: float | None = None
    ended: float | None = None
    error: DownloadError | None = None
    transfers: dict[Address, Transfer] = field(default_factory=dict)
    """By the address of the source."""
    whole_from: Address | None = None
    """Who has sent it whole, without a swarm."""
    is_taken: bool = False
    """Whether another process was found writing to its place, or has written there: it is to be looked at again."""
    download: str = ""
    """The id of its download, for its events."""
    publisher: Publisher = field(default_factory=Publisher)
    _waiting: list[Deferred[None]] = field(default_factory=list)

    def start(self) -> None:
        """Note that its first bytes have arrived, or that it is being copied."""
        if self.started is None:
            self.state, self.started = RUNNING, time.time()
            self.publisher.publish(FileStarted(self.download, self.name))

    def transfer(self, source: Address) -> Transfer:
        """Return the transfer from `source`; it starts with the first call."""
        return self.transfers.setdefault(source, Transfer())

    def receive(self, source: Address, size: int) -> None:
        """Add `size` bytes from `source`."""
        transfer = self.transfer(source)
        transfer.size += size
        transfer.ended = time.time()
        self.received += size
        self.publisher.publish(FileProgress(self.download, self.name, size, source))

    def end(self, state: str, error: DownloadError | None = None) -> None:
        """End it in `state`: DONE, FAILED, THERE or CANCELLED."""
        self.state, self.error, self.ended = state, error, time.time()
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)
        self.publisher.publish(self._ended_event(self.ended - (self.started or self.ended)))

    def _ended_event(self, seconds: float) -> FileEnded:
        return FileEnded(
            self.download,
            self.name,
            self.state,
            kind=None if self.error is None else self.error.kind,
            text=None if self.error is None else str(self.error),
            size=(self.size if self.state in (DONE, THERE) else None) or self.received,
            seconds=seconds,
            sources=tuple(source for source, transfer in self.transfers.items() if transfer.size),
        )

    def until_ended(self) -> Deferred[None]:
        """Return a Deferred that fires when it has ended."""
        waiting: Deferred[None] = Deferred()
        if self.ended is None:
            self._waiting.append(waiting)
        else:
            waiting.callback(None)
        return waiting

    @property
    def size(self) -> int | None:
        """Bytes of the document, None if they are not known."""
        return None if self.document is None else self.document.size

    def here(self, content: Storage | None) -> tuple[int, int]:
        """Return the bytes and pieces that are here, also from an earlier run; `content`: its storage in a swarm."""
        if self.size is None:
            return self.received, 0
        count, length = piece_count(self.size), piece_size(self.size)
        if self.state in (DONE, THERE):
            return self.size, count
        if content is None:  # fetched whole: each source starts from the beginning
            received = next(reversed(self.transfers.values())).size if self.transfers else 0
            return received, received // length
        short = count * length - self.size if count - 1 in content.have else 0
        return len(content.have) * length - short, len(content.have)


OnComplete = Callable[[DownloadFile, Target, str, bytes], object]
"""Called with a file that is in place: where, its SHA-256 (hex) and piece hashes."""


class Claims:
    """The paths to which files of running downloads are fetched: no two downloads write to one."""

    def __init__(self) -> None:
        self._files: dict[str, DownloadFile] = {}

    def __len__(self) -> int:
        return len(self._files)

    def take(
        self, folder: Path, files: Iterable[DownloadFile]
    ) -> tuple[list[DownloadFile], list[tuple[DownloadFile, DownloadFile]]]:
        """Take the paths of `files` below `folder`.

        Returns the files that have their paths, and the others, each with the file that has its path until it ends.
        """
        mine, others = [], []
        real = os.path.realpath(folder)
        for file in files:
            path = os.path.normpath(f"{real}/{file.name}")
            other = self._files.get(path)
            if other is not None and other is not file and other.ended is None:
                others.append((file, other))
            else:
                self._files[path] = file
                mine.append(file)
        return mine, others

    def release(self) -> None:
        """Release the paths of files that have ended."""
        self._files = {path: file for path, file in self._files.items() if file.ended is None}


@dataclass
class Download:
    """The user's order to fetch documents into one folder. `names` is None for all that this peer lacks."""

    id: str
    names: list[str] | None
    directory: Path
    overwrite: bool
    swarm: bool = True
    """Whether to fetch from many peers at once; else one document after the other, each from one holder."""
    holders: list[Address] | None = None
    """The peers that may be asked; None for all."""
    state: str = WAITING
    files: list[DownloadFile] = field(default_factory=list)
    contents: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 (hex) of the content that counts, of names of which one was chosen before."""
    replaces: Mapping[str, Stamp] = field(default_factory=dict)
    """The only file that may be replaced by each of some names, with `overwrite`."""
    want: str | None = None
    """The id of the want for which it was started, None if the user did that."""
    started: float = field(default_factory=time.time)
    ended: float | None = None
    error: DownloadError | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    """The documents that a download of all leaves out because of their names, and the reason of each."""
    swarms: list[Swarm | EndedSwarm] = field(default_factory=list)
    """The swarms that it has been part of."""

    @property
    def has_ended(self) -> bool:
        """Whether it is over, well or badly."""
        return self.ended is not None

    def may_ask(self, address: Address) -> bool:
        """Return whether the peer at `address` may be asked for its documents."""
        return self.holders is None or address in self.holders

    @property
    def is_complete(self) -> bool:
        """Whether it has ended, and all of its files are in place."""
        return self.state == DONE and all(file.state in (DONE, THERE) for file in self.files)

    def end(self, state: str, error: DownloadError | None = None) -> None:
        """End it in `state`, with all files that have not ended."""
        self.ended = time.time()
        self._stop(state, state if state == CANCELLED else FAILED, error)

    def pause(self) -> None:
        """Stop it for now, with all files that have not ended; what was fetched of them is kept."""
        self._stop(PAUSED, PAUSED, None)

    def _stop(self, state: str, of_files: str, error: DownloadError | None) -> None:
        self.state, self.error = state, error
        for file in self.files:
            if file.ended is None:
                file.end(of_files, error)
            forget_frames(file.error)
        forget_frames(error)
        self.swarms = [ended(swarm) for swarm in self.swarms]

    def begin_again(self) -> None:
        """Make it wait for another run, which keeps the files that are in place."""
        self.state, self.error, self.ended = WAITING, None, None
        self.files = [file for file in self.files if file.state in (DONE, THERE)]
