"""The unfinished files of other peers, and the pieces that they have: bounded for all peers together. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...library.pieces import piece_count
from ...wire.changes import Have
from ...wire.ranges import Bits, Ranges

MAX_TOTAL = 8 * 2**20
"""Bytes of memory for the unfinished files of all peers, about 28 000 of them."""
PART_COST = 300
"""Bytes of memory that an unfinished file takes, its pieces not counted."""
MAX_COUNT = 2**20
"""Most pieces of a file: more than a swarm fetches."""


class Part:
    """An unfinished file of another peer: the number of its pieces, and those that the peer has, as bits."""

    __slots__ = ("_bits", "count")

    def __init__(self, count: int) -> None:
        self.count = count
        self._bits = bytearray()

    def __len__(self) -> int:
        """Return the bytes of memory for its pieces."""
        return len(self._bits)

    def add(self, ranges: Ranges) -> None:
        """Note that the peer has the pieces in `ranges`, those beyond the end of the file not counted."""
        for first, last in ranges:
            if first < self.count:
                self._set(first, min(last, self.count - 1))

    def _set(self, first: int, last: int) -> None:
        bits = self._bits
        bits.extend(bytes(max(0, last // 8 + 1 - len(bits))))
        if first // 8 == last // 8:
            bits[first // 8] |= (0xFF << first % 8) & (0xFF >> (7 - last % 8)) & 0xFF
            return
        bits[first // 8] |= (0xFF << first % 8) & 0xFF
        bits[first // 8 + 1 : last // 8] = b"\xff" * (last // 8 - first // 8 - 1)
        bits[last // 8] |= 0xFF >> (7 - last % 8)

    @property
    def pieces(self) -> Bits:
        """The pieces that the peer has."""
        return int.from_bytes(self._bits, "little")


class Room:
    """The memory for the unfinished files of all peers. When it is used up, the peer that has most loses all of its."""

    def __init__(self, limit: int = MAX_TOTAL) -> None:
        self._limit = limit
        self._total = 0
        self._used: dict[Unfinished, int] = {}

    def take(self, owner: Unfinished, size: int) -> None:
        """Take `size` bytes more for `owner`."""
        self._total += size
        self._used[owner] = self._used.get(owner, 0) + size
        while self._total > self._limit:
            max(self._used, key=self._used.__getitem__).clear()

    def give_back(self, owner: Unfinished, size: int) -> None:
        """Return `size` bytes of `owner`."""
        self._total -= size
        self._used[owner] -= size
        if not self._used[owner]:
            del self._used[owner]


class Unfinished(Mapping[str, Part]):
    """The unfinished files of one peer by their SHA-256 (hex). Peers are told apart by identity."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._parts: dict[bytes, Part] = {}

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def __getitem__(self, sha256: str) -> Part:
        return self._parts[bytes.fromhex(sha256)]

    def __iter__(self) -> Iterator[str]:
        return (sha256.hex() for sha256 in self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def add(self, have: Have) -> None:
        """Note what the peer has of a file. The size of a file is what it was said to be first."""
        key, count = bytes.fromhex(have.sha256), piece_count(have.size)
        part = self._parts.get(key)
        if part is None:
            if count > MAX_COUNT:
                return
            part = self._parts[key] = Part(count)
            self._room.take(self, PART_COST)
        before = len(part)
        part.add(have.pieces)
        if len(part) > before and key in self._parts:
            self._room.take(self, len(part) - before)

    def discard(self, sha256: str | None) -> None:
        """Forget a file, if it is there: it is complete."""
        part = self._parts.pop(bytes.fromhex(sha256 or ""), None)
        if part is not None:
            self._room.give_back(self, PART_COST + len(part))

    def clear(self) -> None:
        """Forget all."""
        parts, self._parts = self._parts, {}
        if parts:
            self._room.give_back(self, sum(PART_COST + len(part) for part in parts.values()))
