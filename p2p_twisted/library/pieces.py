"""The division of a file into pieces, and the hashes of the whole and of each piece in one pass. Pure.

All peers must divide alike: the size of a piece follows from the size of the file alone (docs/protocol.rst, "Pieces").
"""

from __future__ import annotations

import hashlib

MIN_PIECE = 64 * 2**10
"""Smallest piece in bytes: a smaller one costs more in requests than it gains by arriving earlier."""

MAX_PIECE = 4 * 2**20
"""Largest piece in bytes: this much is fetched again when a piece is corrupt."""

AIM = 1024
"""Number of pieces aimed at; only a file over AIM * MAX_PIECE bytes has more."""

DIGEST = 32
"""Bytes of one SHA-256."""


def piece_size(size: int) -> int:
    """Return the bytes of each piece but the last, for a file of `size` bytes.

    That is the smallest power of two that is at least size / AIM, but not under MIN_PIECE nor over MAX_PIECE. Raises
    ValueError if `size` is negative."""
    if size < 0:
        raise ValueError(f"a file cannot have {size} bytes")
    at_least = -(-size // AIM)
    return min(max(1 << max(at_least - 1, 0).bit_length(), MIN_PIECE), MAX_PIECE)


def piece_count(size: int) -> int:
    """Return the number of pieces of a file of `size` bytes; an empty file has none."""
    return -(-size // piece_size(size))


def piece_range(size: int, i: int) -> tuple[int, int]:
    """Return (offset, length) in bytes of piece `i` in a file of `size` bytes. Raises IndexError if there is none."""
    if not 0 <= i < piece_count(size):
        raise IndexError(f"a file of {size} bytes has no piece {i}")
    offset = i * piece_size(size)
    return offset, min(piece_size(size), size - offset)


def list_length(size: int) -> int:
    """Return the bytes in the piece list of a file of `size` bytes: DIGEST for each piece, 0 for at most one."""
    count = piece_count(size)
    return DIGEST * count if count > 1 else 0


def list_digest(digests: bytes) -> str:
    """Return the SHA-256 in hex of a piece list: `digests` holds the 32 bytes of each piece, in order."""
    return hashlib.sha256(digests).hexdigest()


class PieceHasher:
    """SHA-256 of a file and of each of its pieces, fed in one pass with blocks of any size.

    For one thread at a time. Big blocks are best: hashlib lets other threads run while it works on more than 2 KiB.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._piece_size = piece_size(size)
        self._whole = hashlib.sha256()
        self._piece = hashlib.sha256()
        self._fed = 0
        self._digests: list[bytes] = []

    def update(self, block: bytes | memoryview) -> None:
        """Feed the next bytes of the file. Raises ValueError when they go beyond its size."""
        view = memoryview(block)
        if self._fed + len(view) > self._size:
            raise ValueError(f"more than the {self._size} bytes announced")
        self._whole.update(view)
        if self._size > self._piece_size:
            self._update_pieces(view)
        self._fed += len(view)

    def _update_pieces(self, view: memoryview) -> None:
        room = self._piece_size - self._fed % self._piece_size
        while len(view) >= room:
            self._piece.update(view[:room])
            self._digests.append(self._piece.digest())
            self._piece = hashlib.sha256()
            view, room = view[room:], self._piece_size
        self._piece.update(view)

    def sha256(self) -> str:
        """Return the file's SHA-256 in hex. Raises ValueError before all its bytes were fed."""
        self._check_complete()
        return self._whole.hexdigest()

    def pieces(self) -> bytes:
        """Return the pieces' digests one after the other, 32 bytes each; b"" for a file of at most one piece.

        Raises ValueError before all bytes were fed.
        """
        self._check_complete()
        if self._size <= self._piece_size:
            return b""
        rest = self._piece.digest() if self._size % self._piece_size else b""
        return b"".join(self._digests) + rest

    def _check_complete(self) -> None:
        if self._fed != self._size:
            raise ValueError(f"only {self._fed} of {self._size} bytes were fed")
