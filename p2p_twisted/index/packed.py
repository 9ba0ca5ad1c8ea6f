"""A record in little memory: its fields but name, holder and TTL as bytes, equal for all who have the same document.

The first byte says which fields there are: none but the title, size and SHA-256 as well, or also the piece list. Its
highest bit is set in a private record.
"""

from __future__ import annotations

from struct import Struct

from ..wire.address import Address
from ..wire.records import IndexRecord

_OLD, _ONE_PIECE, _PIECES = range(3)
_PRIVATE = 0x80
_HEAD = Struct(">Bq32s")
_WITH_PIECES = Struct(">Bq32s32s")


def pack(record: IndexRecord) -> bytes:
    """Return what `record` says of its document."""
    title = record.title.encode("utf-8", "surrogatepass")
    mark = _PRIVATE if record.private else 0
    if record.sha256 is None or record.size is None:
        return bytes([mark | _OLD]) + title
    sha256 = bytes.fromhex(record.sha256)
    if not record.pieces:
        return _HEAD.pack(mark | _ONE_PIECE, record.size, sha256) + title
    return _WITH_PIECES.pack(mark | _PIECES, record.size, sha256, bytes.fromhex(record.pieces)) + title


def unpack(name: str, packed: bytes, holder: Address, ttl: int) -> IndexRecord:
    """Return the record of the document `name` at `holder`."""
    kind, private = packed[0] & ~_PRIVATE, packed[0] >= _PRIVATE
    if kind == _OLD:
        return IndexRecord(name, title_of(packed), *holder, ttl, private=private)
    size, sha256 = int.from_bytes(packed[1:9], "big"), packed[9:41].hex()
    pieces = packed[41:73].hex() if kind == _PIECES else ""
    return IndexRecord(name, title_of(packed), *holder, ttl, size, sha256, pieces, private)


def title_of(packed: bytes) -> str:
    """Return the title."""
    start = (1, _HEAD.size, _WITH_PIECES.size)[packed[0] & ~_PRIVATE]
    return packed[start:].decode("utf-8", "surrogatepass")


def size_of(packed: bytes) -> int:
    """Return the size in bytes, -1 for a record of 1.0."""
    return int.from_bytes(packed[1:9], "big") if packed[0] & ~_PRIVATE != _OLD else -1


def hash_of(packed: bytes) -> bytes:
    """Return the SHA-256 as 32 bytes, nothing for a record of 1.0."""
    return packed[9:41] if packed[0] & ~_PRIVATE != _OLD else b""


def is_private(packed: bytes) -> bool:
    """Return whether the record is for this peer alone."""
    return packed[0] & _PRIVATE != 0
