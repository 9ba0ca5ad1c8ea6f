"""The addresses of the active peers: sorted, in pages, and some chosen by chance. Pure."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import islice
from random import random, randrange
from typing import Any, Generic, TypeVar

from ..wire.address import Address
from .arrange import Arranged
from .packed import pack, unpack
from .sorted_map import SortedMap

PORT_BITS = 16
MAX_PORT = (1 << PORT_BITS) - 1
MAX_TRIES = 8
"""Rounds in which hosts are looked for by their addresses, which is fast unless few hosts have most of them."""

K = TypeVar("K", bound=Any)
"""The key of an address: a number for IPv4, else the address itself."""


class Part(Generic[K]):
    """Addresses of one kind by their keys, each with the slot of its record; and their hosts, with their numbers."""

    def __init__(self, is_packed: bool) -> None:
        make: Callable[[Iterable[Any]], Any] = _numbers if is_packed else list
        self._is_packed = is_packed
        self.slots: SortedMap[K] = SortedMap(make)
        self.hosts: SortedMap[Any] = SortedMap(make)
        self._several: dict[Any, int] = {}
        """The hosts with more than one address, and how many: a faster look-up than in `hosts`."""

    def load(self, keys: Iterable[K], slots: Iterable[int]) -> None:
        """Replace all addresses by those with these keys, which are sorted."""
        self.slots.load(keys, slots)
        hosts = Counter(map(self._host, keys))
        self.hosts.load(hosts.keys(), hosts.values())
        self._several = {host: count for host, count in hosts.items() if count > 1}

    def add(self, key: K, slot: int) -> None:
        """Add an address."""
        self.slots.put(key, slot)
        self._count(self._host(key), 1)

    def remove(self, key: K) -> None:
        """Remove an address."""
        self.slots.remove(key)
        self._count(self._host(key), -1)

    def sample_of_hosts(self, number: int) -> list[K]:
        """Return the keys of `number` addresses of different hosts, chosen by chance; there are as many."""
        found: dict[Any, K] = {}
        for _ in range(MAX_TRIES if len(self.slots) > 2 * number else 0):
            if len(found) == number:
                return list(found.values())
            for key in self.slots.draw(number - len(found)):
                host = self._host(key)
                if (count := self._several.get(host, 1)) == 1 or random() * count < 1:
                    found[host] = key  # each host has the same chance, however many addresses it has
        return [self._one_of(host) for host in self.hosts.sample(number)]

    def _count(self, host: Any, change: int) -> None:
        count = (self.hosts.get(host) or 0) + change
        if count:
            self.hosts.put(host, count)
        else:
            self.hosts.remove(host)
        if count > 1:
            self._several[host] = count
        else:
            self._several.pop(host, None)

    def _one_of(self, host: Any) -> K:
        low: Any = host << PORT_BITS if self._is_packed else (host, 0)
        return self.slots.nth(low, randrange(self.hosts.get(host) or 1))

    def _host(self, key: Any) -> Any:
        return key >> PORT_BITS if self._is_packed else key[0]


class AddressBook:
    """A sorted list of different addresses, each with the slot of its record. `generation` grows with every change."""

    def __init__(self) -> None:
        self._packed: Part[int] = Part(True)
        self._named: Part[Address] = Part(False)
        self.generation = 0

    def __len__(self) -> int:
        return len(self._packed.slots) + len(self._named.slots)

    def load(self, packed: Arranged[int], named: Arranged[Address]) -> None:
        """Replace all addresses by these."""
        self._packed.load(packed.keys, packed.slots)
        self._named.load(named.keys, named.slots)
        self.generation += 1

    def packed_hosts(self) -> Iterator[tuple[int, int]]:
        """Iterate over the hosts of IPv4, packed, and the number of addresses of each."""
        return self._packed.hosts.items()

    def slot(self, address: Address) -> int | None:
        """Return the slot of the record at `address`; None if it is not in the book."""
        number = key(address)
        return self._named.slots.get(address) if number is None else self._packed.slots.get(number)

    def add(self, address: Address, slot: int) -> None:
        """Add an address that is not in the book."""
        number = key(address)
        if number is None:
            self._named.add(address, slot)
        else:
            self._packed.add(number, slot)
        self.generation += 1

    def remove(self, address: Address) -> None:
        """Remove an address that is in the book."""
        number = key(address)
        if number is None:
            self._named.remove(address)
        else:
            self._packed.remove(number)
        self.generation += 1

    def page(self, limit: int | None, after: Address | None) -> tuple[list[Address], bool]:
        """Return at most `limit` addresses after `after`, which need not be in the book; and whether more follow."""
        packed, named = map(_address, self._packed.slots.after(after, _address)), self._named.slots.after(after)
        following = merge(packed, named) if len(self._named.slots) else packed
        page = list(islice(following, limit))
        return page, next(following, None) is not None

    def sample(self, number: int) -> tuple[list[Address], bool]:
        """Return `number` addresses, chosen by chance, ascending; and whether there are others.

        Half of them are of different hosts: who registers many times does not hide the others.
        """
        if number >= len(self):
            return self.page(None, None)
        parts: tuple[Part[Any], ...] = self._packed, self._named
        of_hosts = _shares(number // 2, *(len(part.hosts) for part in parts))
        chosen = [part.sample_of_hosts(count) for part, count in zip(parts, of_hosts, strict=True)]
        left = [len(part.slots) - len(some) for part, some in zip(parts, chosen, strict=True)]
        others = _shares(number - sum(map(len, chosen)), *left)
        for part, some, count in zip(parts, chosen, others, strict=True):
            some += part.slots.sample(count, some)
        packed, named = list(map(_address, sorted(chosen[0]))), sorted(chosen[1])
        return list(merge(packed, named)) if named else packed, True


def key(address: Address) -> int | None:
    """Return the number of an address of IPv4, less than those of greater ones; None if it is another one."""
    host = pack(address[0])
    return None if host is None else host << PORT_BITS | address[1]


def _address(number: int) -> Address:
    return unpack(number >> PORT_BITS), number & MAX_PORT


def _numbers(numbers: Iterable[int]) -> array[int]:
    return array("Q", numbers)


def _shares(number: int, first: int, second: int) -> tuple[int, int]:
    """Return how many of `number` different things are chosen, by chance, of the first and the second so many."""
    number = min(number, first + second)
    if not first or not second:
        return min(number, first), min(number, second)
    of_first = sum(random() * (first + second) < first for _ in range(number))
    of_first = max(number - second, min(of_first, first))
    return of_first, number - of_first
