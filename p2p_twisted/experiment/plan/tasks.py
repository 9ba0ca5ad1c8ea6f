"""The tasks as plans: who holds which documents, and who then asks whom for which, in which order. Pure.

A plan follows from (task, peers, documents, fetch, seed) and nothing else: the same arguments give the same plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from . import bounds
from .faults import NO_FAULTS, Faults
from .links import Links


@dataclass(frozen=True)
class Want:
    """A document and the peer it is to come from; ``holder`` is None where any source will do: in a swarm."""

    name: str
    holder: str | None


@dataclass(frozen=True)
class Order:
    """What one peer fetches: without a swarm, one document after the other."""

    downloader: str
    wants: tuple[Want, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(want.name for want in self.wants)


@dataclass(frozen=True)
class Plan:
    """A task: ``sizes`` in bytes of all documents by name; ``holdings`` says what each peer has at first, by role.

    The orders of a phase begin at the same instant, when all of the phase before have ended.
    """

    task: str
    sizes: Mapping[str, int]
    holdings: Mapping[str, tuple[str, ...]]
    phases: tuple[tuple[Order, ...], ...]
    swarm: bool

    @property
    def wanted(self) -> dict[str, tuple[str, ...]]:
        """The names that each downloader will have fetched at the end, by role, in order."""
        orders = [order for phase in self.phases for order in phase]
        return {order.downloader: order.names for order in orders}

    def survivors(self, faults: Faults) -> list[str]:
        """Return the peers that want something and are not killed."""
        return [role for role, names in self.wanted.items() if names and role not in faults.killed]

    @property
    def bytes_wanted(self) -> int:
        """Bytes to be fetched by all together."""
        return sum(self.sizes[name] for names in self.wanted.values() for name in names)

    def bound(self, links: Links, faults: Faults = NO_FAULTS) -> float:
        """Return the least seconds until all who are not killed have what they want; see ``bounds``.

        The killed may help until then, and what was to come from a faulty holder may come from anybody.
        """
        held = {role: set(names) for role, names in self.holdings.items()}
        seconds = 0.0
        for phase in self.phases:
            living = [order for order in phase if order.downloader not in faults.killed]
            wanted = {order.downloader: order.names for order in living}
            fluid = bounds.fluid(wanted, held, self.sizes, links)
            seconds += max(fluid, bounds.one_by_one(self._given(living, faults), links))
            for order in phase:
                held[order.downloader] |= set(order.names)
        return seconds

    def _given(self, orders: Sequence[Order], faults: Faults) -> Iterator[tuple[str, str, int]]:
        """Yield (downloader, holder, bytes) of each document that must come from that holder."""
        for order in orders:
            for want in order.wants:
                if want.holder is not None and not faults.reroute(want.holder):
                    yield order.downloader, want.holder, self.sizes[want.name]


def task1(peers: Sequence[str], sizes: Mapping[str, int], fetch: int | None, random_seed: int, swarm: bool) -> Plan:
    """Centralised: the first peer holds everything, each of the others fetches ``fetch`` of it.

    ``fetch`` is by default what Task 2 leaves each to fetch. Raises ValueError.
    """
    source, *downloaders = peers
    count = _checked(fetch, len(sizes) - len(sizes) // len(peers), len(sizes))
    orders = [
        _order(downloader, _sample(sizes, count, random_seed, downloader), source, swarm) for downloader in downloaders
    ]
    return Plan("task1", sizes, _all_at_first(peers, sizes), (tuple(orders),), swarm)


def task2_best(
    peers: Sequence[str], sizes: Mapping[str, int], fetch: int | None, random_seed: int, swarm: bool
) -> Plan:
    """Each holds an equal share and fetches ``fetch`` (by default all) of the rest, all at the same instant.

    Peer i begins with what peer i+1 has, then i+2 and so on: at no time need two ask the same. And all ask for large
    documents at the same time, or for small ones, so that they keep step. Raises ValueError.
    """
    holdings = deal(peers, sizes, random_seed)
    orders = []
    for place, downloader in enumerate(peers):
        others = [*peers[place + 1 :], *peers[:place]]
        shares = {holder: _in_step(holdings[holder], sizes, random_seed) for holder in others}
        lacking = sum(map(len, shares.values()))
        count = _checked(fetch, lacking, lacking)
        wants = [Want(name, None if swarm else role) for role, names in _evenly(shares, count) for name in names]
        orders.append(Order(downloader, tuple(wants)))
    return Plan("task2-best", sizes, holdings, (tuple(orders),), swarm)


def task2_worst(
    peers: Sequence[str], sizes: Mapping[str, int], fetch: int | None, random_seed: int, swarm: bool
) -> Plan:
    """The same shares; the first peer fetches from all others, and when it is done they all fetch from it.

    Raises ValueError.
    """
    best = task2_best(peers, sizes, fetch, random_seed, swarm)
    collector, *others = peers
    [first] = [order for order in best.phases[0] if order.downloader == collector]
    there = [*best.holdings[collector], *first.names]
    orders = []
    for downloader in others:
        lacking = _shuffled([name for name in there if name not in best.holdings[downloader]], random_seed, downloader)
        orders.append(_order(downloader, lacking[: len(first.wants)], collector, swarm))
    return Plan("task2-worst", sizes, best.holdings, ((first,), tuple(orders)), swarm)


def one_source(task: str, peers: Sequence[str], name: str, size: int, swarm: bool) -> Plan:
    """The first peer holds one document that everybody else wants: by a swarm, or each from the source."""
    source, *downloaders = peers
    orders = tuple(_order(downloader, [name], source, swarm) for downloader in downloaders)
    return Plan(task, {name: size}, _all_at_first(peers, [name]), (orders,), swarm)


Maker = Callable[[Sequence[str], Mapping[str, int], "int | None", int, bool], Plan]
TASKS: dict[str, Maker] = {"task1": task1, "task2-worst": task2_worst, "task2-best": task2_best}
SWARMED: dict[str, Maker] = {"task1-swarm": task1, "task2-swarm": task2_best}
"""Swarms that are compared with the tasks: the same holdings and orders, but any peer may send any piece."""
COMPARED = ("task1", "task1-swarm", "task2-worst", "task2-best", "task2-swarm")
"""What ``p2p experiment all`` runs: the same documents, peers and links, and 50 of 60 documents for each peer."""


def plan_for(
    task: str, peers: Sequence[str], sizes: Mapping[str, int], fetch: int | None, random_seed: int, swarm: bool
) -> Plan:
    """Return the plan of a task of many documents, one of ``TASKS`` or ``SWARMED``. Raises ValueError."""
    if task in SWARMED:
        return replace(SWARMED[task](peers, sizes, fetch, random_seed, True), task=task)
    return TASKS[task](peers, sizes, fetch, random_seed, swarm)


def deal(peers: Sequence[str], sizes: Mapping[str, int], random_seed: int) -> dict[str, tuple[str, ...]]:
    """The documents dealt to ``peers``: numbers that differ by one at most, bytes as equal as a simple rule makes them.

    The largest goes first, always to whoever has the fewest bytes and not yet its number. Which peer gets which hand
    depends on ``random_seed``. Raises ValueError when there are fewer documents than peers.
    """
    if len(sizes) < len(peers):
        raise ValueError(f"{len(sizes)} documents cannot be dealt to {len(peers)} peers")
    least, more = divmod(len(sizes), len(peers))
    room = [least + (place < more) for place in range(len(peers))]
    hands: list[list[str]] = [[] for _ in peers]
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        free = [place for place in range(len(peers)) if len(hands[place]) < room[place]]
        hands[min(free, key=lambda place: (sum(sizes[other] for other in hands[place]), place))].append(name)
    drawn = dict(zip(_shuffled(peers, random_seed, "deal"), hands, strict=True))
    return {role: tuple(drawn[role]) for role in peers}


def _all_at_first(peers: Sequence[str], names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {role: tuple(names) if place == 0 else () for place, role in enumerate(peers)}


def _order(downloader: str, names: Sequence[str], holder: str, swarm: bool) -> Order:
    return Order(downloader, tuple(Want(name, None if swarm else holder) for name in names))


def _evenly(shares: Mapping[str, Sequence[str]], count: int) -> list[tuple[str, Sequence[str]]]:
    """``count`` of all names, as many from each as possible."""
    taken = dict.fromkeys(shares, 0)
    for _ in range(count):
        role = min((role for role in shares if taken[role] < len(shares[role])), key=lambda role: taken[role])
        taken[role] += 1
    return [(role, names[: taken[role]]) for role, names in shares.items()]


def _in_step(names: Sequence[str], sizes: Mapping[str, int], random_seed: int) -> list[str]:
    """``names`` in such an order by size, decided by ``random_seed``, that equally many others in it go with them."""
    by_size = sorted(names, key=lambda name: (sizes[name], name))
    places = list(range(len(names)))
    Random(f"{random_seed}/{len(names)}").shuffle(places)
    return [by_size[place] for place in places]


def _checked(fetch: int | None, usual: int, most: int) -> int:
    count = usual if fetch is None else fetch
    if not 1 <= count <= most:
        raise ValueError(f"a peer can fetch 1 to {most} documents here, not {count}")
    return count


def _sample(names: Mapping[str, int], count: int, random_seed: int, *key: str) -> list[str]:
    return _shuffled(names, random_seed, *key)[:count]


def _shuffled(words: Iterable[str], random_seed: int, *key: str) -> list[str]:
    """In an order that depends on ``random_seed`` and ``key``, and on nothing else."""
    mixed = sorted(words)
    Random("/".join((str(random_seed), *key))).shuffle(mixed)
    return mixed
