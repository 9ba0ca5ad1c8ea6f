"""Whom to ask next: fair over hosts, and so that peers that do not answer hold up nobody who would.

Anybody may register any number of ports at which nobody answers. So each host has its turn before any has its second;
and whoever has not answered after a moment is waited for beside the others, and makes room for the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...config.descriptors import most_peers
from ...registry.record import neighbourhood
from ...wire.address import Address

AT_ONCE = 32
"""Peers asked at the same time, those not counted that are slow."""
PROMPT = 0.25
"""Seconds after which a peer that has not answered is slow."""
MAX_ASKED = 256
MAX_ASKED_OF_HOST = 224
"""Peers asked at the same time, slow ones too: in all, and of one host; less where descriptors are few."""

URGENT, NORMAL, FAILED = range(3)
"""Ranks: who has just said Hello or was just lost; everybody; those that failed when they were asked last."""


class FairQueue:
    """Addresses in the order in which they were added, but one of each host before the second of any."""

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
        """Remove and return the next address of a host that `may` be asked; None if there is none."""
        for host, addresses in self._hosts.items():
            if may(host):
                address = next(iter(addresses))
                del addresses[address]
                del self._hosts[host]
                if addresses:
                    self._hosts[host] = addresses  # behind all others
                return address
        return None

    def clear(self) -> None:
        """Remove all."""
        self._hosts.clear()


class Turns:
    """Calls `ask` for each address that is added, a bounded number at a time."""

    def __init__(
        self, clock: IReactorTime, ask: Callable[[Address], Deferred[None]], ended: Callable[[], object]
    ) -> None:
        """`ask` returns what fires, without fail, when the peer has been asked; `ended` is called after each."""
        self._clock = clock
        self._ask = ask
        self._ended = ended
        self._queues = (FairQueue(), FairQueue(), FairQueue())
        self._asked: dict[Address, Deferred[None]] = {}
        self._prompt: set[Address] = set()
        self._hosts: Counter[str] = Counter()

    @property
    def is_idle(self) -> bool:
        """Whether nobody is asked, nor waits to be."""
        return not self._asked and not any(self._queues)

    def add(self, ranked: Iterable[tuple[Address, int]]) -> None:
        """Have each address asked in its rank, unless it is being asked, or waits already in that rank or before it."""
        for address, rank in ranked:
            if address not in self._asked and not any(address in queue for queue in self._queues[: rank + 1]):
                for later in self._queues[rank + 1 :]:
                    later.discard(address)  # else it would have a second turn, perhaps during the first
                self._queues[rank].add(address)
        self._fill()

    def stop(self) -> None:
        """Ask nobody any more."""
        for queue in self._queues:
            queue.clear()
        for asked in list(self._asked.values()):
            asked.cancel()

    def _fill(self) -> None:
        most = most_peers(MAX_ASKED)
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
