"""Pieces verified a moment ago, kept in memory: the hash of the whole file takes them from there."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

MAX_BYTES = 8 * 2**20
"""Bytes that are kept; the oldest pieces give way."""


class RecentPieces:
    """The parts of pieces, by the hash of their file and their number. All of it may be called from any thread."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[str, int], tuple[Sequence[bytes], int]] = {}
        self._size = 0
        self._lock = Lock()

    def add(self, sha256: str, piece: int, parts: Sequence[bytes]) -> None:
        """Keep the parts of a piece."""
        size = sum(map(len, parts))
        with self._lock:
            self._remove((sha256, piece))
            self._pieces[sha256, piece] = parts, size
            self._size += size
            while self._size > MAX_BYTES:
                self._remove(next(iter(self._pieces)))

    def take(self, sha256: str, piece: int) -> Sequence[bytes]:
        """Return the parts of a piece, and keep them no longer; () if they are not kept."""
        with self._lock:
            return self._remove((sha256, piece))

    def _remove(self, key: tuple[str, int]) -> Sequence[bytes]:
        parts, size = self._pieces.pop(key, ((), 0))
        self._size -= size
        return parts
