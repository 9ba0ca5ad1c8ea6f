"""News fragments become the changelog: each has a name that towncrier understands, and a text."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FRAGMENTS = [path for path in (ROOT / "newsfragments").iterdir() if path.name != "template.rst"]
TYPES = re.findall(
    r'^\[\[tool\.towncrier\.type\]\]\ndirectory = "(.*)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.M
)
NAME = re.compile(rf"\d+(\.[a-z][a-z-]*)?\.({'|'.join(TYPES)})(\.\d+)?\.rst")


def test_each_fragment_names_an_issue_and_a_type() -> None:
    assert TYPES == ["feature", "bugfix", "doc", "removal", "misc"]
    assert [path.name for path in FRAGMENTS if not NAME.fullmatch(path.name)] == []


def test_no_fragment_is_empty() -> None:
    assert [path.name for path in FRAGMENTS if not path.read_text("utf-8").strip()] == []
