"""Which piece a full source gives to whoever asks for the next one: each to one asker only, until all are out.

Not the asker but the source knows what it has sent. While a piece is with nobody else, sending another one twice
wastes the uplink that everybody waits for (Li, Chou, Zhang: Mutualcast, 2004). Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from ..wire.ranges import Ranges

MAX_AHEAD = 1
"""Pieces that one asker may have been given more than most."""


class SuperSeeding:
    """What this peer has given out of the files that it has complete.

    An asker is whatever identifies its connection. What was given out of a file is forgotten when the last one who
    asked for it has gone: a swarm that comes later begins anew.
    """

    def __init__(self) -> None:
        self._given: dict[str, set[int]] = {}
        self._askers: dict[str, set[Hashable]] = {}
        self._counts: dict[Hashable, int] = {}

    def next(self, asker: Hashable, wants: Iterable[tuple[str, Ranges, int]]) -> tuple[str, int] | None:
        """The first piece among `wants` (sha256, pieces, number of pieces that the file has) not given to anyone.

        Returns (sha256, piece), which now counts as given; None if all of them are out.
        """
        for sha256, ranges, count in wants:
            given = self._given.setdefault(sha256, set())
            self._askers.setdefault(sha256, set()).add(asker)
            if len(given) < count:
                piece = _first_not_in(given, ranges, count)
                if piece is not None:
                    given.add(piece)
                    self._counts[asker] = self._counts.get(asker, 0) + 1
                    return sha256, piece
        return None

    def is_ahead(self, asker: Hashable) -> bool:
        """Whether `asker` has been given so much more than the others that it should wait for them.

        Each has to pass on what it alone was given: who gets twice his share needs twice the time for that, and all
        wait for him. The measure is the median: one that can take only little, or has just come, holds nobody up.
        """
        counts = sorted(self._counts.values())
        return bool(counts) and self._counts.get(asker, 0) > counts[len(counts) // 2] + MAX_AHEAD

    def take_back(self, sha256: str, piece: int) -> None:
        """The piece did not reach the asker: it may be given again."""
        self._given.get(sha256, set()).discard(piece)

    def gone(self, asker: Hashable) -> None:
        """This asker asks no more."""
        self._counts.pop(asker, None)
        for sha256 in [sha256 for sha256, askers in self._askers.items() if asker in askers]:
            self._askers[sha256].discard(asker)
            if not self._askers[sha256]:
                del self._askers[sha256], self._given[sha256]


def _first_not_in(given: set[int], ranges: Ranges, count: int) -> int | None:
    for first, last in ranges:
        for piece in range(first, min(last, count - 1) + 1):
            if piece not in given:
                return piece
    return None
