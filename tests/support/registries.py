"""Registries for tests: with clocks that stand still, with methods that return at once, on a store far away."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from p2p_twisted.registry import rules
from p2p_twisted.registry.memory import MemoryStore
from p2p_twisted.registry.record import Clocks, PeerRecord
from p2p_twisted.registry.rules import Request
from p2p_twisted.registry.store import Counts, Store, Swept
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.fields import address
from p2p_twisted.wire.limits import TTL

T = TypeVar("T")

START = 1_700_000_000.0
"""Unix time at which tests begin: 2023-11-14 22:13:20 UTC."""


class StillClocks:
    """Two clocks that stand still: `now`, monotonic, and `time`, Unix time. `clocks` is what a store takes."""

    def __init__(self, ttl: int = TTL) -> None:
        self.now = 1000.0
        self.time = START
        self.clocks = Clocks(ttl, lambda: self.now, lambda: self.time)

    def advance(self, seconds: float) -> None:
        """Move both clocks."""
        self.now += seconds
        self.time += seconds


def result_of(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that has nothing to wait for; return its result, or raise its exception."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise AssertionError("the coroutine waits for something")


class SynchronousRegistry:
    """A local store whose requests are methods that return at once; `store` is what an RS takes."""

    def __init__(
        self,
        ttl: int = TTL,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        store: Store | None = None,
    ) -> None:
        self.store = store or MemoryStore(Clocks(ttl, monotonic, wall))

    def register(
        self, host: str, port: int, cookie: int | None = None, wide: bool = True, limit: int | None = None
    ) -> PeerRecord:
        return result_of(self.store.apply(rules.register(host, port, cookie, wide, limit)))

    def leave(self, cookie: int, port: int) -> None:
        result_of(self.store.apply(rules.leave(cookie, port, self._home(cookie))))

    def keep_alive(self, cookie: int, port: int) -> None:
        result_of(self.store.apply(rules.keep_alive(cookie, port, self._home(cookie))))

    def query(self, cookie: int, port: int) -> None:
        result_of(self.store.apply(rules.query(cookie, port, self._home(cookie))))

    def _home(self, cookie: int) -> list[str]:
        """Return the host of the record with this cookie, from which it counts whatever its width."""
        return [record.host for record in self.records() if record.cookie == cookie]

    def active(self, limit: int | None = None, after: Address | None = None) -> tuple[list[Address], bool]:
        return result_of(self.store.active(limit, after))

    def records(self) -> list[PeerRecord]:
        return result_of(self.store.records())

    def describe(self, record: PeerRecord) -> dict[str, str | int | bool]:
        return fields(record, self.store.clocks)

    def start(self) -> None:
        self.store.start()

    def sweep(self) -> Swept:
        return result_of(self.store.sweep())

    def close(self) -> None:
        result_of(self.store.close())


def fields(record: PeerRecord, clocks: Clocks) -> dict[str, str | int | bool]:
    """Return the fields of a record as they are now, named as in the protocol."""
    at = clocks.moment()
    return {
        "hostName": record.host,
        "cookie": record.cookie,
        "isActive": record.alive(at.now),
        "TTL": record.ttl(at.now),
        "port": record.port,
        "registered_count": record.registered_count(at.wall),
        "last_registered": record.registered_at,
    }


def listed(lines: bytes) -> list[Address]:
    """Return the addresses in the lines of a peer list."""
    return [address(line) for line in lines.decode().splitlines()]


class RemoteStore(MemoryStore):
    """A store on another machine that other RS use too: each round trip waits for `travel`.

    A request takes two, to find and to commit; it begins again if the records that were found are others by then.
    """

    def __init__(self, clocks: Clocks, travel: Callable[[], Awaitable[object]]) -> None:
        super().__init__(clocks)
        self._travel = travel

    async def apply(self, request: Request) -> PeerRecord:
        while True:
            await self._travel()
            at = self.clocks.moment()
            self._expire(at.now)
            found = self._find(request.lookup())
            changes = request.decide(found, at)
            await self._travel()
            if changes is not None and self._find(found.lookup) == found:
                self._store(changes)
                return changes.record

    def renew(self, cookie: int, port: int, host: str) -> bool:
        return False

    async def active(self, limit: int | None = None, after: Address | None = None) -> tuple[list[Address], bool]:
        await self._travel()
        return await super().active(limit, after)

    async def generation(self) -> int:
        await self._travel()
        return await super().generation()

    async def records(self, places: range | None = None) -> list[PeerRecord]:
        await self._travel()
        return await super().records(places)

    async def counts(self) -> Counts:
        await self._travel()
        return await super().counts()

    async def sweep(self) -> Swept:
        await self._travel()
        return await super().sweep()
