"""The interface of a store of peer records.

It is asynchronous and narrow: each coroutine is one round trip to a store on another machine. A store decides nothing:
`registry.Registry` finds the records that a rule looks at, applies the rule, and commits the changes. In between, the
store may have served others (a second RS on the same store); it then refuses the commit, and the registry begins again.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ..wire.address import Address
from .rules import Changes, Found, Lookup, PeerRecord


class StoreError(Exception):
    """The store cannot be read or written; one line that names it and says what to do."""


class Counts(NamedTuple):
    """How many records a store has."""

    active: int
    records: int
    """All of them, active or not."""


class Swept(NamedTuple):
    """The result of a sweep, in records."""

    expired: int
    """Made inactive because their TTL ran out."""
    written: int
    """Written to disk; 0 if nothing was waiting."""


class Store(Protocol):
    """A store of peer records. `now` is the time on the registry's monotonic clock, in seconds.

    A method that is given `now` first makes the records inactive whose TTL has run out by then. A returned record
    belongs to the store: read it before the next call, and do not change it. Each method may raise StoreError; then
    nothing has changed.
    """

    def start(self) -> None:
        """Take the store for this process. Called once, after the process has become a daemon."""

    async def close(self) -> None:
        """Write what waits to be written, and release the store."""

    async def find(self, lookup: Lookup, now: float) -> Found:
        """Return the records that `lookup` names."""

    async def commit(self, found: Found, changes: Changes, durable: bool) -> bool:
        """Store all `changes`, or none; return whether they were stored.

        They are not if the lookup of `found` would now find other records (one that was only renewed is no other), or
        if a new record would get a cookie that must not be given out. When a `durable` commit returns, the changes
        survive the death of the process; others are written to disk by one of the next sweeps.
        """

    def renew(self, cookie: int, port: int, now: float, deadline: float) -> bool:
        """Set the `deadline` of the active peer with this cookie and port without waiting for anything.

        Return False, with nothing changed, if there is no such peer, or if this store cannot tell without a round trip.
        """

    async def active(self, limit: int | None, after: Address | None, now: float) -> tuple[list[Address], bool]:
        """Return the addresses of active peers, ascending, and whether there are more.

        They are at most `limit` (None: all) of those after `after` (None: from the first on), which need not be there.
        """

    async def generation(self, now: float) -> int:
        """Return a number that differs from all earlier ones if `active` would answer differently."""

    async def records(self, now: float) -> list[PeerRecord]:
        """Return all records, active or not, by cookie."""

    async def counts(self, now: float) -> Counts:
        """Return how many records there are."""

    async def sweep(self, now: float) -> Swept:
        """Make the records inactive whose TTL has run out, and write some of those that wait. Called each second."""
