"""Titles and descriptions of the tasks."""

from __future__ import annotations

from collections.abc import Iterable

from ..plan.tasks import SWARMED
from ..results import Run

TITLES = {
    "task1": "Task 1, centralised",
    "task2-worst": "Task 2, worst case",
    "task2-best": "Task 2, best case",
    "task1-swarm": "Swarm, one source",
    "task2-swarm": "Swarm, equal shares",
    "swarm": "Swarm, one document",
    "central": "One source, one document",
    "sites": "Swarm at several sites",
}
"""Task -> its title."""

SETUPS = {
    "task1": "One peer has all documents; the others fetch from it, one document at a time.",
    "task2-worst": "Each peer has an equal share. The first one fetches from all the others, and then they all fetch "
    "from it.",
    "task2-best": "Each peer has an equal share. All start at the same time, each with another holder, so that the "
    "load is spread over all peers.",
    "task1-swarm": "The same start and the same orders as in Task 1, but peers pass on the pieces that they have.",
    "task2-swarm": "The same start and the same orders as in the best case of Task 2, but any peer may send any piece.",
    "swarm": "One peer has one large document that all the others want. Every peer passes on the pieces that it has.",
    "central": "One peer has one large document; each of the others fetches it whole from that peer.",
    "sites": "One peer at the first site has one large document that all the others want. The sites are joined in a "
    "chain by links that are thinner than their LANs; each piece has to cross a link only once.",
}
"""Task -> its description."""


SWARMS = ("swarm", "sites", *SWARMED)
"""Tasks whose titles already say that they are swarms."""


def titled(task: str, swarm: bool) -> str:
    """Return the title of a task; it says if documents came from a swarm."""
    return TITLES[task] + (" (by a swarm)" if swarm and task not in SWARMS else "")


def start_of(run: Run) -> str:
    """Describe the start of a run: holders, documents, and the number of documents that each peer fetches."""
    documents = len({name for names in run.holdings.values() for name in names})
    holders = [names for names in run.holdings.values() if names]
    fetched = _range(map(len, run.orders.values()))
    copies = f"{sum(map(len, run.orders.values()))} copies"
    if len(holders) > 1:
        held = _range(map(len, holders))
        return f"Each of {len(holders)} peers has {held} of {documents} documents and fetches {fetched}: {copies}"
    others = f"{len(run.orders)} others fetch" if len(run.orders) > 1 else "another fetches"
    if documents == 1:
        return f"One peer has the document, {others} it"
    each = " each" if len(run.orders) > 1 else ""
    return f"One peer has all {documents} documents, {others} {fetched}{each}: {copies}"


def _range(numbers: Iterable[int]) -> str:
    ordered = sorted(set(numbers))
    return str(ordered[0]) if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
