"""What the tasks are called where people read of them."""

from __future__ import annotations

TITLES = {
    "task1": "Task 1, centralised",
    "task2-worst": "Task 2, worst case",
    "task2-best": "Task 2, best case",
    "swarm": "Swarm, one document",
    "central": "One source, one document",
}
"""Task -> its title."""

SETUPS = {
    "task1": "One peer holds all documents; the others fetch from it, one document at a time.",
    "task2-worst": "Each peer holds an equal share. The first one fetches from all the others, and when it is done "
    "they all fetch from it.",
    "task2-best": "Each peer holds an equal share. All begin at the same instant, each with another holder, so that "
    "the load is spread over all.",
    "swarm": "One peer holds one large document that all the others want. Whoever has a piece passes it on.",
    "central": "One peer holds one large document; each of the others fetches it whole from that peer.",
}
"""Task -> what happens in it."""


def titled(task: str, swarm: bool) -> str:
    """The title of a task, and that its documents came by a swarm where that is not the point of it."""
    return TITLES[task] + (" (by a swarm)" if swarm and task != "swarm" else "")
