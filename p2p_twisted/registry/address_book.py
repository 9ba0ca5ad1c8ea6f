"""The addresses of the active peers: sorted, in pages, and some chosen by chance. Pure."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import islice
from random import choices, random, randrange, sample
from typing import Any, Generic, TypeVar

from ..wire.address import Address, address_lines
from .arrange import Arranged
from .packed import pack, unpack, unpack_lines
from .sorted_map import SortedMap

PORT_BITS = 16
MAX_PORT = (1 << PORT_BITS) - 1
MAX_TRIES = 8
"""Times that addresses are drawn for all that are missing of other hosts: that is fast, unless few hosts have most."""

K = TypeVar("K", bound=Any)
"""The key of an address: a number for IPv4, else the address itself."""


class Part(Generic[K]):
    """Addresses of one kind by their keys, each with the slot of its record; and their hosts, with their numbers."""

    def __init__(self, is_packed: bool) -> None:
        make: Callable[[Iterable[Any]], Any] = _numbers if is_packed else list
        self._make = make
        self._is_packed = is_packed
        self.places: SortedMap[K] = SortedMap(make)
        """Where each key is in `_keys`, which has them in no order, and its slot in `_slots`."""
        self.hosts: SortedMap[Any] = SortedMap(make)
        self.load((), ())

    def __len__(self) -> int:
        return len(self._keys)

    def load(self, keys: Iterable[K], slots: Iterable[int]) -> None:
        """Replace all addresses by those with these keys, which are sorted."""
        self._keys, self._slots = self._make(keys), array("I", slots)
        self.places.load(self._keys, range(len(self._keys)))
        hosts = Counter(self._hosts_of(self._keys))
        self.hosts.load(hosts.keys(), hosts.values())
        self._several = {host: count for host, count in hosts.items() if count > 1}
        """The hosts with more than one address, and how many: a faster look-up than in `hosts`."""

    def slot(self, key: K) -> int | None:
        """Return the slot of an address; None if it is not here."""
        place = self.places.get(key)
        return None if place is None else self._slots[place]

    def add(self, key: K, slot: int) -> None:
        """Add an address."""
        self.places.put(key, len(self._keys))
        self._keys.append(key)
        self._slots.append(slot)
        self._count(self._host(key), 1)

    def remove(self, key: K) -> None:
        """Remove an address: the last one gets its place."""
        place = self.places.get(key)
        assert place is not None
        last, slot = self._keys.pop(), self._slots.pop()
        if last != key:
            self._keys[place], self._slots[place] = last, slot
            self.places.put(last, place)
        self.places.remove(key)
        self._count(self._host(key), -1)

    def sample(self, of_hosts: int, others: int) -> list[K]:
        """Return the keys of `of_hosts` addresses of different hosts, and of `others` more, all chosen by chance.

        There are as many.
        """
        found = dict.fromkeys(self._of_hosts(of_hosts))
        if 2 * (of_hosts + others) >= len(self._keys):
            return [*found, *sample([key for key in self._keys if key not in found], others)]
        while missing := of_hosts + others - len(found):
            found.update(dict.fromkeys(choices(self._keys, k=missing)))
        return list(found)

    def _of_hosts(self, number: int) -> Iterable[K]:
        found: dict[Any, K] = {}
        several = self._several
        for _ in range(MAX_TRIES if len(self._keys) > 2 * number else 0):
            drawn = choices(self._keys, k=number - len(found))
            hosts = self._hosts_of(drawn)
            chosen: Iterable[tuple[Any, K]] = zip(hosts, drawn, strict=True)
            if not several.keys().isdisjoint(hosts):  # each host has the same chance, however many addresses it has
                chosen = [(host, key) for host, key in chosen if random() * several.get(host, 1) < 1]
            found.update(chosen)
            if len(found) == number:
                return found.values()
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
        return self.places.nth(low, randrange(self.hosts.get(host) or 1))

    def _host(self, key: Any) -> Any:
        return key >> PORT_BITS if self._is_packed else key[0]

    def _hosts_of(self, keys: Iterable[Any]) -> list[Any]:
        return [key >> PORT_BITS for key in keys] if self._is_packed else [key[0] for key in keys]


class AddressBook:
    """A sorted list of different addresses, each with the slot of its record. `generation` grows with every change."""

    def __init__(self) -> None:
        self._packed: Part[int] = Part(True)
        self._named: Part[Address] = Part(False)
        self.generation = 0

    def __len__(self) -> int:
        return len(self._packed) + len(self._named)

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
        return self._named.slot(address) if number is None else self._packed.slot(number)

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
        packed, named = map(_address, self._packed.places.after(after, _address)), self._named.places.after(after)
        following = merge(packed, named) if len(self._named) else packed
        page = list(islice(following, limit))
        return page, next(following, None) is not None

    def sample(self, number: int) -> tuple[bytes, bool]:
        """Return the lines of `number` addresses, chosen by chance, ascending; and whether there are others.

        Half of them are of different hosts: who registers many times does not hide the others.
        """
        if number >= len(self):
            return address_lines(self.page(None, None)[0]), False
        of_hosts = _shares(number // 2, len(self._packed.hosts), len(self._named.hosts))
        left = len(self._packed) - of_hosts[0], len(self._named) - of_hosts[1]
        others = _shares(number - sum(of_hosts), *left)
        packed = sorted(self._packed.sample(of_hosts[0], others[0]))
        if not len(self._named):
            return unpack_lines(packed), True
        named = sorted(self._named.sample(of_hosts[1], others[1]))
        return address_lines(merge(map(_address, packed), named)), True


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
