"""Which figures a set of results gives rise to, and what each shows. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from . import curves, plots
from .results import Results, summarise
from .style import style, write
from .words import TITLES


@dataclass(frozen=True)
class Plate:
    """A figure that was written: its name without suffix, what it shows, and its SVG."""

    name: str
    caption: str
    svg: str


def draw(results: Results, folder: Path) -> list[Plate]:
    """Write all figures into ``folder``, as PNG and SVG. Raises OSError."""
    chosen = _growth(results) if results.growing else _tasks(results)
    with style():
        return [Plate(name, caption, write(made, folder, name)) for name, caption, made in chosen]


def _growth(results: Results) -> Iterator[tuple[str, str, Figure]]:
    summaries = [summarise(runs) for runs in results.cases.values()]
    by_task = {task: [summary for summary in summaries if summary.task == task] for task in results.tasks}
    yield (
        "growth",
        "Time until the last peer has the document, against the number of peers, and the least that the links allow.",
        plots.growth(by_task),
    )


def _tasks(results: Results) -> Iterator[tuple[str, str, Figure]]:
    cases = list(results.cases.values())
    yield (
        "times",
        "How long each task took until the last peer had everything, and the least that the links allow.",
        plots.times([summarise(runs) for runs in cases]),
    )
    counted = [runs for runs in cases if not curves.in_bytes(runs[0])]
    if len(counted) > 1:
        repeats = len(counted[0])
        band = f" Mean of {repeats} runs, with the 95 % confidence band." if repeats > 1 else ""
        yield "tasks", f"When the last peer had its first document, its second, and so on.{band}", plots.tasks(counted)
    for runs in cases:
        run = curves.typical(runs)
        title = TITLES[run.task]
        which = f" Run {run.repeat} of {len(runs)}, the median." if len(runs) > 1 else ""
        yield run.task, f"{title}: all peers.{which}", plots.all_peers(run)
        yield f"{run.task}-each-peer", f"{title}: each peer by itself.{which}", plots.each_peer(run)
        yield f"{run.task}-who-to-whom", f"{title}: who sent how much to whom.{which}", plots.who_to_whom(run)
