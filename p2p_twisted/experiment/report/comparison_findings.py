"""The findings that compare the tasks of an experiment with one another. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..plan.bounds import one_by_one
from ..plan.links import Links
from ..results import Results, Run
from ..summary import Summary, summarise
from .curves import typical
from .task_titles import TITLES

COUNTERPARTS = {"task1-swarm": "task1", "task2-swarm": "task2-best"}
"""Swarms -> the tasks from which they differ only in swarming."""


def compare_tasks(results: Results) -> Iterator[str]:
    """Yield sentences that compare the tasks that were completed."""
    cases = {task: runs for (task, _), runs in results.cases.items() if any(run.complete for run in runs)}
    summaries = {task: summarise(runs) for task, runs in cases.items()}
    if {"task1", "task2-best"} <= cases.keys():
        yield _best(summaries["task1"], summaries["task2-best"], typical(cases["task2-best"]))
    if {"task1", "task2-worst"} <= cases.keys():
        yield _worst(summaries["task1"], summaries["task2-worst"])
    if "task2-worst" in cases and _is_plain(typical(cases["task2-worst"])):
        yield _why_worst_is_slow(typical(cases["task2-worst"]), results.links)
    for swarm, task in COUNTERPARTS.items():
        if {swarm, task} <= cases.keys():
            yield _against_counterpart(summaries[swarm], summaries[task])
    if "swarm" in cases:
        yield _swarm(typical(cases["swarm"]), results.links)


def _is_plain(run: Run) -> bool:
    """Return whether a run had no faults, and all downloaders of a phase started together."""
    return not (run.killed or run.slow or run.corrupt or run.events or run.arrive)


def _against_counterpart(swarm: Summary, task: Summary) -> str:
    factor = task.seconds / swarm.seconds
    verdict = f"{factor:.1f} times as fast" if factor >= 1 else f"not faster, it took {1 / factor:.2f} times as long"
    return f"{TITLES[swarm.task]}, compared with {TITLES[task.task]}, same start and same orders: {verdict}."


def _best(task1: Summary, best: Summary, run: Run) -> str:
    sent = _sent(run)
    most = max(sent.values()) / sum(sent.values())
    allowed = f"the links would allow it to be {task1.bound / best.bound:.1f} times as fast"
    verdict = (
        f"is {task1.seconds / best.seconds:.1f} times as fast as centralised"
        if best.seconds < task1.seconds
        else f"was not faster than centralised here, it took {best.seconds / task1.seconds:.2f} times as long"
    )
    share = f"No peer sent more than {most:.0%} of the bytes, an equal share being {1 / len(run.holdings):.0%}."
    return f"Peer-to-peer at its best {verdict}; {allowed}. {share}"


def _worst(task1: Summary, worst: Summary) -> str:
    factor = worst.seconds / task1.seconds
    if factor <= 1:
        return f"The worst case of Task 2 was not slower than Task 1 here, it took {factor:.2f} times as long."
    return f"Peer-to-peer at its worst took {factor:.2f} times as long as centralised."


def _why_worst_is_slow(run: Run, links: Links) -> str:
    start = max(run.began.values())
    sent = _sent(run)
    collector = max(sent, key=lambda role: sent[role])
    others = [role for role in run.holdings if role != collector]
    used = sum(sent.get(role, 0) / links.up_of(role) for role in others) / (run.seconds * len(others))
    share = sent[collector] / sum(sent.values())
    return (
        f"Why the worst case is slow: {start:.2f} s ({start / run.seconds:.0%} of its time) pass before the others may "
        f"start, and then all of them depend on {collector}, which sends {share:.0%} of all bytes; over the whole run, "
        f"the uplinks of the others are used to {used:.0%}."
    )


def _swarm(run: Run, links: Links) -> str:
    size = max(arrival.bytes for arrival in run.arrivals)
    [name] = {name for names in run.orders.values() for name in names}
    [source] = [role for role, names in run.holdings.items() if name in names]
    copies = f"{_sent(run).get(source, 0) / size:.2f} copies of the document for {len(run.downloaders)} peers"
    alone = "" if source in run.killed or run.arrive else f" {_source_alone(run, source, size, links)}"
    return f"In the swarm the source sent {copies}, which got the rest from one another.{alone}"


def _source_alone(run: Run, source: str, size: int, links: Links) -> str:
    """Compare the swarm with the least time that the source would need alone."""
    alone = one_by_one([(peer, source, size) for peer in run.survivors], links)
    text = f"A source alone would need at least {alone:.1f} s"
    if run.bound > 0.99 * alone:
        return f"{text}, and no swarm can be faster on these links."
    if run.seconds > alone:
        return f"{text}; the swarm took {run.seconds / alone:.2f} times as long."
    return f"{text}; the swarm is {alone / run.seconds:.1f} times as fast."


def _sent(run: Run) -> dict[str, int]:
    """Return the bytes that each peer sent, without garbage."""
    sent: dict[str, int] = {}
    for transfer in run.transfers:
        if transfer.source not in run.corrupt:
            sent[transfer.source] = sent.get(transfer.source, 0) + transfer.bytes
    return sent
