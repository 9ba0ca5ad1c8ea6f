"""The style of the figures, and how they are written: PNG and SVG, without pyplot. Needs matplotlib."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B3A100")
"""Distinct for the colour-blind too (Okabe and Ito 2008; the last one, yellow, is darkened for white paper)."""
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
"""Lines change to the next of these when the colours are used up."""
INK = "#333333"
BOUND: dict[str, Any] = {"color": INK, "linestyle": (0, (6, 3)), "linewidth": 1.2}
DPI = 160
SHADES = 64
"""Colours of a PNG: enough for the lines and the shades at their edges."""

_RC: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "p2p_twisted",
}


def style() -> Any:
    """Return the context in which figures must be made and written."""
    return rc_context(_RC)  # type: ignore[arg-type]  # because its keys are typed as literals


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of ``width`` by ``height`` inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def count_axis(axes: Axes) -> None:
    """Give the x axis whole round numbers, start both axes at 0, and leave room for text above the highest line."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlim(left=0)
    axes.margins(y=0.08)
    axes.set_ylim(bottom=0)


def line(place: int) -> dict[str, Any]:
    """Return colour and dashes of the line of peer number ``place``, counted from 0."""
    dashes = DASHES[place // len(COLOURS) % len(DASHES)]
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": dashes}


def draw_bound(axes: Axes, seconds: float) -> None:
    """Draw a labelled dashed line across at the bound."""
    axes.axhline(seconds, **BOUND)
    note(axes, f"bound {seconds:.2f} s", (0, seconds), (4, 3), across=True)


def note(axes: Axes, text: str, at: tuple[float, float], shift: tuple[float, float], across: bool = False) -> None:
    """Write ``text`` beside the point ``at``, ``shift`` points away, to its left if ``shift`` is negative.

    With ``across`` the point's x is a share (0 to 1) of the width of ``axes``.
    """
    where = axes.get_yaxis_transform() if across else axes.transData
    side = "right" if shift[0] < 0 else "left"
    axes.annotate(text, at, xytext=shift, xycoords=where, textcoords="offset points", ha=side, fontsize=9, color=INK)


def write(figure: Figure, folder: Path, name: str) -> str:
    """Write ``name.png`` and ``name.svg`` into ``folder``, both small; return the SVG's text. Raises OSError."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI)
    with Image.open(picture) as image:
        reduced = image.convert("RGB").quantize(SHADES, dither=Image.Dither.NONE)
    reduced.save(folder / f"{name}.png", optimize=True)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = slim(text.getvalue())
    (folder / f"{name}.svg").write_text(svg, "utf-8")
    return svg


def slim(svg: str) -> str:
    """Return ``svg`` at half its size: fonts named once, no comments, coordinates to a hundredth of a point."""
    [family, *_] = re.findall(r"font-family: [^;]*; ", svg)
    svg = svg.replace(family, "").replace("stroke-linecap: butt}", f"stroke-linecap: butt; {family.rstrip('; ')}}}", 1)
    svg = re.sub(r"<!DOCTYPE.*?>\n|<!--.*?-->|<metadata>.*?</metadata>|^\s+", "", svg, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"<[^>]+>", lambda tag: _slim_tag(tag[0]), svg)


def _slim_tag(tag: str) -> str:
    tag = re.sub(r' transform="rotate\(-0 [^"]*"', "", tag)
    return re.sub(r"(\.\d\d)\d+", r"\1", tag).replace(" \n", " ").replace("\n", " ")
