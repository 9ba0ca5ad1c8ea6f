"""The piece that a full source gives to a downloader that asks for the next one: each piece once, until all are out.

The source, not the downloader, knows what it has sent. While a piece is with nobody else, sending another one twice
wastes the uplink that everybody waits for (Li, Chou, Zhang: Mutualcast, 2004). Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from ..wire.ranges import Ranges

MAX_AHEAD = 1
"""Pieces that a downloader may have been given more than most others."""


class SuperSeeding:
    """The pieces that this peer has given out of the files that it has complete.

    A downloader is anything that identifies its connection. What was given out of a file is forgotten when the last
    downloader that asked for it is gone: a later swarm starts from nothing.
    """

    def __init__(self) -> None:
        self._given: dict[str, set[int]] = {}
        self._downloaders: dict[str, set[Hashable]] = {}
        self._counts: dict[Hashable, int] = {}
        self._is_near: dict[Hashable, bool] = {}

    def next(
        self, downloader: Hashable, wants: Iterable[tuple[str, Ranges, int]], is_near: bool = True
    ) -> tuple[str, int] | None:
        """Return the first piece among `wants` that was given to nobody, as (sha256, piece); it counts as given now.

        Each want is (sha256, pieces, number of pieces of the file); `is_near`: the downloader is at this peer's site.
        Returns None if all of them are out.
        """
        self._is_near[downloader] = is_near
        for sha256, ranges, count in wants:
            given = self._given.setdefault(sha256, set())
            self._downloaders.setdefault(sha256, set()).add(downloader)
            if len(given) < count:
                piece = _first_not_in(given, ranges, count)
                if piece is not None:
                    given.add(piece)
                    self._counts[downloader] = self._counts.get(downloader, 0) + 1
                    return sha256, piece
        return None

    def is_ahead(self, downloader: Hashable) -> bool:
        """Return whether `downloader` has been given so much more than the others that it should wait for them.

        Each has to pass on the pieces that it alone was given: one with twice its share needs twice the time for that,
        and all wait for it. The measure is the median: one that can take only little, or has just come, delays nobody.
        Those at this peer's site do not wait for others, to whom the links are thinner.
        """
        is_near = self._is_near.get(downloader)
        counts = sorted(count for other, count in self._counts.items() if self._is_near[other] == is_near)
        return bool(counts) and self._counts.get(downloader, 0) > counts[len(counts) // 2] + MAX_AHEAD

    def take_back(self, sha256: str, piece: int) -> None:
        """Let the piece, which did not reach its downloader, be given again."""
        self._given.get(sha256, set()).discard(piece)

    def remove(self, downloader: Hashable) -> None:
        """Forget a downloader that sends no more requests."""
        self._counts.pop(downloader, None)
        self._is_near.pop(downloader, None)
        for sha256 in [sha256 for sha256, others in self._downloaders.items() if downloader in others]:
            self._downloaders[sha256].discard(downloader)
            if not self._downloaders[sha256]:
                del self._downloaders[sha256], self._given[sha256]


def _first_not_in(given: set[int], ranges: Ranges, count: int) -> int | None:
    for first, last in ranges:
        for piece in range(first, min(last, count - 1) + 1):
            if piece not in given:
                return piece
    return None
