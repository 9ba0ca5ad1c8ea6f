"""Registries for tests: with clocks that stand still, with methods that return at once, on a store far away."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from p2p_twisted.registry.memory import MemoryStore
from p2p_twisted.registry.registry import Registry
from p2p_twisted.registry.rules import Changes, Found, Lookup, PeerRecord
from p2p_twisted.registry.store import Counts, Store, Swept
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.limits import TTL

T = TypeVar("T")

START = 1_700_000_000.0
"""Unix time at which tests begin: 2023-11-14 22:13:20 UTC."""


class Clocks:
    """The two clocks of a registry, which stand still: `monotonic` and `wall`. `advance` moves both."""

    def __init__(self, monotonic: float = 1000.0, wall: float = START) -> None:
        self.now = monotonic
        self.time = wall

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
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
    """A registry on a local store whose methods return at once; `asynchronous` is the one that an RS takes."""

    def __init__(
        self,
        ttl: int = TTL,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        store: Store | None = None,
    ) -> None:
        self.asynchronous = Registry(store or MemoryStore(), ttl, monotonic, wall)

    def register(self, host: str, port: int, cookie: int | None, wide: bool, limit: int | None = None) -> PeerRecord:
        return result_of(self.asynchronous.register(host, port, cookie, wide, limit))

    def leave(self, cookie: int, port: int) -> None:
        result_of(self.asynchronous.leave(cookie, port))

    def keep_alive(self, cookie: int, port: int) -> None:
        result_of(self.asynchronous.keep_alive(cookie, port))

    def query(self, cookie: int, port: int) -> None:
        result_of(self.asynchronous.query(cookie, port))

    def active(self, limit: int | None = None, after: Address | None = None) -> tuple[list[Address], bool]:
        return result_of(self.asynchronous.active(limit, after))

    def records(self) -> list[PeerRecord]:
        return result_of(self.asynchronous.records())

    def describe(self, record: PeerRecord) -> dict[str, str | int | bool]:
        return self.asynchronous.describe(record)

    def start(self) -> None:
        self.asynchronous.start()

    def sweep(self) -> Swept:
        return result_of(self.asynchronous.sweep())

    def close(self) -> None:
        result_of(self.asynchronous.close())


class RemoteStore:
    """A store on another machine: each call waits for `arrive`, and nothing can be renewed without a round trip."""

    def __init__(self, arrive: Callable[[], Awaitable[object]]) -> None:
        self._store = MemoryStore()
        self._arrive = arrive

    def start(self) -> None:
        pass

    async def close(self) -> None:
        await self._arrive()

    async def find(self, lookup: Lookup, now: float) -> Found:
        await self._arrive()
        return await self._store.find(lookup, now)

    async def commit(self, found: Found, changes: Changes, durable: bool) -> bool:
        await self._arrive()
        return await self._store.commit(found, changes, durable)

    def renew(self, cookie: int, port: int, now: float, deadline: float) -> bool:
        return False

    async def active(self, limit: int | None, after: Address | None, now: float) -> tuple[list[Address], bool]:
        await self._arrive()
        return await self._store.active(limit, after, now)

    async def generation(self, now: float) -> int:
        await self._arrive()
        return await self._store.generation(now)

    async def records(self, now: float) -> list[PeerRecord]:
        await self._arrive()
        return await self._store.records(now)

    async def counts(self, now: float) -> Counts:
        await self._arrive()
        return await self._store.counts(now)

    async def sweep(self, now: float) -> Swept:
        await self._arrive()
        return await self._store.sweep(now)
