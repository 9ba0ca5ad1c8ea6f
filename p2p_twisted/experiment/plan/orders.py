"""A plan: the documents that each peer has at the start, and those that it then fetches, from whom, in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import bounds
from .faults import NO_FAULTS, Faults
from .links import Links


@dataclass(frozen=True)
class Want:
    """A document to be fetched, and the peer to fetch it from; in a swarm ``holder`` is None, and any peer will do."""

    name: str
    holder: str | None


@dataclass(frozen=True)
class Order:
    """The documents that one peer fetches; without a swarm, one after the other."""

    downloader: str
    wants: tuple[Want, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(want.name for want in self.wants)


@dataclass(frozen=True)
class Plan:
    """The plan of a task."""

    task: str
    sizes: Mapping[str, int]
    """Bytes of each document."""
    holdings: Mapping[str, tuple[str, ...]]
    """Role -> the documents that the peer has at the start."""
    phases: tuple[tuple[Order, ...], ...]
    """Orders that start together, each phase when the one before has ended."""
    swarm: bool
    arrive: float = 0.0
    """Seconds from the arrival of one downloader to that of the next; before it, a downloader fetches nothing."""

    @property
    def arrivals(self) -> dict[str, float]:
        """Role of each downloader -> when it arrives, in seconds since the start."""
        return {role: place * self.arrive for place, role in enumerate(self.wanted)}

    @property
    def wanted(self) -> dict[str, tuple[str, ...]]:
        """Role of each downloader -> the names that it will have fetched at the end, in order."""
        orders = [order for phase in self.phases for order in phase]
        return {order.downloader: order.names for order in orders}

    def survivors(self, faults: Faults) -> list[str]:
        """Return the peers that fetch something and are not killed."""
        return [role for role, names in self.wanted.items() if names and role not in faults.killed]

    @property
    def bytes_wanted(self) -> int:
        """The bytes to be fetched by all peers together."""
        return sum(self.sizes[name] for names in self.wanted.values() for name in names)

    def bound(self, links: Links, faults: Faults = NO_FAULTS) -> float:
        """Return the least seconds until all peers that are not killed have what they want; see ``bounds``.

        Killed peers may help until then, and any peer may send a document whose holder is faulty.
        """
        held = {role: set(names) for role, names in self.holdings.items()}
        seconds = 0.0
        for phase in self.phases:
            living = [order for order in phase if order.downloader not in faults.killed]
            seconds = self._phase_bound(living, held, seconds, links, faults)
            if links.sites is not None:
                seconds = max(seconds, links.sites.bound(sum(self.sizes.values())))
            for order in phase:
                held[order.downloader] |= set(order.names)
        return seconds

    def _phase_bound(
        self, orders: Sequence[Order], held: Mapping[str, set[str]], begins: float, links: Links, faults: Faults
    ) -> float:
        """Return the least seconds at which a phase can end that begins at ``begins``.

        For each arrival, those who come then or later cannot be done before a time that the bounds give for them
        alone, even if all who came before have everything by then.
        """
        arrive = self.arrivals
        arrivals = {order.downloader: max(begins, arrive[order.downloader]) for order in orders}
        ends = [begins]
        for at in sorted(set(arrivals.values())):
            late = [order for order in orders if arrivals[order.downloader] >= at]
            early = {order.downloader: set(order.names) for order in orders if arrivals[order.downloader] < at}
            known = {role: names | early.get(role, set()) for role, names in held.items()}
            starts = {order.downloader: arrivals[order.downloader] - at for order in late}
            wanted = {order.downloader: order.names for order in late}
            fluid = bounds.fluid(wanted, known, self.sizes, links, starts)
            ends.append(at + max(fluid, bounds.one_by_one(self._fixed_transfers(late, faults), links)))
        return max(ends)

    def _fixed_transfers(self, orders: Sequence[Order], faults: Faults) -> Iterator[tuple[str, str, int]]:
        """Yield (downloader, holder, bytes) of each document that must come from that holder."""
        for order in orders:
            for want in order.wants:
                if want.holder is not None and not faults.reroute(want.holder):
                    yield order.downloader, want.holder, self.sizes[want.name]
