"""The sources that a swarm may connect to, in the order in which it should. Pure."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable

from ..wire.address import Address
from ..wire.fields import parse_address
from .source import Source


class ConnectQueue:
    """A queue of sources: by their failures and `rank`, one of each network before a second of any, and as they came.

    Beside it are the spare ones, which are not needed while there are enough neighbours.
    """

    def __init__(self, rank: Callable[[Address], int]) -> None:
        self._rank = rank
        self._heap: list[tuple[int, int, int, int, Source]] = []
        self._networks: Counter[tuple[str, int]] = Counter()
        """Sources that were queued so far, by their network and rank."""
        self._spare: list[tuple[float, int, Source]] = []
        """A heap by lot."""
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, source: Source) -> None:
        """Add a source."""
        rank = self._rank(source.address)
        network = _network(source.address[0]), rank
        self._networks[network] += 1
        place = source.failures, rank, self._networks[network], next(self._order)
        heapq.heappush(self._heap, (*place, source))

    def pop(self) -> Source:
        """Take the first source from the queue. Raises IndexError if it is empty."""
        return heapq.heappop(self._heap)[-1]

    def keep_spare(self, source: Source) -> None:
        """Keep a source that is not needed now."""
        heapq.heappush(self._spare, (source.lot, next(self._order), source))

    def call_spare(self, most: int) -> None:
        """Queue `most` of the spare ones, those with the lowest lots."""
        for _ in range(min(most, len(self._spare))):
            self.push(heapq.heappop(self._spare)[-1])


def _network(host: str) -> str:
    """Return the network of a host, which may be all one owner's: 16 bits of an IPv4 address, 32 of an IPv6 address."""
    ip = parse_address(host)
    return host if ip is None else ip.packed[: 2 if ip.version == 4 else 4].hex()
