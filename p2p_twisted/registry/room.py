"""How many records a store has, in all and of each host, and which of them makes room for a new one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ..wire.fields import neighbourhood
from .chains import Chains
from .packed import pack
from .record import PeerRecord

Group = int | str | None
"""A neighbourhood, packed if it is an IPv4 address; None: all records."""


class Room:
    """The records of a store, in groups: all of them, and those of each neighbourhood."""

    def __init__(self) -> None:
        self._sizes: dict[Group, int] = {None: 0}
        self._inactive = Chains(), Chains()
        """The slots of the inactive records, in the order in which they became inactive: of all, of each neighbourhood.

        Those that never came back with their cookie are apart: anybody makes any number of them."""

    def size(self, group: Group) -> int:
        """Return the number of records of a group."""
        return self._sizes.get(group, 0)

    def replaceable(self, group: Group) -> int | None:
        """Return the slot of the record of a group that makes room for a new one; None if all are active."""
        chains = self._inactive[group is not None]
        unproven = chains.first((group, False))
        return chains.first((group, True)) if unproven is None else unproven

    def load(self, hosts: Iterable[tuple[int, int]]) -> None:
        """Begin with active records only: so many of each of these hosts of IPv4, which are packed."""
        sizes: dict[Group, int] = dict(hosts)
        self._sizes = sizes
        sizes[None] = sum(sizes.values())

    def put(self, slot: int, old: PeerRecord | None, record: PeerRecord) -> None:
        """Count `record` in the place of `old`, if there is one."""
        if old is not None:
            self.drop(slot, old)
        group = group_of(record.host)
        for one in None, group:
            self._sizes[one] = self.size(one) + 1
            if not record.active:
                self._inactive[one is not None].append((one, record.proven), slot)

    def drop(self, slot: int, record: PeerRecord) -> None:
        """Count `record` out."""
        group = group_of(record.host)
        for one in None, group:
            self._sizes[one] -= 1
            if not record.active:
                self._inactive[one is not None].remove((one, record.proven), slot)
        if not self._sizes[group]:
            del self._sizes[group]


@lru_cache(4096)
def group_of(host: str) -> Group:
    """Return the group of the neighbourhood of `host`."""
    name = neighbourhood(host)
    packed = pack(name)
    return name if packed is None else packed
