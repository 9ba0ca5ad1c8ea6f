"""Sets of piece numbers: as ints (bit i is piece i), and as text: ``0-3,7,9-12``, ascending, with gaps between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .errors import BadRequest
from .fields import number
from .limits import MAX_PIECES

Ranges = tuple[tuple[int, int], ...]
"""Pairs (first, last), both included, ascending, with a gap between each and the next."""
Bits = int
"""A set of pieces: bit i is set if piece i is in it."""


def bits(pieces: Iterable[int]) -> Bits:
    """Return the set of these pieces."""
    found = 0
    for piece in pieces:
        found |= 1 << piece
    return found


def first_bits(count: int) -> Bits:
    """Return the set of the first `count` pieces."""
    return (1 << count) - 1


def members(pieces: Bits) -> Iterator[int]:
    """Yield the numbers of the pieces in the set, ascending."""
    while pieces:
        lowest = pieces & -pieces
        yield lowest.bit_length() - 1
        pieces ^= lowest


def to_ranges(pieces: Bits) -> Ranges:
    """Return the ranges that hold exactly `pieces`."""
    found: list[tuple[int, int]] = []
    first = 0
    while pieces:
        gap = (pieces & -pieces).bit_length() - 1
        pieces >>= gap
        run = (~pieces & (pieces + 1)).bit_length() - 1
        first += gap
        found.append((first, first + run - 1))
        pieces >>= run
        first += run
    return tuple(found)


def from_ranges(ranges: Ranges, count: int) -> Bits:
    """Return the set of the pieces in `ranges` that a file of `count` pieces has."""
    found = 0
    for first, last in ranges:
        if first < count:
            found |= first_bits(min(last + 1, count) - first) << first
    return found


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
