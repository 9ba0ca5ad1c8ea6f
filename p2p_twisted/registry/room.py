"""How many records a store has, in all and of each host, and which of them makes room for a new one."""

from __future__ import annotations

from ..wire.fields import neighbourhood
from .record import PeerRecord


class Group:
    """A number of records, and the cookies of the inactive ones in the order in which they became inactive."""

    __slots__ = ("inactive", "size", "unproven")

    def __init__(self) -> None:
        self.size = 0
        self.unproven: dict[int, None] = {}
        """Of the inactive ones, those that never came back with their cookie: anybody makes any number of them."""
        self.inactive: dict[int, None] = {}
        """The other inactive ones."""

    def add(self, record: PeerRecord) -> None:
        """Count a record in."""
        self.size += 1
        self.move(record)

    def remove(self, record: PeerRecord) -> None:
        """Count a record out."""
        self.size -= 1
        self._forget(record.cookie)

    def move(self, record: PeerRecord) -> None:
        """Note that a record has become active or inactive."""
        self._forget(record.cookie)
        if not record.active:
            (self.inactive if record.proven else self.unproven)[record.cookie] = None

    def replaceable(self) -> int | None:
        """Return the cookie of the record that makes room for a new one; None if all are active."""
        return next(iter(self.unproven or self.inactive), None)

    def _forget(self, cookie: int) -> None:
        self.unproven.pop(cookie, None)
        self.inactive.pop(cookie, None)


class Room:
    """The records of a store, in groups: all of them, and those of each neighbourhood."""

    def __init__(self) -> None:
        self.all = Group()
        self._neighbourhoods: dict[str, Group] = {}

    def of(self, name: str | None) -> Group | None:
        """Return the group of a neighbourhood; None if it has no record."""
        return None if name is None else self._neighbourhoods.get(name)

    def put(self, old: PeerRecord | None, record: PeerRecord) -> None:
        """Count `record` in the place of `old`, if there is one."""
        if old is None:
            self.all.add(record)
        else:
            self.all.move(record)
        if old is not None and old.host == record.host:
            self._neighbourhoods[neighbourhood(record.host)].move(record)
            return
        if old is not None:
            self._leave(old)
        self._neighbourhoods.setdefault(neighbourhood(record.host), Group()).add(record)

    def drop(self, record: PeerRecord) -> None:
        """Count `record` out."""
        self.all.remove(record)
        self._leave(record)

    def _leave(self, record: PeerRecord) -> None:
        name = neighbourhood(record.host)
        group = self._neighbourhoods[name]
        group.remove(record)
        if not group.size:
            del self._neighbourhoods[name]
