"""The house holds: imports run downward only, the wire knows no I/O, only tap modules and the command have reactors."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import p2p_twisted

ROOT = Path(p2p_twisted.__file__).parent
FLOORS = {
    "wire": 0,
    "registry": 1,
    "library": 1,
    "index": 1,
    "swarm": 2,
    "rs": 3,
    "peer": 3,
    "web": 3,
    "cli": 4,
    "experiment": 4,
}
ABOVE_THE_WIRE = {"settings", "hosts", "startup", "state_folder", "verb", "serving", "sending"}
"""Modules beside the floors, for all of floor 3: they know one another and the wire."""
BENEATH = {"folders", "config_file", "descriptors"}
"""Modules beside the floors, for everybody: they know nothing of the package."""
SIDEWAYS = {("rs", "web"), ("peer", "web"), ("cli", "experiment")}
"""Who may use whom on the same floor; never back."""

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
    """The folder on a floor, or the module beside them, that has `p2p_twisted.x...`; "" for the package itself."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and (parts[1] in FLOORS or f"p2p_twisted.{parts[1]}" in MODULES) else ""


def own(name: str) -> set[str]:
    """The places in the package that the module `name` imports from."""
    found = imported(name, TREES[name])
    return {place(target) for target in found if target.split(".")[0] == "p2p_twisted"} - {"", place(name)}


def may(module: str, target: str) -> bool:
    if target in BENEATH or module in BENEATH:
        return module not in BENEATH
    if module in FLOORS and target in FLOORS:
        return FLOORS[target] < FLOORS[module] or (module, target) in SIDEWAYS
    if module in FLOORS:
        return target in ABOVE_THE_WIRE and FLOORS[module] >= FLOORS["peer"]
    return target == "wire" or target in ABOVE_THE_WIRE


def test_every_folder_has_its_floor():
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    beside = {path.stem for path in ROOT.glob("*.py")} - {"__init__"}
    assert (folders, beside) == (set(FLOORS), ABOVE_THE_WIRE | BENEATH)


def test_imports_run_downward():
    placed = [name for name in MODULES if place(name)]
    assert not [(name, target) for name in placed for target in own(name) if not may(place(name), target)]


def test_the_package_itself_imports_nothing():
    assert not list(imported("p2p_twisted", TREES["p2p_twisted"]))


def test_the_wire_needs_the_standard_library_alone():
    wire = [name for name in MODULES if place(name) == "wire"]
    roots = {target.split(".")[0] for name in wire for target in imported(name, TREES[name])}
    assert roots <= sys.stdlib_module_names | {"p2p_twisted"}


def test_only_tap_modules_and_the_command_have_the_reactor():
    others = [name for name in MODULES if not name.endswith(".tap") and place(name) != "cli"]
    assert not [name for name in others if "twisted.internet.reactor" in imported(name, TREES[name])]


def test_both_verbs_and_the_command_need_nothing_that_only_linux_has():
    program = """
import os, sys
sys.modules["twisted.internet.inotify"] = sys.modules["twisted.python._inotify"] = None
sys.modules["fcntl"] = sys.modules["resource"] = None
vars(os).pop("sendfile", None)
import p2p_twisted.rs.tap, p2p_twisted.peer.tap, p2p_twisted.cli.main, p2p_twisted.library.watch
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT.parent)}
    subprocess.run([sys.executable, "-W", "error", "-c", program], env=environment, check=True, timeout=60)


def test_every_module_says_what_lives_there():
    assert not [name for name, tree in TREES.items() if not ast.get_docstring(tree)]
