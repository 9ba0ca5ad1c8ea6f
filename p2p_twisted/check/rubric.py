"""A rubric: points for each group of checks, read from TOML, and what a run is worth by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .model import Result, Verdict
from .profile import ProfileError
from .profile_files import read_toml

MAX_POINTS = 100_000


@dataclass(frozen=True)
class Rubric:
    """`points`: group -> points. `weights`: id of a check -> its weight within its group.

    A mandatory check weighs 1 if it is not named, any other 0. What is not offered weighs nothing.
    """

    title: str
    points: Mapping[str, float]
    weights: Mapping[str, float]


@dataclass(frozen=True)
class Points:
    """What something got, out of what it could have got."""

    got: float
    out_of: float


@dataclass(frozen=True)
class Score:
    """The points of a run: in all, of each group of the rubric, and of each check (by id)."""

    title: str
    total: Points
    groups: Mapping[str, Points]
    checks: Mapping[str, Points]


def load_rubric(path: Path) -> Rubric:
    """Return the rubric in the file `path`. Raises ProfileError, one line that names it."""
    tables = read_toml(path, "a rubric")
    unknown = sorted(set(tables) - {"title", "points", "weights"})
    if unknown:
        raise ProfileError(f"{path}: {unknown[0]} is no key of a rubric; there are points, title and weights")
    points = _numbers(tables.get("points"), f"{path}: points")
    if not points:
        raise ProfileError(f"{path}: the table points is empty; give each group its points, such as messages = 30")
    return Rubric(str(tables.get("title", path.stem)), points, _numbers(tables.get("weights", {}), f"{path}: weights"))


def _numbers(table: Any, name: str) -> dict[str, float]:
    if not isinstance(table, dict):
        raise ProfileError(f"{name} must be a table of numbers")
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_POINTS:
            raise ProfileError(f"{name}: {key} must be a number from 0 to {MAX_POINTS}")
    return {key: float(value) for key, value in table.items()}


def require_known(rubric: Rubric, ids: Mapping[str, str]) -> None:
    """Raise ProfileError if the rubric names a group or check that is not in `ids`: id of a check -> its group."""
    for kind, names, known in (("group", rubric.points, set(ids.values())), ("check", rubric.weights, set(ids))):
        unknown = sorted(set(names) - known)
        if unknown:
            there = ", ".join(sorted(known))
            raise ProfileError(f"the rubric names the {kind} {unknown[0]}, which is not there; there are {there}")


def score(rubric: Rubric, results: Sequence[Result]) -> Score:
    """Return what `results` are worth."""
    checks: dict[str, Points] = {}
    groups: dict[str, Points] = {}
    for group, points in rubric.points.items():
        inside = [result for result in results if result.group == group]
        weights = _weights(rubric, inside)
        whole = sum(weights.values())
        for result in inside:
            worth = points * weights.get(result.id, 0.0) / (whole or 1.0)
            checks[result.id] = Points(worth if result.passed else 0.0, worth)
        groups[group] = Points(sum(checks[result.id].got for result in inside), points)
    total = Points(sum(one.got for one in groups.values()), sum(one.out_of for one in groups.values()))
    return Score(rubric.title, total, groups, checks)


def _weights(rubric: Rubric, results: Sequence[Result]) -> dict[str, float]:
    """Return the weight of each of `results`, which are a group; all weigh the same if else none would count."""
    offered = [result for result in results if result.verdict is not Verdict.NOT_OFFERED]
    weights = {result.id: rubric.weights.get(result.id, float(result.mandatory)) for result in offered}
    return weights if any(weights.values()) else dict.fromkeys(weights, 1.0)
