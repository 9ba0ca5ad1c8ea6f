"""What mypy is told to overlook: little, one kind of error at a time, and for a reason that stands behind it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "docs", "fuzz", "p2p_twisted", "tests", "twisted_plugins")
MARK = "# type: " + "ignore"
MAX_IGNORES = 20

IGNORES = [
    f"{path.relative_to(ROOT)}: {line.strip()}"
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    for line in path.read_text("utf-8").splitlines()
    if MARK in line
]


def test_type_ignores_are_few() -> None:
    assert len(IGNORES) <= MAX_IGNORES, IGNORES


def test_each_names_its_error_and_a_reason() -> None:
    reasoned = re.compile(re.escape(MARK) + r"\[[a-z-]+\]  # \w.{4,}")
    assert [line for line in IGNORES if not reasoned.search(line)] == []
