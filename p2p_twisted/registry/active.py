"""The addresses of the active peers, kept in ascending order so that a page of them is found by bisection."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable

from ..wire.address import Address

FEW = 64
"""Up to so many addresses are taken out one by one; of more, the list is made anew."""


class AddressBook:
    """A sorted list of addresses, no address twice. `generation` (int) grows with every change."""

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
        """Enter an address that is not there yet."""
        insort(self._sorted, address)
        self.generation += 1

    def remove(self, addresses: Collection[Address]) -> None:
        """Take out addresses, all of which are there."""
        if not addresses:
            return
        self.generation += 1
        if len(addresses) > FEW:
            gone = set(addresses)
            self._sorted = [address for address in self._sorted if address not in gone]
            return
        for address in addresses:
            del self._sorted[bisect_left(self._sorted, address)]

    def page(self, limit: int | None, after: Address | None) -> tuple[list[Address], bool]:
        """At most `limit` addresses, those behind `after` (which need not be there); and whether more follow."""
        first = 0 if after is None else bisect_right(self._sorted, after)
        end = len(self._sorted) if limit is None else first + limit
        return self._sorted[first:end], end < len(self._sorted)
