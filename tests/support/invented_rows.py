"""The rows that strangers put into their index: true records to change, and floods of invented ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from p2p_twisted.library.pieces import PieceHasher, list_digest, piece_size
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.messages import Version
from p2p_twisted.wire.records import IndexRecord, encode_record

ROWS_OF_BLOCK = 500


def record_of(name: str, data: bytes, holder: Address, title: str = "") -> tuple[IndexRecord, bytes]:
    """Return the true record of a document at `holder`, and its piece list."""
    hasher = PieceHasher(len(data))
    hasher.update(data)
    digests = hasher.pieces()
    pieces = list_digest(digests) if len(data) > piece_size(len(data)) else ""
    return IndexRecord(name, title, *holder, TTL, len(data), hasher.sha256(), pieces), digests


def row(record: IndexRecord) -> bytes:
    """Return the line of an index, in 1.1."""
    return encode_record(record, Version.V11).encode() + b"\n"


@dataclass(frozen=True)
class Flood:
    """`count` rows about invented documents, each of a name and a SHA-256 of its own, made while they are sent.

    They are at `holders` in turn. Each has `width` bytes, or as many as it needs; `start` numbers the first one.
    """

    holders: tuple[Address, ...]
    count: int
    start: int = 0
    width: int = 0

    @property
    def size(self) -> int:
        """Bytes of all rows: a row is as long as any other that is at the same holder."""
        of_each = [next(iter(replace(self, holders=(holder,), count=1))) for holder in self.holders]
        first = self.start % len(of_each)
        turns, rest = divmod(self.count, len(of_each))
        return turns * sum(map(len, of_each)) + sum(len(of_each[(first + n) % len(of_each)]) for n in range(rest))

    def __iter__(self) -> Iterator[bytes]:
        places = [f"\tbin\t\t{host}\t{port}\t{TTL}\t1000\t" for host, port in self.holders]
        for number in range(self.start, self.start + self.count):
            rest = f"{places[number % len(places)]}{number:064x}\t-\n"
            yield (f"flood{number:07d}".ljust(self.width - len(rest), "x") + rest).encode()

    def blocks(self) -> Iterator[bytes]:
        """Yield all rows, many at a time."""
        rows = iter(self)
        while block := b"".join(islice(rows, ROWS_OF_BLOCK)):
            yield block
