"""Points: a rubric's groups, the weights in them, and its mistakes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p2p_twisted.check.model import Result, Verdict
from p2p_twisted.check.profile import ProfileError
from p2p_twisted.check.rubric import Points, Rubric, load_rubric, require_known, score

PASS, FAIL, NOT_OFFERED, UNKNOWN = Verdict


def result(id_: str, group: str, verdict: Verdict, mandatory: bool = True) -> Result:
    return Result(id_, group, "title", "Section", mandatory, verdict)


def test_points_of_a_group_go_to_its_mandatory_checks() -> None:
    rubric = Rubric("ours", {"state": 30.0, "ttl": 10.0}, {"b": 2.0})
    results = [
        *(result("a", "state", PASS), result("b", "state", FAIL), result("c", "state", PASS, mandatory=False)),
        result("d", "other", FAIL),
        result("e", "ttl", UNKNOWN),
    ]
    found = score(rubric, results)
    assert found.checks == {"a": Points(10, 10), "b": Points(0, 20), "c": Points(0, 0), "e": Points(0, 10)}
    assert found.groups == {"state": Points(10, 30), "ttl": Points(0, 10)}
    assert (found.total, found.title) == (Points(10, 40), "ours")


def test_what_is_optional_counts_if_it_is_named_or_alone() -> None:
    named = Rubric("", {"g": 4.0}, {"b": 3.0})
    assert score(named, [result("a", "g", FAIL), result("b", "g", PASS, mandatory=False)]).total == Points(3, 4)
    alone = Rubric("", {"g": 4.0}, {})
    both = [result("a", "g", PASS, mandatory=False), result("b", "g", FAIL, mandatory=False)]
    assert score(alone, both).total == Points(2, 4)


def test_what_is_not_offered_takes_no_points_away() -> None:
    rubric = Rubric("", {"g": 4.0, "h": 2.0}, {})
    found = score(rubric, [result("a", "g", PASS), result("b", "g", NOT_OFFERED), result("c", "h", NOT_OFFERED)])
    assert found.groups == {"g": Points(4, 4), "h": Points(0, 2)}


def test_a_rubric_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text('title = "Project 1"\n[points]\nstate = 30\n[weights]\nmoves = 0.5\n', "utf-8")
    assert load_rubric(path) == Rubric("Project 1", {"state": 30.0}, {"moves": 0.5})
    require_known(load_rubric(path), {"moves": "state"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "points must be a table of numbers"),
        ("[points]", "the table points is empty"),
        ("[points]\na = 'x'", "points: a must be a number from 0 to"),
        ("[points]\na = true", "points: a must be a number from 0 to"),
        ("[points]\na = nan", "points: a must be a number from 0 to"),
        ("[points]\na = -1", "points: a must be a number from 0 to"),
        ("[points]\na = 1\n[weights]\nb = []", "weights: b must be a number"),
        ("[points]\na = 1\n[wights]\nb = 1", "wights is no key of a rubric"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ProfileError, match=re.escape(told)):
        load_rubric(path)


@pytest.mark.parametrize(
    ("rubric", "told"),
    [
        (Rubric("", {"sate": 1.0}, {}), "the group sate, which is not there; there are state"),
        (Rubric("", {"state": 1.0}, {"mvoes": 1.0}), "the check mvoes, which is not there; there are moves"),
    ],
)
def test_a_name_that_nothing_has_is_told(rubric: Rubric, told: str) -> None:
    with pytest.raises(ProfileError, match=re.escape(told)):
        require_known(rubric, {"moves": "state"})
