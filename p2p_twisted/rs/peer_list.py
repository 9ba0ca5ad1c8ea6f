"""The peer list of 1.0: all active peers in one answer, which is made once for all who ask."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from ..registry.store import Store

LONG = 1000
"""Lines of a list that takes a while to make: one that is longer is made anew each second, if anybody asks."""
LONG_INTERVAL = 1


class WholeList:
    """The body of an answer with all active peers; if they are more than `most`, with so many chosen by chance."""

    def __init__(self, clock: IReactorTime, registry: Store, most: int) -> None:
        self._clock = clock
        self._registry = registry
        self._most = most
        self._body = b""
        self._length = 0
        self._made_at = 0.0
        self._generation: int | None = None

    async def body(self) -> bytes:
        """Return the body. It is made again only when it has changed."""
        generation, now = await self._registry.generation(), self._clock.seconds()
        is_fresh = self._length > LONG and now - self._made_at < LONG_INTERVAL
        if generation != self._generation and not is_fresh:
            self._body, _ = self._registry.sample(self._most)
            self._length = self._body.count(b"\n")
            self._generation, self._made_at = generation, now
        return self._body
