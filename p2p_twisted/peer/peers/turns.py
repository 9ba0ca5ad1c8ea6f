"""The order in which peers are asked: fair over hosts, and unresponsive peers do not delay the others.

Anybody may register any number of ports that do not answer. So each host has a turn before any has a second one; and a
peer that has not answered after a moment no longer occupies a place, although its answer is still awaited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...config.descriptors import max_peers
from ...wire.address import Address
from ...wire.fields import neighbourhood

AT_ONCE = 32
"""Most peers asked at the same time, slow ones not counted."""
PROMPT = 0.25
"""Seconds after which a peer that has not answered is slow."""
MAX_ASKED = 256
MAX_ASKED_OF_HOST = 224
"""Most peers asked at the same time, slow ones included: in all, and of one host; fewer with few descriptors."""

URGENT, NORMAL, FAILED = range(3)
"""Ranks: peers that have just said Hello or were just lost; all others; those that failed last time."""


class FairQueue:
    """Addresses in the order of their addition, but one of each host before a second of any."""

    def __init__(self) -> None:
        self._hosts: dict[str, dict[Address, None]] = {}

    def __contains__(self, address: Address) -> bool:
        return address in self._hosts.get(neighbourhood(address[0]), ())

    def __bool__(self) -> bool:
        return bool(self._hosts)

    def add(self, address: Address) -> None:
        """Add an address, which may be there already."""
        self._hosts.setdefault(neighbourhood(address[0]), {})[address] = None

    def discard(self, address: Address) -> None:
        """Remove an address, if it is there."""
        host = neighbourhood(address[0])
        addresses = self._hosts.get(host, {})
        addresses.pop(address, None)
        if not addresses:
            self._hosts.pop(host, None)

    def take(self, may: Callable[[str], bool]) -> Address | None:
        """Remove and return the next address of a host for which `may` is true; None if there is none."""
        for host, addresses in self._hosts.items():
            if may(host):
                address = next(iter(addresses))
                del addresses[address]
                del self._hosts[host]
                if addresses:
                    self._hosts[host] = addresses  # after all others
                return address
        return None

    def clear(self) -> None:
        """Remove all."""
        self._hosts.clear()


class Turns:
    """Calls `ask` for each address that is added, a bounded number at a time."""

    def __init__(
        self,
        clock: IReactorTime,
        ask: Callable[[Address], Deferred[None]],
        ended: Callable[[], object],
        slow: Callable[[Address], object] = lambda address: None,
    ) -> None:
        """`ask` returns a Deferred that fires when the peer has answered; `ended` is called after it.

        `slow` is called with the address of a peer that has not answered after a moment.
        """
        self._clock = clock
        self._ask = ask
        self._ended = ended
        self._slow = slow
        self._queues = (FairQueue(), FairQueue(), FairQueue())
        self._asked: dict[Address, Deferred[None]] = {}
        self._prompt: set[Address] = set()
        self._hosts: Counter[str] = Counter()

    @property
    def is_idle(self) -> bool:
        """Whether no peer is being asked or waiting."""
        return not self._asked and not any(self._queues)

    def add(self, ranked: Iterable[tuple[Address, int]]) -> None:
        """Add addresses with a rank, except those being asked, or waiting in that rank or a better one."""
        for address, rank in ranked:
            if address not in self._asked and not any(address in queue for queue in self._queues[: rank + 1]):
                for later in self._queues[rank + 1 :]:
                    later.discard(address)  # it must not have a second turn during the first
                self._queues[rank].add(address)
        self._fill()

    def stop(self) -> None:
        """Stop: no further peers are queried."""
        for queue in self._queues:
            queue.clear()
        for asked in list(self._asked.values()):
            asked.cancel()

    def _fill(self) -> None:
        most = max_peers(MAX_ASKED)
        while len(self._prompt) < AT_ONCE and len(self._asked) < most:
            address = self._next(most * MAX_ASKED_OF_HOST // MAX_ASKED)
            if address is None:
                return
            self._begin(address)

    def _next(self, most_of_host: int) -> Address | None:
        for queue in self._queues:
            address = queue.take(lambda host: self._hosts[host] < most_of_host)
            if address is not None:
                return address
        return None

    def _begin(self, address: Address) -> None:
        self._hosts[neighbourhood(address[0])] += 1
        self._prompt.add(address)
        slow = self._clock.callLater(PROMPT, self._is_slow, address)
        asked = self._asked[address] = self._ask(address)
        asked.addBoth(lambda _: self._over(address, slow))

    def _is_slow(self, address: Address) -> None:
        self._prompt.discard(address)
        self._slow(address)
        self._fill()

    def _over(self, address: Address, slow: IDelayedCall) -> None:
        if slow.active():
            slow.cancel()
        self._prompt.discard(address)
        del self._asked[address]
        host = neighbourhood(address[0])
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]
        self._fill()
        self._ended()
