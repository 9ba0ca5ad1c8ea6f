"""The tasks as plans.

A plan is determined by the task, the peers, the documents, ``fetch`` and the random seed: the same arguments give the
same plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from .dealing import deal, in_step, shuffled, take_evenly
from .orders import Order, Plan, Want


def task1(peers: Sequence[str], sizes: Mapping[str, int], fetch: int | None, random_seed: int, swarm: bool) -> Plan:
    """Plan the centralised task: the first peer holds everything, each of the others fetches ``fetch`` of it.

    The default of ``fetch`` is the number that each peer fetches in Task 2. Raises ValueError.
    """
    source, *downloaders = peers
    count = _checked(fetch, len(sizes) - len(sizes) // len(peers), len(sizes))
    samples = {role: shuffled(sizes, random_seed, role)[:count] for role in downloaders}
    orders = [_order(role, names, source, swarm) for role, names in samples.items()]
    return Plan("task1", sizes, _all_at_first(peers, sizes), (tuple(orders),), swarm)


def task2_best(
    peers: Sequence[str], sizes: Mapping[str, int], fetch: int | None, random_seed: int, swarm: bool
) -> Plan:
    """Plan the best case: each peer holds an equal share and fetches ``fetch`` (default: all) of the rest, all at once.

    Peer i starts with the documents of peer i+1, then i+2 and so on, so that no two peers need the same holder at a
    time. All fetch large documents at the same time, and small ones, to keep in step. Raises ValueError.
    """
    holdings = deal(peers, sizes, random_seed)
    orders = []
    for place, downloader in enumerate(peers):
        others = [*peers[place + 1 :], *peers[:place]]
        shares = {holder: in_step(holdings[holder], sizes, random_seed) for holder in others}
        lacking = sum(map(len, shares.values()))
        count = _checked(fetch, lacking, lacking)
        wants = [Want(name, None if swarm else role) for role, names in take_evenly(shares, count) for name in names]
        orders.append(Order(downloader, tuple(wants)))
    return Plan("task2-best", sizes, holdings, (tuple(orders),), swarm)


def task2_worst(
    peers: Sequence[str], sizes: Mapping[str, int], fetch: int | None, random_seed: int, swarm: bool
) -> Plan:
    """Plan the worst case: of the same shares, the first peer fetches all others, and then all others fetch from it.

    Raises ValueError.
    """
    best = task2_best(peers, sizes, fetch, random_seed, swarm)
    collector, *others = peers
    [first] = [order for order in best.phases[0] if order.downloader == collector]
    collected = [*best.holdings[collector], *first.names]
    orders = []
    for role in others:
        lacking = shuffled([name for name in collected if name not in best.holdings[role]], random_seed, role)
        orders.append(_order(role, lacking[: len(first.wants)], collector, swarm))
    return Plan("task2-worst", sizes, best.holdings, ((first,), tuple(orders)), swarm)


def one_source(task: str, peers: Sequence[str], name: str, size: int, swarm: bool) -> Plan:
    """Plan for one document of the first peer that all others want: from the source alone, or in a swarm."""
    source, *downloaders = peers
    orders = tuple(_order(downloader, [name], source, swarm) for downloader in downloaders)
    return Plan(task, {name: size}, _all_at_first(peers, [name]), (orders,), swarm)


Maker = Callable[[Sequence[str], Mapping[str, int], "int | None", int, bool], Plan]
TASKS: dict[str, Maker] = {"task1": task1, "task2-worst": task2_worst, "task2-best": task2_best}
SWARMED: dict[str, Maker] = {"task1-swarm": task1, "task2-swarm": task2_best}
"""Swarms that are compared with the tasks: the same holdings and orders, but any peer may send any piece."""
COMPARED = ("task1", "task1-swarm", "task2-worst", "task2-best", "task2-swarm")
"""The tasks of ``p2p experiment all``: the same documents, peers and links, and 50 of 60 documents for each peer."""


def plan_for(
    task: str, peers: Sequence[str], sizes: Mapping[str, int], fetch: int | None, random_seed: int, swarm: bool
) -> Plan:
    """Return the plan of a task of many documents, one of ``TASKS`` or ``SWARMED``. Raises ValueError."""
    if task in SWARMED:
        return replace(SWARMED[task](peers, sizes, fetch, random_seed, True), task=task)
    return TASKS[task](peers, sizes, fetch, random_seed, swarm)


def _all_at_first(peers: Sequence[str], names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the holdings of ``peers`` when the first one has everything."""
    return {role: tuple(names) if place == 0 else () for place, role in enumerate(peers)}


def _order(downloader: str, names: Sequence[str], holder: str, swarm: bool) -> Order:
    return Order(downloader, tuple(Want(name, None if swarm else holder) for name in names))


def _checked(fetch: int | None, default: int, most: int) -> int:
    count = default if fetch is None else fetch
    if not 1 <= count <= most:
        raise ValueError(f"a peer can fetch 1 to {most} documents here, not {count}")
    return count
