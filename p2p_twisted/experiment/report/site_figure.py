"""The figure of what each link between two sites carried. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ..results import Run
from .site_findings import carried
from .style import COLOURS, INK, new_figure, note

BAR = 0.38
"""Height of a bar; those of a link, there and back, stand together."""


def links(runs: Sequence[Run]) -> Figure:
    """Draw two bars for each link, there and back, in multiples of the document, and a line at one."""
    found = carried(runs)
    figure = new_figure(7.5, 1.2 + 0.9 * len(found))
    axes = figure.add_subplot()
    for way, (label, colour) in enumerate((("away from the source", COLOURS[0]), ("back", COLOURS[1]))):
        places = [place + BAR * way for place in range(len(found))]
        multiples = [link[way] for link in found]
        axes.barh(places, multiples, height=BAR, color=colour, label=label)
        for place, multiple in zip(places, multiples, strict=True):
            note(axes, f"{multiple:.2f}", (multiple, place), (5, -3))
    axes.axvline(1, color=INK, linestyle="--", linewidth=1)
    names = [f"sites {number} and {number + 1}" for number in range(1, len(found) + 1)]
    axes.set_yticks([place + BAR / 2 for place in range(len(found))], names)
    axes.set(xlabel="bytes over the link, in multiples of the document", ylim=(len(found) - 0.3, -0.5))
    axes.set_xlim(0, 1.15 * max([1.0, *(multiple for link in found for multiple in link)]))
    figure.legend(loc="outside upper right", ncols=2)
    return figure
