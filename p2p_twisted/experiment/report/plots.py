"""The figures of single tasks and of their growth, each of one idea. Needs matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ..results import Event, Run, Summary, number
from . import curves
from .comparison import UNTIL
from .style import BOUND, COLOURS, INK, counted, draw_bound, figure, line, note
from .titles import TITLES

TIME = "time since the start (s)"
UNTIL_LOG = UNTIL.replace("(s)", "(s, logarithmic)")
SAME = 1.03
"""Ratio up to which a time and its bound cannot be told apart on a logarithmic axis."""
MARKS: dict[str, dict[str, Any]] = {
    "killed": {"marker": "X", "markersize": 8, "markeredgecolor": "white"},
    "back": {"marker": "o", "markersize": 13, "markerfacecolor": "none", "markeredgewidth": 1.5},
}
"""Marker of an event on its peer's curve, by the last word of its text."""
MOST_NUMBERS = 12
"""Largest number of peers for which the map of who sent to whom has numbers on it."""


def tasks(cases: Sequence[Sequence[Run]]) -> Figure:
    """Draw a panel for each task: when the last peer had each number of documents, the bound, a band over repeats."""
    columns = min(len(cases), 3)
    rows = math.ceil(len(cases) / columns)
    made = figure(3.3 * columns + 0.6, 3.6 * rows + 0.4)
    panels = list(made.subplots(rows, columns, sharey=True, squeeze=False).flat)
    for axes in panels[len(cases) :]:
        axes.set_visible(False)
    for place, (axes, runs) in enumerate(zip(panels, cases, strict=False)):
        band = curves.over_repeats([curves.of_last(run) for run in runs])
        axes.plot(band.amounts, band.mean, color=COLOURS[place])
        if len(runs) > 1:
            axes.fill_between(band.amounts, band.low, band.high, color=COLOURS[place], alpha=0.25, linewidth=0)
        draw_bound(axes, runs[0].bound)
        axes.set_title(TITLES[runs[0].task])
    for axes, runs in zip(panels, cases, strict=False):
        _count(axes, runs[0])
    _label(made, "documents that the last peer has", TIME)
    return made


def all_peers(run: Run) -> Figure:
    """Draw the curves of all peers, the bound, and the events."""
    made = figure(7.5, 4.8)
    axes = made.add_subplot()
    for peer in run.downloaders:
        _draw_peer(axes, run, peer)
    _draw_others(axes, run)
    _explain_marks(axes, run)
    draw_bound(axes, run.bound)
    axes.set(xlabel=_amount(run), ylabel=TIME, title=TITLES[run.task])
    _count(axes, run)
    legend = axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=math.ceil(len(run.downloaders) / 16))
    groups = curves.coinciding(run)
    if groups:
        legend.set_title(f"{'all' if groups == [run.downloaders] else 'some'} curves lie\non one another")
        legend.get_title().set_fontsize(9)
    return made


def each_peer(run: Run) -> Figure:
    """Draw the curve of every peer in a panel of its own."""
    columns = min(len(run.downloaders), 3 if len(run.downloaders) <= 9 else 6)
    rows = math.ceil(len(run.downloaders) / columns)
    made = figure(2.6 * columns + 0.6, 2.1 * rows + 0.7)
    panels = list(made.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for axes, peer in zip(panels, run.downloaders, strict=False):
        _draw_peer(axes, run, peer)
        _draw_others(axes, run)
        axes.set_title(_name(run, peer))
    for axes in panels[: len(run.downloaders)]:
        _count(axes, run)
        axes.tick_params(labelbottom=axes in panels[len(run.downloaders) - columns : len(run.downloaders)])
    for axes in panels[len(run.downloaders) :]:
        axes.set_visible(False)
    if any(event.peer in run.orders for event in run.events):
        _explain_marks(panels[0], run)
        marks = [handle for handle in panels[0].get_lines() if handle.get_label() in MARKS]
        made.legend(handles=marks, loc="outside upper right", ncols=len(marks))
    made.suptitle(TITLES[run.task], x=0.01, ha="left", fontweight="bold")
    _label(made, _amount(run), TIME)
    return made


def who_to_whom(run: Run) -> Figure:
    """Draw the megabytes from each peer to each other as a map of colours, with numbers if there are few peers."""
    matrix = curves.who_to_whom(run)
    megabytes = [[cell / 1e6 for cell in row] for row in matrix.cells]
    few = len(matrix.senders) <= MOST_NUMBERS
    side = 0.62 if few else 0.3
    made = figure(2.6 + side * len(matrix.receivers), 1.6 + side * len(matrix.senders))
    axes = made.add_subplot()
    image = axes.imshow(megabytes, cmap="Blues", vmin=0, vmax=max(map(max, megabytes)) or 1.0)
    if few:
        _write_numbers(axes, megabytes)
    axes.set(xticks=range(len(matrix.receivers)), xticklabels=[str(number(role)) for role in matrix.receivers])
    axes.set(yticks=range(len(matrix.senders)), yticklabels=[str(number(role)) for role in matrix.senders])
    axes.set(xlabel="to peer", ylabel="from peer", title=TITLES[run.task])
    axes.grid(visible=False)
    made.colorbar(image, ax=axes, label="MB")
    return made


def growth(by_task: Mapping[str, Sequence[Summary]]) -> Figure:
    """Draw time against the number of peers, both logarithmic: each task as far as it was completed, and its bound."""
    made = figure(7.5, 4.6)
    axes = made.add_subplot()
    for place, (task, summaries) in enumerate(by_task.items()):
        whole = [summary for summary in summaries if summary.complete]
        look: dict[str, Any] = {"color": COLOURS[place]}
        axes.plot([s.peers for s in whole], [s.seconds for s in whole], marker="o", label=TITLES[task], **look)
        axes.plot(
            [s.peers for s in summaries], [s.bound for s in summaries], **{**BOUND, **look}, label=_bound_of(whole)
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    peers = sorted({summary.peers for summaries in by_task.values() for summary in summaries})
    axes.set(xticks=peers, xticklabels=list(map(str, peers)), xlabel="peers (logarithmic)", ylabel=UNTIL_LOG)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.legend(loc="upper left")
    return made


def _bound_of(summaries: Sequence[Summary]) -> str:
    same = summaries and all(1 / SAME <= summary.ratio <= SAME for summary in summaries)
    return "its bound, on the same line" if same else "its bound"


def _draw_peer(axes: Axes, run: Run, peer: str) -> None:
    look = line(number(peer) - 1)
    curve = curves.of_peer(run, peer)
    axes.plot(curve.amounts, curve.seconds, **look, label=_name(run, peer))
    for event in run.events:
        if event.peer == peer:
            there = [amount for amount, at in zip(curve.amounts, curve.seconds, strict=True) if at <= event.at]
            point = (max(there, default=0.0), event.at)
            axes.plot(*point, color=look["color"], zorder=4, clip_on=False, **MARKS[_what(event)])


def _count(axes: Axes, run: Run) -> None:
    """Let the x axis reach all that was wanted, however much of it came."""
    counted(axes)
    if not curves.in_bytes(run):
        axes.set_xlim(right=1.05 * max(map(len, run.orders.values())))


def _what(event: Event) -> str:
    return event.text.split()[-1]


def _explain_marks(axes: Axes, run: Run) -> None:
    """Add the marks that are on curves to the legend."""
    for what in dict.fromkeys(_what(event) for event in run.events if event.peer in run.orders):
        axes.plot([], [], color=INK, linestyle="none", label=what, **MARKS[what])


def _draw_others(axes: Axes, run: Run) -> None:
    """Draw the events of peers that have no curve."""
    for event in run.events:
        if event.peer not in run.orders:
            axes.axhline(event.at, color=INK, linewidth=0.9, linestyle=":")
            note(axes, event.text, (1, event.at), (-4, 3), across=True)
    for role in run.corrupt:
        axes.plot([], [], linestyle="none", label=f"{role}: garbage")


def _write_numbers(axes: Axes, cells: Sequence[Sequence[float]]) -> None:
    most = max(map(max, cells)) or 1.0
    for row, values in enumerate(cells):
        for column, value in enumerate(values):
            text, colour = f"{value:.2f}" if value else "-", "white" if value > 0.6 * most else INK
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)


def _name(run: Run, peer: str) -> str:
    return f"{peer}: {run.slow[peer] * 8 / 1e6:g} Mbit/s" if peer in run.slow else peer


def _amount(run: Run) -> str:
    return "fetched (MB)" if curves.in_bytes(run) else "documents fetched"


def _label(made: Figure, across: str, up: str) -> None:
    made.supxlabel(across, fontsize=10.5, color=INK)
    made.supylabel(up, fontsize=10.5, color=INK)
