"""The findings: what the numbers show, in sentences made from them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..phrases import counted, shown_rate
from ..results import Results, Run
from ..run.processors import BUSY_SHARE
from ..summary import summarise
from .arrival_findings import describe_arrivals
from .comparison_findings import compare_tasks
from .curves import typical
from .fault_findings import describe_faults, restarts_of
from .site_findings import describe_links
from .task_titles import titled


def findings(results: Results) -> list[str]:
    """Return the sentences, the most important first."""
    return [
        *(_times(runs) for runs in results.cases.values()),
        *(_growth(results) if results.growing else compare_tasks(results)),
        *describe_arrivals(results),
        *describe_links(results),
        *describe_faults(results),
        *_trust(results),
    ]


def _times(runs: Sequence[Run]) -> str:
    summary, run = summarise(runs), typical(runs)
    subject = f"{titled(run.task, run.swarm)}, {_peers(run)}"
    if not summary.complete:
        return f"{subject}: {_unfinished(run)}."
    repeats = f", median of {summary.runs} runs ({summary.low:.2f} to {summary.high:.2f} s)" if summary.runs > 1 else ""
    last = "the last of the others" if run.killed else "the last one"
    return (
        f"{subject}: {last} had everything after {summary.seconds:.2f} s{repeats}. "
        f"That is {summary.ratio:.2f} times the bound of {summary.bound:.2f} s."
    )


def _peers(run: Run) -> str:
    faults = [
        *(f"{role} killed" for role in run.killed),
        *(f"{role} at {shown_rate(rate)}" for role, rate in run.slow.items()),
        *(f"{role} corrupt" for role in run.corrupt),
        *([counted(len(restarts), "restart")] if (restarts := restarts_of(run)) else []),
    ]
    return f"{run.peers} peers" + (f" ({', '.join(faults)})" if faults else "")


def _unfinished(run: Run) -> str:
    done = [peer for peer in run.survivors if run.finished(peer) is not None]
    ended = "interrupted" if run.interrupted else "not completed"
    others = "other " if run.killed else ""
    last = f"the last document arrived after {run.seconds:.2f} s" if run.seconds else "no document was complete"
    return f"{ended}; {len(done)} of {len(run.survivors)} {others}peers had all they wanted when it ended, {last}"


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


def _trust(results: Results) -> Iterator[str]:
    """Say how far the numbers can be trusted: copies, start, processors, limits."""
    yield _copies(results.runs)
    if not any(run.arrive for run in results.runs):
        yield f"All peers started within {max(run.spread for run in results.runs) * 1000:.0f} ms of one another."
    busy = [run for run in results.runs if run.busy is not None and run.busy > BUSY_SHARE]
    if busy:
        tasks = ", ".join(dict.fromkeys(titled(run.task, run.swarm) for run in busy))
        most = max(run.busy or 0 for run in busy)
        yield f"The processors were up to {most:.0%} busy in {tasks}: they may have set the pace there, not the links."
    if any(run.complete and run.ratio < 1 for run in results.runs):
        yield (
            "Times below the bound come from the peers' own limits: after a pause, a peer may send or receive a short "
            "burst, which a link would not allow."
        )


def _copies(runs: Sequence[Run]) -> str:
    verified, expected = sum(run.verified for run in runs), sum(run.expected for run in runs)
    text = f"{verified} of {expected} copies have the right SHA-256."
    if verified == expected:
        return text
    missing, wrong = sum(run.missing for run in runs), sum(run.wrong for run in runs)
    return f"{text} {_number(missing)} missing, {_number(wrong)} wrong."


def _number(copies: int) -> str:
    return f"{copies or 'none'} {'are' if copies > 1 else 'is'}"
