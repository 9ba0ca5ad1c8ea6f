"""The report: one HTML file with figures, findings, tables and setting. Needs Jinja2."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..results import Results
from ..summary import summarise
from .figures import Plate
from .findings import findings
from .task_titles import SETUPS, titled

TEMPLATE = "report.html.j2"
BRIEF = ("peers", "documents", "links", "faults", "begun")
"""The parts of the setting that are shown at the top."""


def render(results: Results, plates: Sequence[Plate]) -> str:
    """Return the report as one HTML page that loads nothing from elsewhere."""
    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = lambda svg: "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()
    return environment.get_template(TEMPLATE).render(
        findings=findings(results),
        cases=[(titled(runs[0].task, runs[0].swarm), summarise(runs)) for runs in results.cases.values()],
        setups=[(titled(task, False), task, SETUPS[task]) for task in results.tasks],
        runs=[(titled(run.task, run.swarm), run) for run in results.runs],
        plates=plates,
        setting=results.setting,
        brief="; ".join(f"{name}: {results.setting[name]}" for name in BRIEF if name in results.setting),
        traces=[run.trace for run in results.runs if run.trace],
        interrupted=any(run.interrupted for run in results.runs),
    )


def write_report(results: Results, plates: Sequence[Plate], folder: Path) -> Path:
    """Write ``report.html`` into ``folder`` and return its path. Raises OSError."""
    path = folder / "report.html"
    path.write_text(render(results, plates), "utf-8")
    return path
