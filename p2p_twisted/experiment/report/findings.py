"""What the numbers show, in sentences made from them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..phrases import counted, listed, shown_rate, shown_size
from ..plan.bounds import one_by_one
from ..plan.links import Links
from ..results import Event, Results, Run, Summary, number, summarise
from ..run.machine import BUSY
from .curves import typical
from .titles import TITLES, titled

BESIDE = {"task1-swarm": "task1", "task2-swarm": "task2-best"}
"""Swarms, and the tasks from which they differ in nothing but swarming."""
MOST_RESTARTS = 3
"""Restarts of a run that are told one by one."""


def findings(results: Results) -> list[str]:
    """The sentences, the most important first."""
    return [
        *(_times(runs) for runs in results.cases.values()),
        *(_growth(results) if results.growing else _comparison(results)),
        *_faults(results),
        *_trust(results),
    ]


def _times(runs: Sequence[Run]) -> str:
    summary, run = summarise(runs), typical(runs)
    title = titled(run.task, run.swarm)
    who = f"{title}, {_peers(run)}"
    if not summary.complete:
        return f"{who}: {_unfinished(run)}."
    repeats = f", median of {summary.runs} runs ({summary.low:.2f} to {summary.high:.2f} s)" if summary.runs > 1 else ""
    last = "the last of the others" if run.killed else "the last one"
    return (
        f"{who}: {last} had everything after {summary.seconds:.2f} s{repeats}. "
        f"That is {summary.ratio:.2f} times the bound of {summary.bound:.2f} s."
    )


def _peers(run: Run) -> str:
    faults = [
        *(f"{role} killed" for role in run.killed),
        *(f"{role} at {shown_rate(rate)}" for role, rate in run.slow.items()),
        *(f"{role} corrupt" for role in run.corrupt),
        *([counted(len(restarts), "restart")] if (restarts := _restarts(run)) else []),
    ]
    return f"{run.peers} peers" + (f" ({', '.join(faults)})" if faults else "")


def _has_faults(run: Run) -> bool:
    return bool(run.killed or run.slow or run.corrupt or run.events)


def _restarts(run: Run) -> list[Event]:
    return [event for event in run.events if event.text.endswith(" back")]


def _unfinished(run: Run) -> str:
    done = [peer for peer in run.survivors if run.finished(peer) is not None]
    ended = "interrupted" if run.interrupted else "not completed"
    others = "other " if run.killed else ""
    last = f"the last document came after {run.seconds:.2f} s" if run.seconds else "no document came whole"
    return f"{ended}; {len(done)} of {len(run.survivors)} {others}peers had all they wanted when it ended, {last}"


def _comparison(results: Results) -> Iterator[str]:
    """What the tasks show beside one another; of those that were completed."""
    cases = {task: runs for (task, _), runs in results.cases.items() if any(run.complete for run in runs)}
    summaries = {task: summarise(runs) for task, runs in cases.items()}
    if {"task1", "task2-best"} <= cases.keys():
        yield _best(summaries["task1"], summaries["task2-best"], typical(cases["task2-best"]))
    if {"task1", "task2-worst"} <= cases.keys():
        yield _worst(summaries["task1"], summaries["task2-worst"])
    if "task2-worst" in cases and not _has_faults(typical(cases["task2-worst"])):
        yield _where_it_loses(typical(cases["task2-worst"]), results.links)
    for swarm, task in BESIDE.items():
        if {swarm, task} <= cases.keys():
            yield _beside(summaries[swarm], summaries[task])
    if "swarm" in cases:
        yield _swarm(typical(cases["swarm"]), results.links)


def _beside(swarm: Summary, task: Summary) -> str:
    factor = task.seconds / swarm.seconds
    how = f"{factor:.1f} times as fast" if factor >= 1 else f"not faster: {1 / factor:.2f} times its time"
    return f"{TITLES[swarm.task]}, beside {TITLES[task.task]}, with the same start and the same orders: {how}."


def _best(task1: Summary, best: Summary, run: Run) -> str:
    most = max(_sent(run).values()) / sum(_sent(run).values())
    allowed = f"the links would allow it to be {task1.bound / best.bound:.1f} times as fast"
    how = (
        f"Peer-to-peer at its best is {task1.seconds / best.seconds:.1f} times as fast as centralised; {allowed}."
        if best.seconds < task1.seconds
        else f"Peer-to-peer at its best was not faster than centralised here: {best.seconds / task1.seconds:.2f} times "
        f"its time; {allowed}."
    )
    return f"{how} No peer sent more than {most:.0%} of the bytes, an equal share being {1 / len(run.holdings):.0%}."


def _worst(task1: Summary, worst: Summary) -> str:
    longer = worst.seconds / task1.seconds
    if longer <= 1:
        return f"The worst case of Task 2 was not slower than Task 1 here: {longer:.2f} times its time."
    return f"Peer-to-peer at its worst took {longer:.2f} times as long as centralised."


def _where_it_loses(run: Run, links: Links) -> str:
    start = max(run.began.values())
    sent = _sent(run)
    collector = max(sent, key=lambda role: sent[role])
    others = [role for role in run.holdings if role != collector]
    used = sum(sent.get(role, 0) / links.up_of(role) for role in others) / (run.seconds * len(others))
    share = sent[collector] / sum(sent.values())
    return (
        f"Where the worst case loses: {start:.2f} s ({start / run.seconds:.0%} of its time) pass before the others may "
        f"begin, and then all of them wait for {collector}, which sends {share:.0%} of all bytes; over the whole run "
        f"the uplinks of the others are used to {used:.0%}."
    )


def _swarm(run: Run, links: Links) -> str:
    size = max(arrival.bytes for arrival in run.arrivals)
    [name] = {name for names in run.orders.values() for name in names}
    [source] = [role for role, names in run.holdings.items() if name in names]
    copies = f"{_sent(run).get(source, 0) / size:.2f} copies of the document for {len(run.downloaders)} peers"
    return f"In the swarm the source sent {copies}; the rest they gave one another.{_alone(run, source, size, links)}"


def _alone(run: Run, source: str, size: int, links: Links) -> str:
    """Compare with the least time of the source alone, unless it was killed."""
    if source in run.killed:
        return ""
    alone = one_by_one([(peer, source, size) for peer in run.survivors], links)
    said = f" A source alone would need {alone:.1f} s at least"
    if run.bound > 0.99 * alone:
        return f"{said}, and no swarm can need less on these links."
    if run.seconds > alone:
        return f"{said}; the swarm took {run.seconds / alone:.2f} times that."
    return f"{said}: the swarm is {alone / run.seconds:.1f} times as fast as that."


def _growth(results: Results) -> Iterator[str]:
    summaries = {case: summarise(runs) for case, runs in results.cases.items() if any(run.complete for run in runs)}
    for task in dict.fromkeys(task for task, _ in summaries):
        grown = [summary for (other, _), summary in summaries.items() if other == task]
        few, many = grown[0], grown[-1]
        if many is not few:
            yield (
                f"{titled(task, False)}: from {few.peers} to {many.peers} peers the time grew "
                f"{many.seconds / few.seconds:.1f}-fold, from {few.seconds:.2f} to {many.seconds:.2f} s; "
                f"the bound grew {many.bound / few.bound:.1f}-fold."
            )
    for peers in sorted({peers for task, peers in summaries if task == "swarm"}):
        if ("central", peers) in summaries:
            factor = summaries["central", peers].seconds / summaries["swarm", peers].seconds
            yield f"With {peers} peers the swarm is {factor:.1f} times as fast as one source."


def _faults(results: Results) -> Iterator[str]:
    for run in results.runs:
        where = f"{titled(run.task, run.swarm)}, run {run.repeat}"
        if run.events:
            yield f"{where}: {_happened(run)}."
        for role in run.corrupt:
            yield f"{where}: {_garbage(run, role)}."
        if run.lost:
            yield f"{where}: {_documents(run.lost)} lost with {listed(run.killed)}: nobody else had a whole copy."
        for peer in sorted(run.failed.keys() - set(run.killed), key=number):
            reasons = {name: reason for name, reason in run.failed[peer].items() if name not in run.lost}
            if reasons:
                first = next(iter(reasons))
                yield f"{where}: {peer} did not get {len(reasons)} of its documents; {first}: {reasons[first]}."


def _happened(run: Run) -> str:
    """List the faults with their times; of many restarts, only the number and the span."""
    restarts, told = _restarts(run), list(run.events)
    if len(restarts) > MOST_RESTARTS:
        told = [event for event in told if event.text in {f"{role} killed" for role in run.killed}]
    said = [f"{event.text} after {event.at:.1f} s" for event in told]
    if len(restarts) > MOST_RESTARTS:
        said.append(f"{len(restarts)} restarts, from {restarts[0].at:.1f} to {restarts[-1].at:.1f} s")
    return ", ".join(said)


def _garbage(run: Run, role: str) -> str:
    """Say how much a corrupt peer sent: pieces to a swarm, else bytes of documents; and whether any of it was kept."""
    pieces, sent = run.garbage.get(role, 0), sum(one.bytes for one in run.transfers if one.source == role)
    if not pieces and not sent and not run.wrong:
        return f"{role} offered garbage, and no peer took any"
    kept = f"{run.wrong} of the copies are wrong" if run.wrong else "none of it was kept"
    return f"{role} sent {counted(pieces, 'piece') if pieces else shown_size(sent)} of garbage; {kept}"


def _documents(names: Sequence[str]) -> str:
    return f"{names[0]} was" if len(names) == 1 else f"{len(names)} documents, {names[0]} among them, were"


def _trust(results: Results) -> Iterator[str]:
    """Whether the numbers can be trusted: copies, start, processors, limits."""
    right, all_, wrong, missing = (
        sum(getattr(run, name) for run in results.runs) for name in ("verified", "expected", "wrong", "missing")
    )
    lacking = f" {_count(missing)} missing, {_count(wrong)} wrong." if right < all_ else ""
    yield f"{right} of {all_} copies have the SHA-256 that they should have.{lacking}"
    yield f"All peers began within {max(run.spread for run in results.runs) * 1000:.0f} ms of one another."
    busy = [run for run in results.runs if run.busy is not None and run.busy > BUSY]
    if busy:
        tasks = ", ".join(dict.fromkeys(titled(run.task, run.swarm) for run in busy))
        most = max(run.busy or 0 for run in busy)
        yield f"The processors were up to {most:.0%} busy in {tasks}: they may have set the pace there, not the links."
    if any(run.complete and run.ratio < 1 for run in results.runs):
        yield (
            "Times below the bound come from the peers' own limits: after a pause a peer may send or receive a little "
            "at once, which a link would not."
        )


def _sent(run: Run) -> dict[str, int]:
    """Bytes that each peer sent, garbage not counted."""
    sent: dict[str, int] = {}
    for transfer in run.transfers:
        if transfer.source not in run.corrupt:
            sent[transfer.source] = sent.get(transfer.source, 0) + transfer.bytes
    return sent


def _count(copies: int) -> str:
    return f"{copies or 'none'} {'are' if copies > 1 else 'is'}"
