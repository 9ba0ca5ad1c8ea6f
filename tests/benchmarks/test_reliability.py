"""Tests for benchmarks.reliability, and for the page that it makes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks.attacks.__main__ import ATTACKS
from benchmarks.reliability import FIGURES, PAGE, TESTS, load, page

ROOT = Path(__file__).parents[2]
PROMISES = load()


def _names(path: Path) -> set[str]:
    """Return the functions of a module, and the methods as CLASS::METHOD."""
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    methods = {f"{one.name}::{node.name}" for one in classes for node in one.body if isinstance(node, kinds)}
    return methods | {node.name for node in tree.body if isinstance(node, kinds)} | {one.name for one in classes}


@pytest.mark.parametrize("test", sorted({test for promise in PROMISES for test in promise["tests"]}))
def test_each_test_is_there(test: str) -> None:
    path, _, name = test.partition("::")
    assert (ROOT / path).is_file(), test
    assert not name or name in _names(ROOT / path), test


def test_each_promise_names_a_test_or_a_command() -> None:
    assert [promise["promise"] for promise in PROMISES if not promise["tests"] and promise["command"] == TESTS] == []


def test_each_attack_has_a_row_and_each_row_of_one_its_attack() -> None:
    prefix = "make attacks ROW="
    rows = {promise["command"].removeprefix(prefix) for promise in PROMISES if promise["command"].startswith(prefix)}
    assert rows == set(ATTACKS)


def test_the_page_is_what_the_figures_make_of_it() -> None:
    assert PAGE.read_text() == page(PROMISES), f"make reliability, after changes to {FIGURES.name}"
