"""Choose the figures for a set of results, and write them with their captions. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from ..phrases import listed
from ..results import Results, Run
from ..summary import summarise
from . import curves, growth_figure, site_figure, task_figures
from .comparison_figure import times
from .style import style, write
from .task_titles import TITLES

GROWTH = (
    "Time until the last peer has the document, against the number of peers, and the least that the links allow. Both "
    "axes are logarithmic."
)


@dataclass(frozen=True)
class Plate:
    """A figure that was written."""

    name: str
    """The file name without suffix."""
    caption: str
    svg: str
    task: str = ""
    """The task, if the figure shows only one."""


def draw(results: Results, folder: Path) -> list[Plate]:
    """Write all figures into ``folder``, as PNG and SVG, and return them in the report's order. Raises OSError."""
    with style():
        if results.growing:
            return [Plate("growth", GROWTH, write(_growth(results), folder, "growth"))]
        plates = [Plate(name, caption, write(figure, folder, name)) for name, caption, figure in _together(results)]
        for runs in results.cases.values():
            plates += [
                Plate(name, caption, write(figure, folder, name), runs[0].task)
                for name, caption, figure in _alone(runs)
            ]
        return plates


def _times_caption(cases: Sequence[Sequence[Run]]) -> str:
    """Say what the bars mean, and why they can be compared."""
    text = "Seconds until the last peer has everything. The mark at each bar is its bound: the best the links allow."
    if any(len(runs) > 1 for runs in cases):
        text += " Bars show the median run, thin lines the range from the fastest to the slowest."
    if len(cases) > 1 and len({frozenset(_names(runs[0])) for runs in cases}) == 1:
        text += " All tasks have the same documents, peers and links. Below each heading, peers start with the same"
        text += " documents and fetch equally many; the difference is which peers send them."
    return text


def _names(run: Run) -> set[str]:
    return {name for names in run.holdings.values() for name in names}


def _growth(results: Results) -> Figure:
    summaries = [summarise(runs) for runs in results.cases.values()]
    return growth_figure.growth({task: [one for one in summaries if one.task == task] for task in results.tasks})


def _together(results: Results) -> Iterator[tuple[str, str, Figure]]:
    """Yield the figures that show all tasks: name, caption and figure."""
    cases = list(results.cases.values())
    yield "times", _times_caption(cases), times(cases)
    counted = [runs for runs in cases if not curves.in_bytes(runs[0])]
    if len(counted) > 1:
        repeats = len(counted[0])
        band = f" Mean of {repeats} runs, with the 95 % confidence band." if repeats > 1 else ""
        caption = f"When the last peer had its first document, its second, and so on.{band}"
        yield "tasks", caption, task_figures.tasks(counted)


def _alone(runs: Sequence[Run]) -> Iterator[tuple[str, str, Figure]]:
    """Yield the figures of one task: name, caption and figure."""
    run = curves.typical(runs)
    title = TITLES[run.task]
    which = f" Run {run.repeat} of {len(runs)}, the median." if len(runs) > 1 else ""
    yield run.task, f"{title}: all peers.{which}{_coinciding(run)}", task_figures.all_peers(run)
    yield f"{run.task}-each-peer", f"{title}: each peer in a panel of its own.{which}", task_figures.each_peer(run)
    if run.links:
        yield "links", f"{title}: what each link between two sites carried.{which}", site_figure.links(runs)
    who = f"{title}: the bytes from each peer to each other.{which}"
    yield f"{run.task}-who-to-whom", who, task_figures.who_to_whom(run)


def _coinciding(run: Run) -> str:
    return "".join(f" The curves of {listed(group)} coincide." for group in curves.coinciding(run))
