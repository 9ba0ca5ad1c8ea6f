"""The registry of an RS: the rules, applied to the records of a store.

Knows nothing of files, of connections, or of the form of a request on the wire.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from ..wire.address import Address
from ..wire.limits import MAX_COOKIE, MAX_COOKIE_1_0, TTL
from . import rules
from .rules import Changes, Found, Lookup, Moment, PeerRecord
from .store import Counts, Store, StoreError, Swept

MAX_ATTEMPTS = 20
"""Attempts to commit one request to a store whose records change in between."""

Rule = Callable[[Found, Moment], Changes | None]
"""A rule; None asks for another attempt."""


class Registry:
    """The registry that a protocol and the control API use. Refusals are `wire.errors.Forbidden` (403).

    A returned record belongs to the store: read it before the next call, and do not change it. Each coroutine may raise
    StoreError; then nothing has changed.
    """

    def __init__(
        self,
        store: Store,
        ttl: int = TTL,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`ttl`: seconds for which a peer is active unless it renews. `monotonic`, `wall`: clocks, in seconds."""
        self.ttl = ttl
        self._store = store
        self._monotonic = monotonic
        self._wall = wall

    # the four requests

    async def register(
        self, host: str, port: int, cookie: int | None, wide: bool, limit: int | None = None
    ) -> PeerRecord:
        """Enter a peer, or bring back the one that has `cookie`; return its record, which is on disk by then.

        Without a cookie the peer gets a new one that nobody had before and nobody can guess: 63 bits if `wide`, else
        31. Another peer that was active at `host` and `port` becomes inactive. Where the host (of IPv6, the /64) has
        `limit` records already, a new peer replaces the one that has been inactive for the longest time.

        Raises Forbidden if the cookie is unknown, or if all records of a full host are active.
        """
        address = host, port
        if cookie is not None:
            again = Lookup(cookie, address)
            return await self._change(lambda: again, lambda found, at: rules.register_again(found, host, port, at))
        counted = None if limit is None else rules.neighbourhood(host)
        return await self._change(
            lambda: Lookup(_new_cookie(wide), address, counted),
            lambda found, at: rules.register_new(found, host, port, limit, at),
        )

    async def leave(self, cookie: int, port: int) -> None:
        """Make the peer inactive; it is on disk when this returns. Raises Forbidden: unknown, other port, inactive."""
        await self._change(lambda: Lookup(cookie), lambda found, at: rules.leave(found, port, at))

    async def keep_alive(self, cookie: int, port: int) -> None:
        """Renew the TTL of a peer; an inactive one becomes active again. Raises Forbidden: unknown, other port.

        It is on disk a few seconds later: a crash costs some seconds of the TTL.
        """
        if not self.keep_alive_now(cookie, port):
            await self._change(lambda: Lookup(cookie), lambda found, at: rules.keep_alive(found, port, at), False)

    def keep_alive_now(self, cookie: int, port: int) -> bool:
        """Renew the TTL of an active peer without waiting; False if that is not possible: call `keep_alive`."""
        now = self._monotonic()
        return self._store.renew(cookie, port, now, now + self.ttl)

    async def query(self, cookie: int, port: int) -> None:
        """Renew the TTL of an active peer. Raises Forbidden: unknown, other port, inactive."""
        if not self.keep_alive_now(cookie, port):
            await self._change(lambda: Lookup(cookie), lambda found, at: rules.query(found, port, at), False)

    # what is there

    async def active(self, limit: int | None = None, after: Address | None = None) -> tuple[list[Address], bool]:
        """Return at most `limit` addresses of active peers after `after`, ascending; and whether more follow."""
        return await self._store.active(limit, after, self._monotonic())

    async def generation(self) -> int:
        """Return a number that differs from all earlier ones if `active` would answer differently."""
        return await self._store.generation(self._monotonic())

    async def counts(self) -> Counts:
        """Return how many records there are."""
        return await self._store.counts(self._monotonic())

    async def records(self) -> list[PeerRecord]:
        """Return all records, active or not, by cookie."""
        return await self._store.records(self._monotonic())

    def describe(self, record: PeerRecord) -> dict[str, str | int | bool]:
        """Return the seven fields of a record as they are now (`PeerRecord.fields`)."""
        return record.fields(self._monotonic(), self._wall())

    # the store

    def start(self) -> None:
        """Take the store for this process. Call it once, after the process has become a daemon."""
        self._store.start()

    async def sweep(self) -> Swept:
        """Make the records inactive whose TTL has run out, and write some of those that wait. Call it each second."""
        return await self._store.sweep(self._monotonic())

    async def close(self) -> None:
        """Write what waits to be written, and release the store."""
        await self._store.close()

    async def _change(self, lookup: Callable[[], Lookup], rule: Rule, durable: bool = True) -> PeerRecord:
        """Apply `rule` to the records that `lookup` names, again if they change before the commit."""
        for _ in range(MAX_ATTEMPTS):
            now = self._monotonic()
            found = await self._store.find(lookup(), now)
            changes = rule(found, Moment(now, self._wall(), now + self.ttl))
            if changes is not None and await self._store.commit(found, changes, durable):
                return changes.record
        raise StoreError(f"the records of one request changed {MAX_ATTEMPTS} times meanwhile; is the RS overloaded?")


def _new_cookie(wide: bool) -> int:
    """Draw a cookie: from 2^31 to 2^63-1 if `wide`, else from 1 to 2^31-1."""
    low, high = (MAX_COOKIE_1_0, MAX_COOKIE) if wide else (0, MAX_COOKIE_1_0)
    return low + 1 + secrets.randbelow(high - low)
