"""How many sources have each piece of a file. Pure.

Kept in planes, as the digits of a tally: plane k is the set of the pieces that more than k sources have. To add the
pieces of a source, or to find the rarest of a thousand, is an operation on a long int for each plane.
"""

from __future__ import annotations

from ..wire.ranges import Bits


class Availability:
    """Counts the sources of each piece."""

    def __init__(self) -> None:
        self._planes: list[Bits] = []

    def add(self, pieces: Bits) -> None:
        """Count one source more for each of `pieces`."""
        for k, plane in enumerate(self._planes):
            if not pieces:
                return
            self._planes[k] = plane | pieces
            pieces &= plane
        if pieces:
            self._planes.append(pieces)

    def remove(self, pieces: Bits) -> None:
        """Count one source less for each of `pieces`, all of which were added."""
        for k in range(len(self._planes) - 1, -1, -1):
            found = self._planes[k] & pieces
            self._planes[k] ^= found
            pieces ^= found
        while self._planes and not self._planes[-1]:
            self._planes.pop()

    @property
    def known(self) -> Bits:
        """The pieces that any source has."""
        return self._planes[0] if self._planes else 0

    def of(self, piece: int) -> int:
        """Return the number of sources of one piece."""
        return sum(plane >> piece & 1 for plane in self._planes)

    def rarest(self, among: Bits) -> tuple[int, Bits]:
        """Return the lowest number of sources that any of the pieces `among` has, and all of them that have it."""
        for k, plane in enumerate(self._planes):
            rare = among & ~plane
            if rare:
                return k, rare
        return len(self._planes), among
