"""Results as the rows of a table, and what was sent and got as lines."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Result
from ..transcript import lines
from .run import Run, verdict_of

HEADINGS = ("verdict", "group", "check", "finding", "remedy")


def headings(run: Run) -> tuple[str, ...]:
    """Return the headings of the columns."""
    return HEADINGS if run.score is None else (*HEADINGS, "points")


def rows(run: Run) -> Iterator[tuple[str, ...]]:
    """Yield a row for each result: a check that passed has its title as the finding."""
    for result in run.results:
        row = (verdict_of(result), result.group, result.id, result.seen or result.title, result.mend)
        yield row if run.score is None else (*row, run.points(result))


def bytes_of(result: Result) -> Iterator[str]:
    """Yield what was sent and got in a check as lines of ASCII, below a line that names it."""
    yield f"{result.id}: {result.verdict.value}"
    yield from (f"  {line}" for line in lines(result.transcript))
