"""The figures of single tasks: curves of all peers, of each peer, and who sent to whom. Needs matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..phrases import shown_rate
from ..results import Event, Run, number
from . import curves
from .style import COLOURS, INK, count_axis, draw_bound, line, new_figure, note
from .task_titles import TITLES

TIME = "time since the start (s)"
MARKS: dict[str, dict[str, Any]] = {
    "killed": {"marker": "X", "markersize": 8, "markeredgecolor": "white"},
    "back": {"marker": "o", "markersize": 13, "markerfacecolor": "none", "markeredgewidth": 1.5},
}
"""Last word of an event's text -> its marker on the curve of its peer."""
MAX_NUMBERED_PEERS = 12
"""The most peers for which the map of who sent to whom has numbers on it."""


def tasks(cases: Sequence[Sequence[Run]]) -> Figure:
    """Draw a panel for each task: when the last peer had each number of documents, the bound, a band over repeats."""
    columns = min(len(cases), 3)
    rows = math.ceil(len(cases) / columns)
    figure = new_figure(3.3 * columns + 0.6, 3.6 * rows + 0.4)
    panels = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
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
        _set_range(axes, runs[0])
    _label_axes(figure, "documents that the last peer has", TIME)
    return figure


def all_peers(run: Run) -> Figure:
    """Draw the curves of all peers, the bound, and the events."""
    figure = new_figure(7.5, 4.8)
    axes = figure.add_subplot()
    for peer in run.downloaders:
        _draw_peer(axes, run, peer)
    _draw_others(axes, run)
    _explain_marks(axes, run)
    draw_bound(axes, run.bound)
    axes.set(xlabel=_amount(run), ylabel=TIME, title=TITLES[run.task])
    _set_range(axes, run)
    legend = axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=math.ceil(len(run.downloaders) / 16))
    groups = curves.coinciding(run)
    if groups:
        legend.set_title(f"{'all' if groups == [run.downloaders] else 'some'} curves\ncoincide")
        legend.get_title().set_fontsize(9)
    return figure


def each_peer(run: Run) -> Figure:
    """Draw the curve of each peer in a panel of its own."""
    peers = run.downloaders
    columns = min(len(peers), 3 if len(peers) <= 9 else 6)
    rows = math.ceil(len(peers) / columns)
    figure = new_figure(2.6 * columns + 0.6, 2.1 * rows + 0.7)
    panels = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for axes, peer in zip(panels, peers, strict=False):
        _draw_peer(axes, run, peer)
        _draw_others(axes, run)
        axes.set_title(_name(run, peer))
    for axes in panels[: len(peers)]:
        _set_range(axes, run)
        axes.tick_params(labelbottom=axes in panels[len(peers) - columns : len(peers)])
    for axes in panels[len(peers) :]:
        axes.set_visible(False)
    if any(event.peer in run.orders for event in run.events):
        _explain_marks(panels[0], run)
        marks = [handle for handle in panels[0].get_lines() if handle.get_label() in MARKS]
        figure.legend(handles=marks, loc="outside upper right", ncols=len(marks))
    figure.suptitle(TITLES[run.task], x=0.01, ha="left", fontweight="bold")
    _label_axes(figure, _amount(run), TIME)
    return figure


def who_to_whom(run: Run) -> Figure:
    """Draw the megabytes from each peer to each other as a map of colours, with numbers if there are few peers."""
    matrix = curves.who_to_whom(run)
    megabytes = [[cell / 1e6 for cell in row] for row in matrix.cells]
    few = len(matrix.senders) <= MAX_NUMBERED_PEERS
    side = 0.62 if few else 0.3
    figure = new_figure(2.6 + side * len(matrix.receivers), 1.6 + side * len(matrix.senders))
    axes = figure.add_subplot()
    image = axes.imshow(megabytes, cmap="Blues", vmin=0, vmax=max(map(max, megabytes)) or 1.0)
    if few:
        _write_numbers(axes, megabytes)
    axes.set(xticks=range(len(matrix.receivers)), xticklabels=[str(number(role)) for role in matrix.receivers])
    axes.set(yticks=range(len(matrix.senders)), yticklabels=[str(number(role)) for role in matrix.senders])
    axes.set(xlabel="to peer", ylabel="from peer", title=TITLES[run.task])
    axes.grid(visible=False)
    figure.colorbar(image, ax=axes, label="MB")
    return figure


def _draw_peer(axes: Axes, run: Run, peer: str) -> None:
    look = line(number(peer) - 1)
    curve = curves.of_peer(run, peer)
    axes.plot(curve.amounts, curve.seconds, **look, label=_name(run, peer))
    for event in run.events:
        if event.peer == peer:
            before = [amount for amount, at in zip(curve.amounts, curve.seconds, strict=True) if at <= event.at]
            point = (max(before, default=0.0), event.at)
            axes.plot(*point, color=look["color"], zorder=4, clip_on=False, **MARKS[_kind(event)])


def _set_range(axes: Axes, run: Run) -> None:
    """Let the x axis reach everything that was wanted, even if little of it arrived."""
    count_axis(axes)
    if not curves.in_bytes(run):
        axes.set_xlim(right=1.05 * max(map(len, run.orders.values())))


def _kind(event: Event) -> str:
    return event.text.split()[-1]


def _explain_marks(axes: Axes, run: Run) -> None:
    """Add the marks that are on curves to the legend."""
    for kind in dict.fromkeys(_kind(event) for event in run.events if event.peer in run.orders):
        axes.plot([], [], color=INK, linestyle="none", label=kind, **MARKS[kind])


def _draw_others(axes: Axes, run: Run) -> None:
    """Draw the events of peers that have no curve, and name corrupt peers in the legend."""
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
    """Return the role, with the rate of its link where peers have different ones."""
    if peer in run.slow:
        return f"{peer}: {shown_rate(run.slow[peer])}"
    rates = [f"{shown_rate(run.ups[peer])} up"] if len(set(run.ups.values())) > 1 else []
    rates += [f"{shown_rate(run.downs[peer])} down"] if len(set(run.downs.values())) > 1 else []
    return f"{peer}: {', '.join(rates)}" if rates else peer


def _amount(run: Run) -> str:
    return "fetched (MB)" if curves.in_bytes(run) else "documents fetched"


def _label_axes(figure: Figure, x: str, y: str) -> None:
    figure.supxlabel(x, fontsize=10.5, color=INK)
    figure.supylabel(y, fontsize=10.5, color=INK)
