"""Sets of piece numbers as text: ``0-3,7,9-12``, ascending, with gaps between them, without white space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from .errors import BadRequest
from .fields import number
from .limits import MAX_PIECES

Ranges = tuple[tuple[int, int], ...]
"""Pairs (first, last), both included, ascending, with a gap between each and the next."""


def to_ranges(pieces: Iterable[int]) -> Ranges:
    """Return the ranges that hold exactly `pieces`."""
    ordered = sorted(pieces)
    if not ordered:
        return ()
    gaps = [(before, after) for before, after in pairwise(ordered) if after - before > 1]
    firsts = [ordered[0], *(after for _, after in gaps)]
    lasts = [*(before for before, _ in gaps), ordered[-1]]
    return tuple(zip(firsts, lasts, strict=True))


def from_ranges(ranges: Ranges, count: int) -> Iterator[int]:
    """Return the pieces in `ranges`, ascending, that a file of `count` pieces has."""
    for first, last in ranges:
        yield from range(first, min(last + 1, count))


def format_ranges(ranges: Ranges) -> str:
    """Return `ranges` as text."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def parse_ranges(text: str) -> Ranges:
    """Return the ranges in `text`: the inverse of `format_ranges`. Raises BadRequest, also if it is empty."""
    found: list[tuple[int, int]] = []
    for part in text.split(","):
        low, dash, high = part.partition("-")
        first = number(low, "a piece", 0, MAX_PIECES)
        last = number(high, "a piece", first + 1, MAX_PIECES) if dash else first
        if found and first <= found[-1][1] + 1:
            raise BadRequest("pieces must be ascending, and ranges that touch be one")
        found.append((first, last))
    return tuple(found)
