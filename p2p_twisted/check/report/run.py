"""A run of checks, as the reports show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..model import Result, Verdict
from ..rubric import Points, Score


@dataclass(frozen=True)
class Run:
    """What was checked (`kind`: "rs"; `address`: HOST:PORT), by which profile, and the results in their order."""

    kind: str
    address: str
    profile: str
    results: tuple[Result, ...]
    score: Score | None = None

    @property
    def title(self) -> str:
        """One line that says what was checked."""
        return f"p2p check {self.kind} {self.address}, profile {self.profile}"

    @property
    def passed(self) -> bool:
        """Whether all mandatory checks passed."""
        return not any(result.bad for result in self.results)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many checks ended with each verdict."""
        found = Counter(result.verdict for result in self.results)
        return {verdict.value: found[verdict] for verdict in Verdict}

    @property
    def summary(self) -> str:
        """One sentence on the whole."""
        mandatory = [result for result in self.results if result.mandatory]
        bad, of = sum(result.bad for result in mandatory), len(mandatory)
        others = sum(not result.passed and not result.mandatory for result in self.results)
        text = f"{bad} of {of} mandatory checks not passed" if bad else f"all {of} mandatory checks passed"
        return f"{text}; {others} of {len(self.results) - of} optional ones not" if others else text

    def points(self, result: Result) -> str:
        """Return the points of `result` as text: ``2 of 3``, "" without a rubric, or for a check that is not in it."""
        found = self.score.checks.get(result.id) if self.score is not None else None
        return "" if found is None or not found.out_of else of_points(found)


def of_points(points: Points) -> str:
    """Return `points` as text: ``2 of 3``."""
    return f"{number(points.got)} of {number(points.out_of)}"


def number(value: float) -> str:
    """Return `value` with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def verdict_of(result: Result) -> str:
    """Return the verdict for people: of a check that is not mandatory and did not pass, that too."""
    return result.verdict.value if result.mandatory or result.passed else f"{result.verdict.value} (optional)"
