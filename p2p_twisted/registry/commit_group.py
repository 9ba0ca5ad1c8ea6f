"""Changes that are written together, and what other requests have to wait for. Pure but for one kind of Deferred."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..wire.address import Address
from .room import Group, group_of
from .rules import Changes, Found

Made = Callable[[Failure | None], object]
"""Called when changes are made, with None, or cannot be, with the reason."""


class CommitGroup:
    """Changes of several requests that are not made yet. No two of them are about the same record or address."""

    _log = Logger()

    def __init__(self) -> None:
        self.changes: list[Changes] = []
        self._cookies: set[int] = set()
        self._addresses: set[Address] = set()
        self._new: defaultdict[Group, int] = defaultdict(int)
        self._members: list[Made] = []
        self._others: list[Deferred[None]] = []

    def touches(self, found: Found) -> bool:
        """Return whether a request for which the records in `found` were found would find others afterwards.

        That of a new peer may also depend on how many records there are (`new`).
        """
        address = found.lookup.address
        if address is None and found.record is not None:
            address = found.record.address
        holder = found.holder
        is_held = holder is not None and holder.cookie in self._cookies
        return is_held or found.lookup.cookie in self._cookies or address in self._addresses

    def new(self, group: Group) -> int:
        """Return how many records will be new in a group of `room`."""
        return self._new.get(group, 0)

    def add(self, changes: Changes, is_new: bool, made: Made) -> None:
        """Add changes that touch none of the others; `is_new`: they enter a new record."""
        self.changes.append(changes)
        self._members.append(made)
        record, displaced, dropped = changes
        self._cookies.add(record.cookie)
        if record.active:
            self._addresses.add(record.address)
        if displaced is not None:
            self._cookies.add(displaced.cookie)
        if is_new:
            self._count(record.host, 1)
        if dropped is not None:
            self._cookies.add(dropped.cookie)
            self._count(dropped.host, -1)

    def over(self) -> Deferred[None]:
        """Return a Deferred that fires when all changes are made, or it is clear that none will be."""
        self._others.append(Deferred())
        return self._others[-1]

    def end(self, why: Failure | None) -> None:
        """Let go of all who wait: the changes are made or, for the reason `why`, none of them is."""
        for made in self._members:
            try:
                made(why)
            except Exception:
                self._log.failure("after a commit")  # the others have been waiting too
        for other in self._others:
            other.callback(None)

    def _count(self, host: str, change: int) -> None:
        self._new[None] += change
        self._new[group_of(host)] += change
