"""Choose the figures for a set of results, and write them with their captions. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from ..results import Results, Run, summarise
from . import curves, plots
from .comparison import times
from .style import style, write
from .titles import TITLES

GROWTH = (
    "Time until the last peer has the document, against the number of peers, and the least that the links allow. Both "
    "axes are logarithmic."
)


@dataclass(frozen=True)
class Plate:
    """A figure that was written: its name without suffix, its caption and SVG, and the task if it shows only one."""

    name: str
    caption: str
    svg: str
    task: str = ""


def draw(results: Results, folder: Path) -> list[Plate]:
    """Write all figures into ``folder``, as PNG and SVG, and return them in the report's order. Raises OSError."""
    with style():
        if results.growing:
            return [Plate("growth", GROWTH, write(_growth(results), folder, "growth"))]
        plates = [Plate(name, caption, write(made, folder, name)) for name, caption, made in _together(results)]
        for runs in results.cases.values():
            plates += [
                Plate(name, caption, write(made, folder, name), runs[0].task) for name, caption, made in _alone(runs)
            ]
        return plates


def _compared(cases: Sequence[Sequence[Run]]) -> str:
    """Say what the bars stand for, and why they may be compared."""
    said = "Seconds until the last peer has everything. The mark at each bar is its bound: the best the links allow."
    if any(len(runs) > 1 for runs in cases):
        said += " Bars show the median run, thin lines reach from the fastest to the slowest."
    if len(cases) > 1 and len({frozenset(_names(runs[0])) for runs in cases}) == 1:
        said += " All tasks have the same documents, peers and links. Below each heading, peers start with the same"
        said += " documents and fetch equally many; what differs is who sends them."
    return said


def _names(run: Run) -> set[str]:
    return {name for names in run.holdings.values() for name in names}


def _growth(results: Results) -> Figure:
    summaries = [summarise(runs) for runs in results.cases.values()]
    return plots.growth({task: [one for one in summaries if one.task == task] for task in results.tasks})


def _together(results: Results) -> Iterator[tuple[str, str, Figure]]:
    """Yield the figures that show all tasks: name, caption and figure."""
    cases = list(results.cases.values())
    yield "times", _compared(cases), times(cases)
    counted = [runs for runs in cases if not curves.in_bytes(runs[0])]
    if len(counted) > 1:
        repeats = len(counted[0])
        band = f" Mean of {repeats} runs, with the 95 % confidence band." if repeats > 1 else ""
        yield "tasks", f"When the last peer had its first document, its second, and so on.{band}", plots.tasks(counted)


def _alone(runs: Sequence[Run]) -> Iterator[tuple[str, str, Figure]]:
    """Yield the figures of one task: name, caption and figure."""
    run = curves.typical(runs)
    title = TITLES[run.task]
    which = f" Run {run.repeat} of {len(runs)}, the median." if len(runs) > 1 else ""
    yield run.task, f"{title}: all peers.{which}{_coinciding(run)}", plots.all_peers(run)
    yield f"{run.task}-each-peer", f"{title}: each peer by itself.{which}", plots.each_peer(run)
    yield f"{run.task}-who-to-whom", f"{title}: who sent how much to whom.{which}", plots.who_to_whom(run)


def _coinciding(run: Run) -> str:
    groups = curves.coinciding(run)
    return "".join(f" The curves of {', '.join(group[:-1])} and {group[-1]} lie on one another." for group in groups)
