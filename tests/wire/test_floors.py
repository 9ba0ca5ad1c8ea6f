"""Imports run downward only (docs/architecture.rst), and the wire floor imports no Twisted."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "p2p_twisted"
TEXT = (ROOT / "docs" / "architecture.rst").read_text(encoding="utf-8")
FLOORS = {name: int(floor) for floor, name in re.findall(r"^(\d)      ``(\w+)``", TEXT, re.MULTILINE)}
SHARED = 2.5
"""Where the modules beside the packages are."""
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """What the module at `path` imports, absolute and dotted."""
    here = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*here[: -node.level], *(node.module or "").split(".")] if node.level else [node.module or ""]
            yield from (".".join([*filter(None, base), alias.name]) for alias in node.names)


def floor(parts: list[str]) -> float:
    return FLOORS.get(parts[1], SHARED)


def test_every_package_has_a_floor() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    assert FLOORS.keys() - modules == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def test_every_module_beside_the_packages_is_named() -> None:
    beside = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert [name for name in beside if f"``{name}``" not in TEXT] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downward(path: Path) -> None:
    own = floor([*path.relative_to(ROOT).with_suffix("").parts])
    ours = (name.split(".") for name in imports(path) if name.startswith("p2p_twisted."))
    assert [name for name in ours if name[1] != "__version__" and floor(name) > own] == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "wire").glob("*.py")), ids=lambda path: path.name)
def test_the_wire_imports_no_twisted(path: Path) -> None:
    assert [name for name in imports(path) if name.split(".")[0] in ("twisted", "zope")] == []
