"""Results for programs: an object that is printed as JSON."""

from __future__ import annotations

from typing import Any

from ..model import Result
from ..rubric import Points
from ..transcript import Entry, shown
from .run import Run


def as_json(run: Run) -> dict[str, Any]:
    """Return the run as dictionaries, lists, texts and numbers."""
    found: dict[str, Any] = {
        "kind": run.kind,
        "address": run.address,
        "profile": run.profile,
        "passed": run.passed,
        "counts": run.counts,
        "items": [_item(run, result) for result in run.results],
    }
    if run.score is not None:
        groups = {group: vars(points) for group, points in run.score.groups.items()}
        found["points"] = {**vars(run.score.total), "rubric": run.score.title, "groups": groups}
    return found


def _item(run: Run, result: Result) -> dict[str, Any]:
    points: Points | None = run.score.checks.get(result.id) if run.score is not None else None
    return {
        **{name: getattr(result, name) for name in ("id", "group", "title", "section", "mandatory", "seen", "mend")},
        "verdict": result.verdict.value,
        "seconds": round(result.seconds, 3),
        "transcript": [_entry(entry) for entry in result.transcript],
        **({} if points is None else {"points": vars(points)}),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    """Return one entry; its bytes are ASCII with escapes, ``latin-1`` of which ``unicode_escape`` makes them again."""
    return {
        "seconds": round(entry.seconds, 3),
        "connection": entry.connection,
        "event": entry.event,
        "data": shown(entry.data),
        "left_out": entry.left_out,
    }
