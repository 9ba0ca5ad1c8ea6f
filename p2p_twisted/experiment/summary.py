"""The runs of one case in one line: median, extremes, copies."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from .results import Run


@dataclass(frozen=True)
class Summary:
    """The runs of one case whose times count: their median ``seconds``, the lowest and the highest.

    Unless ``complete``, these are the times until the last arrival of runs that were not completed.
    """

    task: str
    peers: int
    runs: int
    seconds: float
    low: float
    high: float
    bound: float
    verified: int
    expected: int
    complete: bool

    @property
    def ratio(self) -> float:
        """The median time divided by the bound."""
        return self.seconds / self.bound


def timed(runs: Sequence[Run]) -> Sequence[Run]:
    """Return the runs of one case whose times count: where copies are missing, the time does not tell the speed.

    If copies are missing in all of them, return those that were not interrupted; if there are none, return all.
    """
    return [run for run in runs if run.complete] or [run for run in runs if not run.interrupted] or runs


def summarise(runs: Sequence[Run]) -> Summary:
    """Return the summary of the runs of one case: times of ``timed`` runs, copies of all that were not interrupted."""
    times = [run.seconds for run in timed(runs)]
    ended = [run for run in runs if not run.interrupted] or runs
    return Summary(
        task=runs[0].task,
        peers=runs[0].peers,
        runs=len(times),
        seconds=statistics.median(times),
        low=min(times),
        high=max(times),
        bound=runs[0].bound,
        verified=sum(run.verified for run in ended),
        expected=sum(run.expected for run in ended),
        complete=any(run.complete for run in runs),
    )
