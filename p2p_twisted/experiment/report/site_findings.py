"""What the links between sites carried, in sentences made from the numbers. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from ..results import Results, Run
from ..summary import timed


def describe_links(results: Results) -> Iterator[str]:
    """Yield a sentence for each link between two sites."""
    for runs in results.cases.values():
        for number, (there, back) in enumerate(carried(runs), 1):
            yield (
                f"The link between sites {number} and {number + 1} carried the document {there:.2f} times away from "
                f"the source, and {back:.2f} times back."
            )


def carried(runs: Sequence[Run]) -> list[tuple[float, float]]:
    """Return what each link carried in the median run: there and back, as multiples of what a peer downloads."""
    counted = [[(link.there / run.size, link.back / run.size) for link in run.links] for run in timed(runs)]
    return [
        (statistics.median(there for there, _ in link), statistics.median(back for _, back in link))
        for link in zip(*counted, strict=True)
    ]
