"""The figure that compares tasks: a bar for each on one axis of seconds, with its bound. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..results import Run
from ..summary import Summary, summarise
from .style import COLOURS, INK, new_figure, note
from .task_titles import TITLES, start_of

UNTIL = "time until the last peer has everything (s)"
ONE_AT_A_TIME, SWARM = COLOURS[5], COLOURS[2]
HEADING = 0.85
"""Height of the heading of a group, in bars."""


def times(cases: Sequence[Sequence[Run]]) -> Figure:
    """Draw a bar for each case: seconds until the last peer had all, and the bound; no bar for a case without a time.

    Cases that start from the same holdings and fetch the same number of documents stand together under one heading.
    """
    groups: dict[str, list[Sequence[Run]]] = {}
    for runs in cases:
        groups.setdefault(start_of(runs[0]), []).append(runs)
    figure = new_figure(7.5, 1.3 + 0.5 * (len(cases) + HEADING * len(groups)))
    axes = figure.add_subplot()
    ticks: dict[float, str] = {}
    place = 0.0
    for heading, members in groups.items():
        note(axes, heading, (0, place), (4, -3), across=True)
        place += HEADING
        for runs in members:
            ticks[place] = TITLES[runs[0].task]
            _draw_case(axes, place, runs)
            place += 1
    summaries = [summarise(runs) for runs in cases]
    axes.set(yticks=list(ticks), yticklabels=list(ticks.values()), xlabel=UNTIL)
    axes.set_xlim(0, 1.6 * max(max(summary.high if summary.complete else 0.0, summary.bound) for summary in summaries))
    axes.set_ylim(place - 0.4, -0.5)
    axes.grid(visible=False, axis="y")
    figure.legend(handles=_legend(axes, cases), loc="outside upper right", ncols=3)
    return figure


def _draw_case(axes: Axes, place: float, runs: Sequence[Run]) -> None:
    summary = summarise(runs)
    end, label = summary.bound, "not completed"
    if summary.complete:
        end, label = max(summary.high, summary.bound), f"{summary.seconds:.2f} s, {summary.ratio:.2f} times the bound"
        look: dict[str, Any] = {"height": 0.6, "color": SWARM if runs[0].swarm else ONE_AT_A_TIME}
        look["error_kw"] = {"ecolor": INK, "capsize": 3}
        axes.barh(place, summary.seconds, xerr=_error(summary), **look)
    axes.scatter([summary.bound], [place], marker="|", s=300, color=INK, linewidth=2, zorder=3)
    note(axes, label, (end, place), (9, -3))


def _error(summary: Summary) -> list[list[float]] | None:
    """Return the distances from the median to the fastest and to the slowest run; None for a single run."""
    if summary.runs < 2:
        return None
    return [[summary.seconds - summary.low], [summary.high - summary.seconds]]


def _legend(axes: Axes, cases: Sequence[Sequence[Run]]) -> list[Any]:
    kinds = {runs[0].swarm for runs in cases}
    shown = [(False, "whole documents, one at a time", ONE_AT_A_TIME), (True, "swarm: pieces from all peers", SWARM)]
    patches = [Patch(color=colour, label=label) for swarm, label, colour in shown if swarm in kinds]
    bound = axes.scatter([], [], marker="|", s=120, color=INK, linewidth=2, label="bound of the links")
    return [*patches, bound]
