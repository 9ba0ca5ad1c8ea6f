"""What each peer needed from its arrival on, in sentences made from the numbers. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from ..results import Results
from .curves import typical
from .task_titles import titled


def describe_arrivals(results: Results) -> Iterator[str]:
    """Yield a sentence about each case whose downloaders arrived one by one."""
    for run in map(typical, results.cases.values()):
        times = {peer: seconds for peer in run.survivors if (seconds := run.needed(peer)) is not None}
        if run.arrive and times:
            last = max(times, key=lambda peer: times[peer])
            median = statistics.median(times.values())
            yield (
                f"{titled(run.task, run.swarm)}, {run.peers} peers: downloaders arrived one every {run.arrive:g} s. "
                f"From its own arrival, a peer needed {median:.2f} s (median); {last} needed the longest, "
                f"{times[last]:.2f} s."
            )
