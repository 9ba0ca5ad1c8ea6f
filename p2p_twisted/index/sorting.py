"""The orders in which documents can be listed, and sorting in steps."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

from .holdings import Known
from .packed import hash_of, size_of, title_of
from .query import folded

SORTED_AT_ONCE = 10_000
"""Names sorted in one step."""

T = TypeVar("T", bound=Any)


def _size(known: Known) -> int:
    return max(size_of(packed) for packed, _ in known)


def _holders(known: Known) -> int:
    if len(known) == 1:
        return known[0][1]
    holders: Counter[bytes] = Counter()
    for packed, number in known:
        holders[hash_of(packed)] += number
    old = holders.pop(b"", 0)
    return old + max(holders.values(), default=0)


def _title(known: Known) -> str:
    return folded(title_of(max(known, key=lambda one: one[1])[0]))


KEYS: Mapping[str, Callable[[Known], Any]] = {
    "size": _size,
    "-size": lambda known: -_size(known),
    "holders": _holders,
    "-holders": lambda known: -_holders(known),
    "title": _title,
    "-title": _title,
}
"""The orders by something else than names. A name has one place, with all of its contents: that of the largest one, of
the one with most holders, or of its title."""
SORTS = ("name", "-name", *KEYS)
"""All orders; with ``-``, the last one comes first. Documents that are equal in it are in order of their names."""


def is_reversed(sort: str) -> bool:
    """Return whether the list sorted by name or KEYS is to be turned round for the order `sort`."""
    return sort in ("-name", "-title")


def sorted_in_steps(items: Sequence[T]) -> Generator[None, None, list[T]]:
    """Sort `items` in steps; return the result after the last one."""
    parts: list[list[T]] = []
    for start in range(0, len(items), SORTED_AT_ONCE):
        parts.append(sorted(items[start : start + SORTED_AT_ONCE]))
        yield
    while len(parts) > 1:
        parts.append((yield from _merged(parts.pop(0), parts.pop(0))))
    return parts[0] if parts else []


def _merged(one: list[T], other: list[T]) -> Generator[None, None, list[T]]:
    merged: list[T] = []
    taken = 0
    for start in range(0, len(one), SORTED_AT_ONCE // 2):
        piece = one[start : start + SORTED_AT_ONCE // 2]
        end = bisect_right(other, piece[-1], taken)
        piece += other[taken:end]
        piece.sort()  # finds the two parts sorted, and merges them
        merged += piece
        taken = end
        yield
    return merged + other[taken:]
