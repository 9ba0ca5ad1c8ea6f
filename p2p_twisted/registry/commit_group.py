"""Changes that are written together, and what other requests have to wait for. Pure but for its Deferreds."""

from __future__ import annotations

from collections import Counter

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..wire.address import Address
from .room import Group, group_of
from .rules import Changes, Found


class CommitGroup:
    """Changes of several requests that are not made yet. No two of them are about the same record or address."""

    def __init__(self) -> None:
        self.changes: list[Changes] = []
        self._cookies: set[int] = set()
        self._addresses: set[Address] = set()
        self._new: Counter[Group] = Counter()
        self._members: list[Deferred[None]] = []
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
        return self._new[group]

    def add(self, changes: Changes, is_new: bool) -> Deferred[None]:
        """Add changes that touch none of the others; `is_new`: they enter a new record.

        The Deferred fires when they are made, or fails if they cannot be.
        """
        self.changes.append(changes)
        record, _, dropped = changes
        self._cookies.update(one.cookie for one in changes if one is not None)
        if record.active:
            self._addresses.add(record.address)
        if is_new:
            self._new.update((None, group_of(record.host)))
        if dropped is not None:
            self._new.subtract((None, group_of(dropped.host)))
        return _one_more(self._members)

    def over(self) -> Deferred[None]:
        """Return a Deferred that fires when all changes are made, or it is clear that none will be."""
        return _one_more(self._others)

    def made(self) -> None:
        """Let go of all who wait: the changes are made."""
        for waiting in self._members + self._others:
            waiting.callback(None)

    def failed(self, why: Failure) -> None:
        """Let go of all who wait: none of the changes is made."""
        for member in self._members:
            member.errback(why)
        for other in self._others:
            other.callback(None)


def _one_more(waiting: list[Deferred[None]]) -> Deferred[None]:
    waiting.append(Deferred())
    return waiting[-1]
