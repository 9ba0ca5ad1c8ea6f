"""Who of several parties fetches which piece: each piece falls to one of them, and all come to the same answer. Pure.

No message is needed for it: everybody draws the same lots for each piece and each party (rendezvous hashing: Thaler and
Ravishankar, *Using name-based mappings to increase hit rates*, 1998). When a party leaves, only its pieces fall to
others. One that does not fetch its pieces counts as gone for those who wait for them, until it goes on.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from hashlib import shake_128

from ..wire.ranges import Bits


class Division:
    """Divides the pieces of files among the parties; `me` is the name of this side's. Times are in seconds."""

    def __init__(self, me: str) -> None:
        self.me = me
        self._idle: set[str] = set()
        self._progress: dict[str, float] = {}
        """When each other party was last seen to fetch one of its pieces, while this side waited for it."""
        self._fetched: dict[tuple[str, str], Bits] = {}
        """(party, file) -> the pieces by which it was seen."""

    def share(self, sha256: str, count: int, others: frozenset[str]) -> Bits:
        """Return those of the `count` pieces of a file that this side is to fetch, and none of the `others`."""
        return first_of(sha256, count, self.me, others - self._idle)

    def wait(
        self, sha256: str, count: int, others: Mapping[str, Bits], missing: Bits, now: float, patience: float
    ) -> None:
        """Note that this side waits for the `others` at the time `now`: it has fetched all of its own pieces.

        `others`: which pieces of the file each of them has; `missing`: those that this side lacks. One that has fetched
        none of its pieces for `patience` seconds of waiting counts as gone.
        """
        parties = frozenset(others) | {self.me}
        for party, has in others.items():
            own = first_of(sha256, count, party, parties - {party})
            ahead = has & own & missing & ~self._fetched.get((party, sha256), 0)
            if ahead:
                self._fetched[party, sha256] = self._fetched.get((party, sha256), 0) | ahead
                self._progress[party] = now
                self._idle.discard(party)
            elif now - self._progress.setdefault(party, now) > patience:
                self._idle.add(party)

    def go_on(self) -> None:
        """Note that this side waits for nobody: it has pieces of its own to fetch."""
        self._progress.clear()


def first_of(sha256: str, count: int, party: str, others: frozenset[str]) -> Bits:
    """Return those of the `count` pieces of a file that fall to `party`, of it and the `others`."""
    return _shares(sha256, count, others | {party})[party] if others else (1 << count) - 1


@lru_cache(64)
def _shares(sha256: str, count: int, parties: frozenset[str]) -> dict[str, Bits]:
    """Return the pieces that fall to each of the `parties`."""
    names = list(parties)
    shares = dict.fromkeys(names, 0)
    for piece, lots in enumerate(zip(*(_lots(sha256, count, name) for name in names), strict=True)):
        shares[names[lots.index(max(lots))]] |= 1 << piece
    return shares


@lru_cache(128)
def _lots(sha256: str, count: int, party: str) -> tuple[int, ...]:
    return struct.unpack(f">{count}Q", shake_128(f"{sha256} {party}".encode()).digest(8 * count))
