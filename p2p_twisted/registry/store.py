"""The interface of a store of peer records, which is the registry of an RS.

It is asynchronous and narrow, so that a store may be on another machine and serve several RS. A store decides nothing:
it finds the records that a request looks at, lets the rules decide (`registry.rules`), and stores the changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import NamedTuple, Protocol

from twisted.python.failure import Failure

from ..wire.address import Address
from .record import Clocks, PeerRecord
from .rules import Request


class StoreError(Exception):
    """The store cannot be read or written; one line that names it and says what to do."""


class Counts(NamedTuple):
    """Number of records in a store."""

    active: int
    records: int
    """All of them, active or not."""


class Swept(NamedTuple):
    """The result of a sweep, in records."""

    expired: int
    """Made inactive because their TTL ran out."""
    written: int
    """Written to disk; 0 if nothing was waiting."""


Entered = Callable[[PeerRecord | Failure], object]
"""Called with the record that is stored, or with why nothing was."""


class Store(Protocol):
    """A store of peer records.

    Each coroutine first makes the records inactive whose TTL has run out. A returned record belongs to the store: read
    it before the next call, and do not change it. Each method but `renew` may raise StoreError; then nothing has
    changed.
    """

    clocks: Clocks
    commits: int
    """Transactions written since the start."""
    skipped: int
    """Records that were left out since the start because they cannot be read."""

    @property
    def waiting(self) -> Sized:
        """The records that are to be written later."""

    def start(self) -> None:
        """Take the store for this process. Called once, after the process has become a daemon."""

    async def close(self) -> None:
        """Write what waits to be written, and release the store."""

    async def apply(self, request: Request) -> PeerRecord:
        """Apply `request` to the records that it looks at; return the record of its peer. Raises Forbidden.

        All changes are stored, or none; and only if the lookup of the request still finds the same records then (a
        record that was only renewed is the same): a store that others use meanwhile looks up and decides again.
        """

    def enter(self, request: Request, made: Entered) -> bool:
        """Apply `request` as `apply` does, and call `made` when that has ended: it is faster with many at once.

        Return False, with nothing changed and `made` not called, if it would be refused, has to wait for another
        request, or this store cannot do that.
        """

    def renew(self, cookie: int, port: int, host: str) -> bool:
        """Renew the TTL of the active peer with this cookie and port at once, without waiting for anything.

        A cookie of 31 bits counts only if `host` is that of the record. Return False, with nothing changed, if there is
        no such peer, or if this store cannot tell so soon.
        """

    async def active(self, limit: int | None = None, after: Address | None = None) -> tuple[list[Address], bool]:
        """Return the addresses of active peers, ascending, and whether there are more.

        They are at most `limit` (None: all) of those after `after` (None: from the first on), which need not be there.
        """

    def sample(self, number: int) -> tuple[bytes, bool]:
        """Return the lines (`HOST PORT`) of `number` active peers, and whether there are others. It waits for nothing.

        The peers are chosen at random, and ascending. One that has just come or gone at another RS may be missing.
        """

    async def generation(self) -> int:
        """Return a number that differs from all earlier ones if `active` would answer differently."""

    @property
    def places(self) -> int:
        """The number of places that have the records, some of which may be empty. A record stays in its place."""

    async def records(self, places: range | None = None) -> list[PeerRecord]:
        """Return all records, active or not, by cookie; or those in some places: many of them take a while."""

    async def counts(self) -> Counts:
        """Return how many records there are."""

    async def sweep(self) -> Swept:
        """Make the records inactive whose TTL has run out, and write some of those that wait. Called each second."""
