"""docs/architecture.rst speaks of modules that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import p2p_twisted

ROOT = Path(p2p_twisted.__file__).parent
TEXT = (ROOT.parent / "docs" / "architecture.rst").read_text("utf-8")
ROOMS = "|".join(sorted(path.parent.name for path in ROOT.glob("*/__init__.py")))
DOTTED = sorted(set(re.findall(rf"``((?:{ROOMS})(?:\.[a-z0-9_]+)+)``", TEXT)))
PATHS = sorted(set(re.findall(rf"``((?:{ROOMS}|tests)/[\w/.]+)``", TEXT)))


@pytest.mark.parametrize("name", DOTTED)
def test_each_module_that_is_named_is_there(name: str) -> None:
    path = ROOT.joinpath(*name.split("."))
    assert path.is_dir() or path.with_suffix(".py").is_file()


@pytest.mark.parametrize("name", PATHS)
def test_each_file_that_is_named_is_there(name: str) -> None:
    root = ROOT.parent if name.startswith("tests/") else ROOT
    assert (root / name).exists()


def test_modules_are_named_in_both_ways() -> None:
    assert len(DOTTED) > 20 and len(PATHS) > 10
