"""How many downloaders a swarm is connected to, and which of them. Pure.

Each has neighbours by chance, so that the swarm is well mixed. One whose neighbours happen to have many others gets
fewer turns than the rest, would end long after them, and gets more neighbours for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from .source import Source

MAX_NEIGHBOURS = 18
"""Sources connected at the same time of those that are downloaders as well, in general."""
MORE, MOST_NEIGHBOURS = 2, 22
"""Places more for a swarm that is short of turns, each time and at most."""
USED_IN_A_ROW = 28
"""Turns without one to no use after which it is: most swarms have one among six."""


class NeighbourPlaces:
    """The places for neighbours of one swarm."""

    def __init__(self) -> None:
        self._number = MAX_NEIGHBOURS
        self._used = 0
        """Turns used since the last one to no use."""

    def note_turn(self, used: bool) -> bool:
        """Note that a turn was used, or to no use; return whether there are MORE places now."""
        self._used = self._used + 1 if used else 0
        if self._used < USED_IN_A_ROW or self._number >= MOST_NEIGHBOURS:
            return False
        self._used = 0
        self._number += MORE
        return True

    def displaced_by(self, source: Source, neighbours: Iterable[Source]) -> Source | None:
        """Return the neighbour that makes room for `source`: `source` itself if none does; None if there is room.

        The lowest lots have the places, whoever was there first. One of which something is requested stays.
        """
        taken = list(neighbours)
        if len(taken) < self._number:
            return None
        idle = [one for one in taken if one.connection is not None and not one.outstanding]
        last = max(idle, key=lambda one: one.lot, default=source)
        return source if last.lot <= source.lot else last
