"""Peers that say Hello: some are asked for their index at once, others only if the RS lists them.

A Hello comes from a stranger, so its cost is bounded: the Hellos of one host and of all in a window of time, the peers
that the RS has not listed, and the peers about which the RS is asked, one after the other. Connections go only to the
address that the Hello came from, or to one that the RS lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ...net.errors import FetchError
from ...wire.address import Address
from ...wire.errors import Forbidden
from ...wire.fields import clean_host, neighbourhood

WINDOW = 10
"""The window of time in seconds."""
MAX_OF_HOST = 128
MAX_OF_ALL = 2_000
"""Most messages of one host, and of all, in the window."""
MAX_UNSURE = 64
"""Most peers waiting for the RS to be asked about them."""


class HostQuota:
    """The messages that one host, and all, may send in a window of time."""

    def __init__(self, now: Callable[[], float], of_host: int = MAX_OF_HOST, of_all: int = MAX_OF_ALL) -> None:
        self._now = now
        self._of_host = of_host
        self._of_all = of_all
        self._began = now()
        self._hosts: Counter[str] = Counter()

    def take(self, host: str) -> None:
        """Count one message. Raises Forbidden when there are too many, of `host` or of all."""
        now = self._now()
        if now - self._began >= WINDOW:
            self._began = now
            self._hosts.clear()
        key = neighbourhood(host)
        if self._hosts[key] >= self._of_host or self._hosts.total() >= self._of_all:
            raise Forbidden("too many at once; try again in a moment")
        self._hosts[key] += 1


class Arrivals:
    """Takes Hellos, and calls `arrived` with the address of a peer."""

    log = Logger()

    def __init__(
        self,
        now: Callable[[], float],
        is_listed: Callable[[Address], Coroutine[Deferred[Any], Any, bool]],
        arrived: Callable[[Address, bool], bool],
    ) -> None:
        """`now` gives seconds; `is_listed` says whether the RS lists an address, and raises FetchError.

        `arrived` takes an address and whether the RS is known to list it; it returns False if it has no room for a peer
        that may not be listed.
        """
        self._quota = HostQuota(now)
        self._is_listed = is_listed
        self._arrived = arrived
        self._unsure: dict[tuple[Address, Address], None] = {}
        self._asking = False

    def hello(self, source: str, said: str, port: int) -> None:
        """Take a Hello from the address `source` whose Host line is `said`. Raises Forbidden: too many of them."""
        here = clean_host(source) or source
        self._quota.take(here)
        claimed = clean_host(said)
        if claimed in (None, here) and self._arrived((here, port), False):
            return
        if len(self._unsure) < MAX_UNSURE:
            self._unsure[(claimed or here, port), (here, port)] = None
            if not self._asking:
                self._asking = True
                Deferred.fromCoroutine(self._ask()).addErrback(lambda failure: self.log.failure("arrivals", failure))

    async def _ask(self) -> None:
        try:
            while self._unsure:
                either = next(iter(self._unsure))
                del self._unsure[either]
                await self._find(either)
        finally:
            self._asking = False

    async def _find(self, either: tuple[Address, Address]) -> None:
        """Look for the peer at the RS: at its advertised address, or, behind a translator, at the one it comes from."""
        for address in dict.fromkeys(either):
            try:
                if await self._is_listed(address):
                    self._arrived(address, True)
                    return
            except FetchError:
                return  # the next round asks the RS for all peers
