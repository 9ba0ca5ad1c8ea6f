"""The figure of ``scale``: time against the number of peers. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ..summary import Summary
from .comparison_figure import UNTIL
from .style import BOUND, COLOURS, new_figure
from .task_titles import TITLES

UNTIL_LOG = UNTIL.replace("(s)", "(s, logarithmic)")
SAME = 1.03
"""Ratio up to which a time and its bound cannot be told apart on a logarithmic axis."""


def growth(by_task: Mapping[str, Sequence[Summary]]) -> Figure:
    """Draw each task as far as it was completed, and its bound; both axes are logarithmic."""
    figure = new_figure(7.5, 4.6)
    axes = figure.add_subplot()
    for place, (task, summaries) in enumerate(by_task.items()):
        complete = [summary for summary in summaries if summary.complete]
        look: dict[str, Any] = {"color": COLOURS[place]}
        axes.plot([s.peers for s in complete], [s.seconds for s in complete], marker="o", label=TITLES[task], **look)
        axes.plot(
            [s.peers for s in summaries], [s.bound for s in summaries], **{**BOUND, **look}, label=_label(complete)
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    peers = sorted({summary.peers for summaries in by_task.values() for summary in summaries})
    axes.set(xticks=peers, xticklabels=list(map(str, peers)), xlabel="peers (logarithmic)", ylabel=UNTIL_LOG)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.legend(loc="upper left")
    return figure


def _label(summaries: Sequence[Summary]) -> str:
    same = summaries and all(1 / SAME <= summary.ratio <= SAME for summary in summaries)
    return "its bound, on the same line" if same else "its bound"
