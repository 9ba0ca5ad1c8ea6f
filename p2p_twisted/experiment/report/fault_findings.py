"""The findings about faults: kills, restarts, garbage, and the documents that were lost or not fetched. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..phrases import counted, listed, shown_size
from ..results import Event, Results, Run, number
from .task_titles import titled

MAX_RESTARTS = 3
"""The most restarts of a run that are listed one by one."""


def describe_faults(results: Results) -> Iterator[str]:
    """Yield sentences about the faults of each run and their consequences."""
    for run in results.runs:
        where = f"{titled(run.task, run.swarm)}, run {run.repeat}"
        if run.events:
            yield f"{where}: {_events(run)}."
        for role in run.corrupt:
            yield f"{where}: {_garbage(run, role)}."
        if run.lost:
            yield f"{where}: {_documents(run.lost)} lost with {listed(run.killed)}: no other peer had a whole copy."
        for peer in sorted(run.failed.keys() - set(run.killed), key=number):
            reasons = {name: reason for name, reason in run.failed[peer].items() if name not in run.lost}
            if reasons:
                first = next(iter(reasons))
                yield f"{where}: {peer} did not get {len(reasons)} of its documents; {first}: {reasons[first]}."


def restarts_of(run: Run) -> list[Event]:
    """Return the events in which a peer came back."""
    return [event for event in run.events if event.text.endswith(" back")]


def _events(run: Run) -> str:
    """List the faults with their times; of many restarts, only the number and the first and last time."""
    restarts, listed_events = restarts_of(run), list(run.events)
    if len(restarts) > MAX_RESTARTS:
        kills = {f"{role} killed" for role in run.killed}
        listed_events = [event for event in run.events if event.text in kills]
    texts = [f"{event.text} after {event.at:.1f} s" for event in listed_events]
    if len(restarts) > MAX_RESTARTS:
        texts.append(f"{len(restarts)} restarts, from {restarts[0].at:.1f} to {restarts[-1].at:.1f} s")
    return ", ".join(texts)


def _garbage(run: Run, role: str) -> str:
    """Say how much a corrupt peer sent, in pieces (in a swarm) or bytes of documents, and if any of it was kept."""
    pieces, sent = run.garbage.get(role, 0), sum(one.bytes for one in run.transfers if one.source == role)
    if not pieces and not sent and not run.wrong:
        return f"{role} offered garbage, and no peer downloaded any"
    kept = f"{run.wrong} of the copies are wrong" if run.wrong else "none of it was kept"
    return f"{role} sent {counted(pieces, 'piece') if pieces else shown_size(sent)} of garbage; {kept}"


def _documents(names: Sequence[str]) -> str:
    return f"{names[0]} was" if len(names) == 1 else f"{len(names)} documents, {names[0]} among them, were"
