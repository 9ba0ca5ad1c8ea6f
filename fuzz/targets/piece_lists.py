r"""Piece lists: ``SIZE\n`` and the answer to GET PIECES for a file of that size, to `Storage.accept_list`."""

from __future__ import annotations

from pathlib import Path

from fuzz.harness import bounded
from p2p_twisted.library.pieces import DIGEST, list_digest
from p2p_twisted.swarm.piece_hashes import parse_piece_list
from p2p_twisted.swarm.storage import Storage
from p2p_twisted.swarm.target import Target
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.fields import number, text

TARGET = Target(Path("/nowhere"), "document.bin")


def _storage(size: int, digests: bytes) -> Storage:
    """Return a file of `size` bytes whose index record names the piece list `digests`."""
    return Storage("document.bin", "0" * 64, size, list_digest(digests), TARGET)


def _body(digests: bytes) -> bytes:
    """Return the answer to GET PIECES."""
    return "".join(f"{digests[i : i + DIGEST].hex()}\n" for i in range(0, len(digests), DIGEST)).encode()


@bounded
def one(data: bytes) -> None:
    """Accept the list that the record names if it has a hash for each piece, and no other."""
    first, _, body = data.partition(b"\n")
    try:
        size = number(text(first), "size")
    except BadRequest:
        return
    digests = parse_piece_list(body)
    storage = _storage(size, digests)
    assert storage.accept_list(digests) == (len(digests) == DIGEST * storage.count)
    if storage.count > 1 and storage.digests is not None:
        assert storage.matches(0, digests[:DIGEST])
        assert storage.matches(storage.count - 1, digests[-DIGEST:])
        assert parse_piece_list(_body(digests)) == digests
        assert not _storage(size, digests[:-1] + bytes([digests[-1] ^ 1])).accept_list(digests)
