"""A file of a download on the disk: its verified pieces, and the part of it that survives a ``kill -9``.

NAME.part holds the pieces at their places, NAME.part.state says which of them were verified (part_state.py).
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from time import monotonic

from ..library.pieces import DIGEST, list_digest, piece_count, piece_size
from .errors import DownloadError, Unwritable
from .part_file import PartFile, plausible
from .part_state import State, is_state
from .target import Target

RESUME_AT_ONCE = 0.05
"""Seconds after which a thread that resumes files hands over those that it is done with."""
HASH_AT_ONCE = 2 * 2**20
"""Bytes in a row for which hashing on is worth a thread."""


class Storage:
    """The file `name` of `size` bytes with the hash `sha256` (hex), on its way to `target`.

    `pieces` is the digest of its piece list from the index record, "" for a file of one piece. Everything that touches
    the disk raises DownloadError.

    Threads: `write` may be called from any number of threads at once; `resume` and `hash_on` from one at a time, and
    `resume` before anything else is called. Everything else belongs to the reactor's thread, which alone changes
    `have` and `digests` (`resume` replaces both once, whole), so that they may be read there without a lock.
    """

    def __init__(self, name: str, sha256: str, size: int, pieces: str, target: Target) -> None:
        self.name = name
        self.sha256 = sha256
        self.size = size
        self.target = target
        self.count = piece_count(size)
        self.piece_size = piece_size(size)
        """Bytes of each piece but the last."""
        self.have: set[int] = set()
        self.digests: bytes | None = bytes.fromhex(sha256) if self.count <= 1 else None
        """The 32-byte hashes of all pieces one after the other; None as long as they are not known."""
        self.modified: int | None = None
        """When the file was last changed, Unix seconds: the earliest time that a source has said."""
        self._list_digest = pieces
        self._lock = Lock()
        """Held while the .part is opened or closed: threads that write the first pieces must share one descriptor."""
        self._opened: PartFile | None = None
        self._closed = False
        self._state = State(target, sha256, size, self.count)
        self._whole = hashlib.sha256()
        self._hashed = 0

    @property
    def _part(self) -> PartFile:
        with self._lock:
            if self._closed:
                raise Unwritable(f"{self.target.path} is no longer being fetched")  # to a thread that comes late
            if self._opened is None:
                self._opened = PartFile(self.target)
            return self._opened

    @property
    def complete(self) -> bool:
        """Whether every piece is here."""
        return len(self.have) == self.count

    @property
    def got(self) -> int:
        """Bytes of the pieces that are here."""
        return sum(self.piece_range(piece)[1] for piece in self.have)

    def piece_range(self, piece: int) -> tuple[int, int]:
        """Return the offset and the length of `piece`, in bytes."""
        offset = piece * self.piece_size
        return offset, min(self.piece_size, self.size - offset)

    def missing(self) -> set[int]:
        """Return the pieces that are not here."""
        return set(range(self.count)) - self.have

    def add_modified(self, modified: int | None) -> None:
        """Note when the file was last changed (Unix seconds), as a source says; None if it does not say."""
        if (time := plausible(modified)) is not None:
            self.modified = time if self.modified is None else min(self.modified, time)

    # the piece list

    def accept_list(self, digests: bytes) -> bool:
        """Take the piece list if it is the one that the index record names; return whether it is."""
        right = len(digests) == DIGEST * self.count and list_digest(digests) == self._list_digest
        if right:
            self.digests = digests
        return right

    # pieces

    def matches(self, piece: int, digest: bytes) -> bool:
        """Return whether `digest` is the hash of the piece. The piece list must be known."""
        assert self.digests is not None
        return digest == self.digests[DIGEST * piece : DIGEST * (piece + 1)]

    def write(self, offset: int, *parts: bytes) -> None:
        """Write `parts`, one after the other, at byte `offset`. They count only once their piece is kept."""
        self._part.write(offset, *parts)

    def keep(self, piece: int) -> None:
        """Count the piece, which is verified and written, as here."""
        self.have.add(piece)
        if self.count > 1:
            assert self.digests is not None
            self._state.add(piece, self.digests, self.have)

    def open_piece(self) -> int:
        """Return a new descriptor to read verified pieces from; the caller closes it."""
        return self._part.duplicate()

    # resuming

    def resume(self) -> None:
        """Verify the pieces that an earlier run left, and count those that are right. For a thread."""
        if self.count <= 1:
            return
        self.have = {piece for piece in self._state.read(self.accept_list) if self._is_here(piece)}

    def _is_here(self, piece: int) -> bool:
        offset, length = self.piece_range(piece)
        return self.matches(piece, hashlib.sha256(self._part.read(offset, length)).digest())

    # its end

    def hash_on(self, take: Callable[[int], Sequence[bytes]] = lambda piece: ()) -> None:
        """Add the verified pieces that follow those already hashed to the hash of the whole file. For a thread.

        `take` returns the parts of a piece that is still in memory; others are read from the disk.
        That the pieces are right by their list does not say that the list is the file's: a false index record may
        bind one file's list to another's hash.
        """
        while self._hashed in self.have:
            for part in take(self._hashed) or [self._part.read(*self.piece_range(self._hashed))]:
                self._whole.update(part)
            self._hashed += 1

    @property
    def can_hash_on(self) -> bool:
        """Whether `hash_on` has enough to do to be worth a thread: all the rest, or HASH_AT_ONCE bytes in a row."""
        if self.is_hashed:
            return False
        row = max(1, HASH_AT_ONCE // self.piece_size)
        return self.complete or all(piece in self.have for piece in range(self._hashed, self._hashed + row))

    @property
    def is_hashed(self) -> bool:
        """Whether the whole file has been hashed."""
        return self._hashed == self.count

    def is_right(self) -> bool:
        """Return whether the whole file, which has been hashed, is the one that is wanted."""
        return self._whole.hexdigest() == self.sha256

    def discard(self) -> None:
        """Remove all of it from the disk, and close it."""
        self.have.clear()
        if self._opened is not None:
            self._opened.discard()
        self.close()

    def close(self) -> None:
        """Close it, and leave it on the disk to be resumed, if it has a verified piece.

        Nothing can be read or written any more.
        """
        with self._lock:
            self._closed = True
            opened, self._opened = self._opened, None
        if opened is not None:
            if self.count > 1 and (self.have or is_state(self.target)):
                with suppress(DownloadError):
                    self._state.write(self.digests or b"", self.have)
                opened.close()
            else:
                opened.discard()

    def finish(self, overwrite: bool) -> None:
        """Give it its final name. All pieces must be here. Raises NameTaken if another file has that name."""
        self._part.truncate(self.size)
        self._part.modified = self.modified
        self._part.finish(overwrite)
        self._state.forget()


def resume_some(left: deque[Storage]) -> list[tuple[Storage, DownloadError | None]]:
    """Resume the first of the files in `left`, at least one, and take them out; return each, and how it has failed.

    For a thread.
    """
    until, done = monotonic() + RESUME_AT_ONCE, list[tuple[Storage, DownloadError | None]]()
    while left and (not done or monotonic() < until):
        storage, error = left.popleft(), None
        try:
            storage.resume()
        except DownloadError as e:
            error = e
        done.append((storage, error))
    return done
