"""The store in Redis: each RS has a copy of all records, and Redis has the records, one at a time for all.

- **Reading.** Every write appends its change to a stream in Redis, the log. Each RS follows it, and changes its copy by
  nothing else, so all copies go through the same states in the same order. KeepAlive, PQuery and all decisions use the
  copy.
- **Writing.** Register and Leave (and a KeepAlive that brings back an inactive peer) are decided on the copy, then
  written by a script that first compares what the decision looked at: the record, and who is at the address. If
  another RS was faster, nothing is written; this RS catches up with the log and decides again. The peer is answered
  when Redis has acknowledged the script, and the change has come back through the log. Requests that come at once
  share round trips. How many records there are (`max-peers-per-host`, MAX_RECORDS) is judged by the copy, so that RS
  that are asked at once may enter a few more.
- **Refusing.** Before a request is refused, this RS catches up: the peer may have registered at another one just now.
- **Renewing.** A KeepAlive or PQuery of an active peer is answered at once, and its new deadline written within about
  a second, many in one script, which leaves alone who has left or been displaced. A deadline only ever grows, and
  nothing is written when one passes: no RS can expire a peer that another one has renewed. An RS that is killed takes
  the renewals of its last second along: those peers stay listed until the TTL of the renewal before, and peers
  renew after a quarter of the TTL.
- **Without Redis.** KeepAlive and PQuery go on; what needs a write or could only be refused is a StoreError. Renewals
  wait, and are written first when Redis is back. A copy that has missed changes, because the log no longer has them or
  Redis was restarted without its last moments or emptied, is read again as a whole.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from ...wire.errors import Forbidden
from ..record import Clocks, Moment, PeerRecord
from ..rules import Changes, Found, Request
from ..store import StoreError, Swept
from .coding import START, Position, Timeline, decode_position, encode_renewals
from .copy import LocalCopy
from .engine import Engine
from .link import Link, Linker
from .reading import foreign_keys, has_change, last_position, read_rows
from .scripts import COMMIT, RENEW, commit_arguments
from .waiters import Waiters

RETRY_INTERVAL = 1.0
"""Seconds between two attempts to reach an engine that is gone."""

MAX_CLOCK_CHANGE = 1.0
"""Seconds by which the engine's clock may differ from what it was at the last connection; a new look is inexact too."""

MAX_TRIES = 20
"""Times that a request is decided before it is given up because other RS are always faster."""

MAX_BATCH = 500
"""Renewals that one script writes, at about 5 us each; nothing else is done meanwhile, here or in Redis."""

MAX_RENEWALS = 20 * MAX_BATCH
"""Most renewals that one sweep writes."""


class RedisStore(LocalCopy):
    """A `store.Store` in the `engine`; all its keys begin with `prefix`. See the module for how it works."""

    def __init__(self, reactor: Any, clocks: Clocks, engine: Engine, prefix: str) -> None:
        super().__init__(clocks, f"{engine}, {prefix}")
        self._reactor = reactor
        self._linker = Linker(reactor, engine, prefix, clocks.monotonic)
        self._link: Link | None = None
        """The connections, while the copy is current."""
        self._error: StoreError | None = None
        """Why there is no link; None before the first attempt has ended."""
        self._timeline: Timeline | None = None
        self._waiters = Waiters()
        self._closed = False
        self._following: Deferred[None] | None = None

    @property
    def _position(self) -> Position:
        return self.position or START

    def start(self) -> None:
        """Connect, read all records, and follow the changes from now on."""
        self._following = Deferred.fromCoroutine(self._stay_current())

    async def close(self) -> None:
        """Write the renewals that wait, and close the connections. Raises StoreError if they cannot be written."""
        try:
            if self.waiting:
                await self._write_waiting(self._linked(), len(self.waiting))
        finally:
            self._closed = True
            if self._following is not None:
                self._following.cancel()
                await self._following.addErrback(lambda failure: failure.trap(CancelledError))

    async def apply(self, request: Request) -> PeerRecord:
        """Apply `request` to the records that it looks at (`store.Store`). Raises Forbidden, StoreError."""
        await self._started()
        confirmed = False
        for _ in range(MAX_TRIES):
            at = self.clocks.moment()
            self._expire(at.now)
            found = self._find(request.lookup())
            try:
                changes = request.decide(found, at)
            except Forbidden:
                if confirmed:
                    raise
                await self._catch_up()
                confirmed = True
                continue
            if changes is not None and await self._done(request, found, changes, at):
                return changes.record
        await self._distrust()
        raise StoreError(f"{self.name}: other RS were faster {MAX_TRIES} times")

    async def sweep(self) -> Swept:
        """Make the records inactive whose TTL has run out, and write the renewals that wait."""
        expired = self._expire(self.clocks.monotonic())
        if self._link is None and self._error is None:
            return Swept(expired, 0)  # it still reads the records
        return Swept(expired, await self._write_waiting(self._linked(), MAX_RENEWALS))

    # requests

    async def _done(self, request: Request, found: Found, changes: Changes, at: Moment) -> bool:
        """Make changes last; return whether they do, or others came before them."""
        record, before = changes.record, found.record
        if not request.durable and before is not None and before.alive(at.now):
            return self.renew(record.cookie, record.port, record.host)
        return await self._write_changes(self._linked(), found, changes, at)

    async def _write_changes(self, link: Link, found: Found, changes: Changes, at: Moment) -> bool:
        await self._write_renewals(link, self.renewals_of((found.record, found.holder), link.timeline))
        done, last = await link.script(COMMIT, *commit_arguments(found, changes, at, link.timeline))
        self.commits += done
        await self._reach(decode_position(last))
        return bool(done)

    async def _catch_up(self) -> None:
        """Wait until this copy has all changes that the engine has now."""
        await self._reach(await last_position(self._linked()))

    async def _reach(self, position: Position) -> None:
        """Wait until this copy has taken up the change at `position`. Raises StoreError."""
        if self._position < position:
            await self._waiters.until(position)

    def _linked(self) -> Link:
        """Return the link. Raises StoreError if there is none."""
        if self._link is None:
            raise self._error or StoreError(f"{self.name}: the records are being read")
        return self._link

    async def _started(self) -> None:
        """Wait until the first attempt to reach the engine has ended, which takes a few seconds at most."""
        if self._link is None and self._error is None:
            await self._waiters.start()

    async def _distrust(self) -> None:
        """Read all records again: the copy does not get to what the engine has."""
        self.position = None
        if self._link is not None:
            await self._link.abort()

    # renewals

    async def _write_waiting(self, link: Link, limit: int) -> int:
        """Write up to `limit` of the renewals that wait; return how many were written. Raises StoreError."""
        written = 0
        while self.waiting and written < limit:
            renewed = self.take_renewed(MAX_BATCH, link.timeline)
            await self._write_renewals(link, renewed)
            written += len(renewed)
        return written

    async def _write_renewals(self, link: Link, renewed: list[tuple[int, int]]) -> None:
        if not renewed:
            return
        try:
            await link.script(RENEW, encode_renewals(renewed))
        except StoreError:
            self.give_back(renewed)
            raise
        self.commits += 1

    # the log

    async def _stay_current(self) -> None:
        """Follow the log until the store is closed: connect, and again whenever the connection is lost."""
        while not self._closed:
            try:
                await self._follow_once()
            except StoreError as error:
                self._lost(error)
            except Exception as error:
                if not self._closed:
                    self.log.failure("following {name}", name=self.name)
                self._lost(StoreError(f"{self.name}: {error!r}"))
            if not self._closed:
                await deferLater(self._reactor, RETRY_INTERVAL)

    async def _follow_once(self) -> None:
        """Connect, and follow the log as long as that goes well. Raises StoreError."""
        link = await self._linker.link()
        try:
            self._keep_time(link)
            await self._write_waiting(link, len(self.waiting))  # first: what was answered counts
            while not self._closed:
                await self._follow(link, await self._read_what_is_missing(link))
        finally:
            await link.abort()

    def _keep_time(self, link: Link) -> None:
        """Go on with the timeline that the copy was made with; read all records again if the engine's clock was set."""
        if self._timeline is None or link.timeline.distance(self._timeline) > MAX_CLOCK_CHANGE:
            self._timeline, self.position = link.timeline, None
        link.timeline = self._timeline

    async def _read_what_is_missing(self, link: Link) -> Position:
        """Read all records, unless what comes after `position` is in the log; return how far that is to be read."""
        if not await self._is_in_log(link):
            position = await last_position(link)
            self.replace_all(await read_rows(link), position, link.timeline)
            for key in await foreign_keys(link):
                self.skip(f"the key {key!a}", "it is not of a registry")
        return await last_position(link)

    async def _is_in_log(self, link: Link) -> bool:
        """Return whether the log still has the change at `position`, and so all that came after it."""
        return self.position is not None and (self.position == START or await has_change(link, self.position))

    async def _follow(self, link: Link, target: Position) -> None:
        """Take up the changes in the log, and after `target` serve requests; return when changes are missing."""
        while not self._closed:
            if self._position >= target and self._link is None:
                self._link, self._error = link, None
                self._waiters.started()
            entries = await link.changes(self._position)
            complete = self.take_all(entries, link.timeline) if entries else await self._is_in_log(link)
            self._waiters.reached(self._position)
            if not complete:
                self._link = None
                return

    def _lost(self, error: StoreError) -> None:
        self._link, self._error = None, error
        self._waiters.failed(error)
