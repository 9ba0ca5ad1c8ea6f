"""The addresses of the active peers: sorted, in pages, and some chosen by chance. Pure."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Collection, Iterable

from ..wire.address import Address

MAX_SINGLE_REMOVALS = 64
"""Up to so many addresses are removed one by one; for more, the list is built again."""


class Hosts:
    """The hosts of addresses, of which one may be chosen by chance without looking at all."""

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._counts = Counter(hosts)
        self._all = list(self._counts)
        self._where = {host: number for number, host in enumerate(self._all)}

    def add(self, host: str) -> None:
        """Add an address of `host`."""
        if not self._counts[host]:
            self._where[host] = len(self._all)
            self._all.append(host)
        self._counts[host] += 1

    def remove(self, host: str) -> None:
        """Remove an address of `host`."""
        self._counts[host] -= 1
        if not self._counts[host]:
            last, number = self._all[-1], self._where[host]
            self._all[number], self._where[last] = last, number
            self._all.pop()
            del self._where[host], self._counts[host]

    def sample(self, number: int) -> list[str]:
        """Return `number` hosts chosen by chance, all if there are fewer."""
        return random.sample(self._all, min(number, len(self._all)))


class AddressBook:
    """A sorted list of different addresses. `generation` (int) grows with every change."""

    def __init__(self) -> None:
        self._sorted: list[Address] = []
        self._hosts = Hosts()
        self.generation = 0

    def __len__(self) -> int:
        return len(self._sorted)

    def load(self, addresses: Iterable[Address]) -> None:
        """Replace all addresses by these, in any order."""
        self._sorted = sorted(addresses)
        self._hosts = Hosts(host for host, _ in self._sorted)
        self.generation += 1

    def add(self, address: Address) -> None:
        """Add an address that is not in the book."""
        insort(self._sorted, address)
        self._hosts.add(address[0])
        self.generation += 1

    def remove(self, addresses: Collection[Address]) -> None:
        """Remove addresses, all of which are in the book."""
        if not addresses:
            return
        self.generation += 1
        for host, _ in addresses:
            self._hosts.remove(host)
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

    def sample(self, number: int) -> tuple[list[Address], bool]:
        """Return `number` addresses, chosen by chance, ascending; and whether there are others.

        Half of them are of different hosts: who registers many times does not hide the others.
        """
        if number >= len(self._sorted):
            return list(self._sorted), False
        chosen = {self._one_of(host) for host in self._hosts.sample(number // 2)}
        for address in random.sample(self._sorted, number):
            if len(chosen) < number:
                chosen.add(address)
        return sorted(chosen), True

    def _one_of(self, host: str) -> Address:
        first, end = bisect_left(self._sorted, (host, 0)), bisect_right(self._sorted, (host, 65535))
        return self._sorted[random.randrange(first, end)]
