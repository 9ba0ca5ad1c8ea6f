"""The sorted list of the addresses of active peers, which PQuery reads in pages."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable

from ..wire.address import Address

MAX_SINGLE_REMOVALS = 64
"""Up to so many addresses are removed one by one; for more, the list is built again."""


class AddressBook:
    """A sorted list of different addresses. `generation` (int) grows with every change."""

    def __init__(self) -> None:
        self._sorted: list[Address] = []
        self.generation = 0

    def __len__(self) -> int:
        return len(self._sorted)

    def load(self, addresses: Iterable[Address]) -> None:
        """Replace all addresses by these, in any order."""
        self._sorted = sorted(addresses)
        self.generation += 1

    def add(self, address: Address) -> None:
        """Add an address that is not in the book."""
        insort(self._sorted, address)
        self.generation += 1

    def remove(self, addresses: Collection[Address]) -> None:
        """Remove addresses, all of which are in the book."""
        if not addresses:
            return
        self.generation += 1
        if len(addresses) > MAX_SINGLE_REMOVALS:
            removed = set(addresses)
            self._sorted = [address for address in self._sorted if address not in removed]
            return
        for address in addresses:
            del self._sorted[bisect_left(self._sorted, address)]

    def page(self, limit: int | None, after: Address | None) -> tuple[list[Address], bool]:
        """Return at most `limit` addresses after `after`, which need not be in the book; and whether more follow."""
        first = 0 if after is None else bisect_right(self._sorted, after)
        end = len(self._sorted) if limit is None else first + limit
        return self._sorted[first:end], end < len(self._sorted)
