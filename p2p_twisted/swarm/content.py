"""A file of a download: its proven pieces, where they lie on the disk, and what survives a ``kill -9``.

NAME.part holds the pieces at their places. NAME.part.state is text: a first line with the hash and size of the file, a
line with its piece hashes, then a line for each piece that was proven and written. What it says is not believed: the
pieces are hashed again before they count.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO

from ..library.pieces import DIGEST, list_digest, piece_count, piece_range, piece_size
from .errors import Unwritable
from .part import PartFile, beside, local_error, remove

MAGIC = "p2p-part 1"
HASH_AT_ONCE = 4 * 2**20
"""Bytes."""
STATE_MOST, STATE_OF_PIECE = 256, 2 * DIGEST + 24
"""Characters of a state file that are read, at most: for the first line, and for each piece its hash and its number."""


class Content:
    """The file `name` of `size` bytes with the hash `sha256` (hex), on its way to `target`.

    `pieces` is the digest of its piece list from the index record, "" for a file of one piece. Everything that touches
    the disk raises DownloadError.

    Threads: `write` may be called from any number of threads at once; `resume` and `hash_on` from one at a time, and
    `resume` before anything else is called. Everything else belongs to the reactor's thread, which alone changes
    `have` and `digests` (`resume` replaces both once, whole), so that they may be read there without a lock.
    """

    def __init__(self, name: str, sha256: str, size: int, pieces: str, target: Path) -> None:
        self.name = name
        self.sha256 = sha256
        self.size = size
        self.target = target
        self.count = piece_count(size)
        self.have: set[int] = set()
        self.digests: bytes | None = bytes.fromhex(sha256) if self.count <= 1 else None
        """The 32-byte hashes of all pieces one after the other; None as long as they are not known."""
        self._list_digest = pieces
        self._lock = Lock()
        """Held while the .part is opened or let go: threads that write the first pieces must share one descriptor."""
        self._opened: PartFile | None = None
        self._closed = False
        self._state: IO[str] | None = None
        self._whole = hashlib.sha256()
        self._hashed = 0

    @property
    def _part(self) -> PartFile:
        with self._lock:
            if self._closed:
                raise Unwritable(f"{self.target} is not being fetched any more")  # to a thread that comes late
            if self._opened is None:
                self._opened = PartFile(self.target)
            return self._opened

    @property
    def state_path(self) -> Path:
        """The file with what is proven so far."""
        return beside(self.target, ".part.state")

    @property
    def complete(self) -> bool:
        """Whether every piece is there."""
        return len(self.have) == self.count

    @property
    def got(self) -> int:
        """Bytes in the pieces that are there."""
        return sum(piece_range(self.size, piece)[1] for piece in self.have)

    def missing(self) -> set[int]:
        """The pieces that are not there."""
        return set(range(self.count)) - self.have

    # the piece list

    def accept_list(self, digests: bytes) -> bool:
        """Take the piece list if it is the one that the index record is bound to."""
        right = len(digests) == DIGEST * self.count and list_digest(digests) == self._list_digest
        if right:
            self.digests = digests
        return right

    # pieces

    def proves(self, piece: int, digest: bytes) -> bool:
        """Whether `digest` is the piece's hash. The piece list must be known."""
        assert self.digests is not None
        return digest == self.digests[DIGEST * piece : DIGEST * (piece + 1)]

    def write(self, offset: int, data: bytes) -> None:
        """Put bytes into the file, proven or not."""
        self._part.write(offset, data)

    def keep(self, piece: int) -> None:
        """The piece is proven and written."""
        self.have.add(piece)
        if self.count > 1:
            try:
                if self._state is None:
                    self._state = self._open_state()
                    self._begin_state(self._state)
                self._state.write(f"{piece}\n")
                self._state.flush()
            except OSError as e:
                raise local_error(e, self.state_path) from e

    def open_piece(self) -> int:
        """A descriptor of its own to read proven pieces from, the caller's to close."""
        return self._part.duplicate()

    def _open_state(self) -> IO[str]:
        """Written over from its start, not emptied first: a kill in between must not lose what an earlier run has."""
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        return os.fdopen(os.open(self.state_path, flags, 0o644), "w", encoding="ascii")

    def _begin_state(self, state: IO[str]) -> None:
        assert self.digests is not None
        state.write(f"{MAGIC} {self.sha256} {self.size}\n{self.digests.hex()}\n")
        state.writelines(f"{piece}\n" for piece in sorted(self.have))
        state.truncate()

    def _close_state(self) -> None:
        if self._state is not None:
            with suppress(OSError):  # what could not be written is tried once more
                self._state.close()
            self._state = None

    # going on with what an earlier run left

    def resume(self) -> None:
        """Prove again what an earlier run has left, and count it. Reads and hashes: for a thread."""
        if self.count <= 1:
            return
        digests, claimed = self._read_state()
        if digests is None or not self.accept_list(digests):
            return
        self.have = {piece for piece in claimed if self._is_here(piece)}

    def _is_here(self, piece: int) -> bool:
        offset, length = piece_range(self.size, piece)
        return self.proves(piece, hashlib.sha256(self._part.read(offset, length)).digest())

    def _read_state(self) -> tuple[bytes | None, set[int]]:
        try:
            with self.state_path.open(encoding="ascii") as state:
                head, digests, *lines = state.read(STATE_MOST + self.count * STATE_OF_PIECE).splitlines()
            if head != f"{MAGIC} {self.sha256} {self.size}":
                return None, set()
            return bytes.fromhex(digests), set(self._numbers(lines))
        except (OSError, ValueError):
            return None, set()

    def _numbers(self, lines: list[str]) -> Iterator[int]:
        for line in lines:
            if line.isascii() and line.isdigit() and int(line) < self.count:
                yield int(line)

    # its end

    def hash_on(self) -> None:
        """Take the proven pieces that follow on those hashed before into the hash of the whole. For a thread.

        That the pieces are right by their list does not say that the list is the file's: a false index record may
        bind one file's list to another's hash.
        """
        while self._hashed in self.have:
            offset, length = piece_range(self.size, self._hashed)
            self._whole.update(self._part.read(offset, length))
            self._hashed += 1

    @property
    def can_hash_on(self) -> bool:
        """Whether `hash_on` has enough to do to be worth a thread: all the rest, or HASH_AT_ONCE bytes in a row."""
        row = max(1, HASH_AT_ONCE // piece_size(self.size))
        return self.complete or all(piece in self.have for piece in range(self._hashed, self._hashed + row))

    @property
    def is_hashed(self) -> bool:
        """Whether the whole has been hashed."""
        return self._hashed == self.count

    def is_right(self) -> bool:
        """Whether the whole, all of which has been hashed, is the file that was wanted."""
        return self._whole.hexdigest() == self.sha256

    def discard(self) -> None:
        """Remove all of it."""
        self.have.clear()
        remove(self.state_path)
        self.close()

    def close(self) -> None:
        """Leave it as it is, to be gone on with another time; without a proven piece there is nothing to keep.

        Nothing can be read or written any more.
        """
        with self._lock:
            self._closed = True
            opened, self._opened = self._opened, None
        self._close_state()
        if opened is not None:
            if self.count > 1 and (self.have or os.path.lexists(self.state_path)):
                opened.close()
            else:
                opened.discard()

    def finish(self, overwrite: bool) -> None:
        """Give it its final name. All pieces must be there. Raises Exists when that name is taken."""
        self._part.truncate(self.size)
        self._close_state()
        self._part.finish(overwrite)
        if self.count > 1:
            remove(self.state_path)
