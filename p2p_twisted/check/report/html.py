"""Results as one page that needs nothing else."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..model import Result
from .run import Run, number, verdict_of
from .table import bytes_of


def as_html(run: Run) -> str:
    """Return the page: a summary, and each group with its checks, and what was sent and got of those not passed."""
    environment = Environment(
        loader=PackageLoader("p2p_twisted.check", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    groups = [(name, [_shown(run, one) for one in inside]) for name, inside in groupby(run.results, lambda r: r.group)]
    return environment.get_template("report.html.j2").render(run=run, groups=groups, number=number)


def _shown(run: Run, result: Result) -> dict[str, Any]:
    return {
        "result": result,
        "verdict": verdict_of(result),
        "kind": result.verdict.name.lower() if result.mandatory or result.passed else "optional",
        "points": run.points(result),
        "bytes": "\n".join(list(bytes_of(result))[1:]),
    }
