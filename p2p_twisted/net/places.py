"""The places of a server's connections, and which connection loses its own to a newcomer when all are taken; pure.

Slow connections cost those who open them next to nothing, so a server that turned newcomers away could be closed with
a few of them. Instead the newcomer gets the place of another: of the host that has most, the connection that has
waited longest without a request that was completed. An honest client is answered within milliseconds, long before its
turn would come. Connections that are being answered (followers of an index, long lists) go last, up to a fair share for
each host, and downloads that make progress are not touched.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection
from typing import Generic, TypeVar

from .caller import Caller
from .connection_state import CONNECTED, RECEIVING, State

FAIR_SHARE = 16
"""One host's share of connections that are being answered, which go last, is one place of so many."""
BATCH = 16
"""One of so many connections is chosen at a time, so that a flood does not sort all of them for each newcomer."""


class PlacedConnection:
    """A connection, as far as its place goes."""

    caller: Caller
    expires = math.inf
    """When (the factory's clock) the timeout of the state runs out."""
    neighbourhood = ""
    """The key of the host of the client, set when it asks for a place."""
    _state: State

    @property
    def host(self) -> str:
        """The IP address of the client."""
        return self.caller.address[0]

    @property
    def slow_since(self) -> float:
        """When the timeout of the state began: at the last progress of a request or its answer, in seconds."""
        return self.expires - self._state.timeout

    @property
    def is_answering(self) -> bool:
        """Whether a request is being answered."""
        return self._state.answers

    @property
    def is_receiving(self) -> bool:
        """Whether a request is awaited or on its way, which must be complete in time."""
        return self._state is RECEIVING or self._state is CONNECTED

    def is_shielded(self, now: float) -> bool:
        """Return whether it keeps its place whatever comes."""
        return False


T = TypeVar("T", bound=PlacedConnection)


class Places(Generic[T]):
    """The connections that are admitted, by host; of IPv6, by /64."""

    def __init__(self) -> None:
        self.all: set[T] = set()
        self._hosts: defaultdict[str, dict[T, None]] = defaultdict(dict)  # in the order of their arrival
        self._chosen: dict[str | None, list[tuple[float, T]]] = {}
        """The next to lose their places, of one host or (None) of all, the very next last; with their slow_since."""

    def of(self, key: str) -> Collection[T]:
        """Return the connections of a neighbourhood."""
        return self._hosts.get(key, ())

    def add(self, connection: T) -> None:
        """Give `connection` a place."""
        self.all.add(connection)
        self._hosts[connection.neighbourhood][connection] = None

    def remove(self, connection: T) -> None:
        """Take its place from `connection`, if it has one."""
        if connection not in self.all:
            return
        self.all.remove(connection)
        key = connection.neighbourhood
        of_host = self._hosts[key]
        del of_host[connection]
        if not of_host:
            del self._hosts[key]
            self._chosen.pop(key, None)

    def slowest(self, now: float, most: int, key: str | None = None) -> T | None:
        """Return the connection whose place a newcomer gets, one of the neighbourhood `key` if that is given.

        None if all are shielded. `most` is the number of places of the server.
        """
        for _ in range(2):  # what was chosen before, then what is chosen now
            chosen = self._chosen.get(key, [])
            while chosen:
                since, connection = chosen.pop()
                if connection in self.all and connection.slow_since == since and not connection.is_shielded(now):
                    return connection
            self._chosen[key] = self._choose(now, most // FAIR_SHARE, key)
        return None

    def _choose(self, now: float, share: int, key: str | None) -> list[tuple[float, T]]:
        """Return some of the connections that are to go, the first to go last."""
        hosts = self._hosts.values() if key is None else [self._hosts[key]]
        ranked: list[tuple[bool, int, float, T]] = []
        for connections in hosts:
            slow = [one for one in connections if one.expires < math.inf and not one.is_shielded(now)]
            slow.sort(key=lambda one: one.slow_since)
            for rank, one in zip(range(len(slow), 0, -1), slow, strict=True):
                ranked.append((one.is_answering and rank <= share, -rank, one.slow_since, one))
        ranked.sort(key=lambda entry: entry[:3])
        return [(since, one) for _, _, since, one in reversed(ranked[: len(ranked) // BATCH + 1])]
