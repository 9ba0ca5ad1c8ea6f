"""The house holds: imports run downward only, the wire knows no I/O, only tap modules and the command have reactors."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import p2p_twisted

ROOT = Path(p2p_twisted.__file__).parent
TEXT = (ROOT.parent / "docs" / "architecture.rst").read_text("utf-8")
FLOORS = {name: int(floor) for floor, name in re.findall(r"^(\d)      ``(\w+)``", TEXT, re.MULTILINE)}
SIDEWAYS = {("rs", "web"), ("peer", "web")}
"""Which package may import from which on the same floor; never back."""
ROOMS = {
    "experiment": (
        *("phrases", "plan", "corpus", "trace", "results", "summary", "result_files"),
        *("run", "report", "page", "verbs"),
    ),
}
"""Package -> its modules and subpackages in an order in which each imports only from those before it."""

MODULES = {
    ".".join(("p2p_twisted", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text("utf-8"), str(path)) for name, path in MODULES.items()}


def imported(name: str, tree: ast.AST) -> Iterator[str]:
    """The modules that the module `name` imports somewhere in `tree`, and the names it takes from them, in full."""
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join((*above, *([node.module] if node.module else [])))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def place(name: str) -> str:
    """Return the package on a floor that has `p2p_twisted.x...`; "" for the package itself."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in FLOORS else ""


def own(name: str) -> set[str]:
    """Return the packages of p2p_twisted that the module `name` imports from."""
    found = imported(name, TREES[name])
    return {place(target) for target in found if target.split(".")[0] == "p2p_twisted"} - {"", place(name)}


def may(package: str, target: str) -> bool:
    return FLOORS[target] < FLOORS[package] or (package, target) in SIDEWAYS


def room(name: str) -> str:
    """Return the part of `p2p_twisted.x.ROOM...`, "" for the package itself."""
    return name.split(".")[2] if name.count(".") > 1 else ""


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_import_only_from_those_before_them(package: str) -> None:
    rooms = ROOMS[package]
    inside = [name for name in MODULES if place(name) == package and room(name)]
    assert {room(name) for name in inside} == set(rooms)
    for name in inside:
        targets = {room(target) for target in imported(name, TREES[name]) if place(target) == package}
        above = rooms[rooms.index(room(name)) + 1 :]
        assert not targets & set(above), name


def test_every_package_has_its_floor():
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders == set(FLOORS)
    assert {path.stem for path in ROOT.glob("*.py")} == {"__init__"}


def test_imports_run_downward():
    placed = [name for name in MODULES if place(name)]
    assert not [(name, target) for name in placed for target in own(name) if not may(place(name), target)]


def test_the_package_itself_imports_nothing():
    assert not list(imported("p2p_twisted", TREES["p2p_twisted"]))


def test_the_wire_needs_the_standard_library_alone():
    wire = [name for name in MODULES if place(name) == "wire"]
    roots = {target.split(".")[0] for name in wire for target in imported(name, TREES[name])}
    assert roots <= sys.stdlib_module_names | {"p2p_twisted"}


def test_the_tester_shares_no_code_with_what_it_judges():
    tester = [name for name in MODULES if place(name) == "check"]
    assert tester
    for name in tester:
        targets = set(imported(name, TREES[name]))
        assert not [target for target in targets if target.split(".")[0] == "twisted"], name
        assert not own(name), name


def test_only_tap_modules_and_the_command_have_the_reactor():
    others = [name for name in MODULES if not name.endswith(".tap") and place(name) != "cli"]
    assert not [name for name in others if "twisted.internet.reactor" in imported(name, TREES[name])]


def test_both_verbs_and_the_command_need_nothing_that_only_linux_has():
    program = """
import os, sys
sys.modules["twisted.internet.inotify"] = sys.modules["twisted.python._inotify"] = None
sys.modules["fcntl"] = sys.modules["resource"] = None
vars(os).pop("sendfile", None)
import p2p_twisted.rs.tap, p2p_twisted.peer.tap, p2p_twisted.cli.main, p2p_twisted.library.scan_schedule
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT.parent)}
    subprocess.run([sys.executable, "-W", "error", "-c", program], env=environment, check=True, timeout=60)


def test_every_module_says_what_lives_there():
    assert not [name for name, tree in TREES.items() if not ast.get_docstring(tree)]
