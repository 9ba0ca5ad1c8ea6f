"""Results as the results.json of Gradescope's autograder."""

from __future__ import annotations

import json
from typing import Any

from ..model import Result, Verdict
from ..rubric import Points
from .run import Run, verdict_of


def as_gradescope(run: Run) -> str:
    """Return the text of results.json. Without a rubric, each mandatory check that is offered is worth one point."""
    total = run.score.total.got if run.score is not None else sum(r.passed for r in run.results if r.mandatory)
    tests = [_test(run, result) for result in run.results]
    return json.dumps({"score": round(total, 2), "output": run.summary, "tests": tests}, indent=2)


def _test(run: Run, result: Result) -> dict[str, Any]:
    points = _points(run, result)
    text = [result.title + ".", *(part for part in (result.seen, result.mend) if part)]
    return {
        "name": f"{result.group}: {result.id}",
        "score": round(points.got, 4),
        "max_score": round(points.out_of, 4),
        "status": "passed" if result.passed else "failed",
        "output": "\n".join([verdict_of(result), *text]),
        "output_format": "text",
        "tags": [result.group],
        "visibility": "visible",
    }


def _points(run: Run, result: Result) -> Points:
    if run.score is not None:
        return run.score.checks.get(result.id, Points(0.0, 0.0))
    counts = result.mandatory and result.verdict is not Verdict.NOT_OFFERED
    return Points(float(counts and result.passed), float(counts))
