"""The classroom: the exercises print what the handout says, the notebook draws, the rubrics are worth their points."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.check import client, peer, rs
from p2p_twisted.check.model import Check
from p2p_twisted.check.rubric import load_rubric, require_known
from p2p_twisted.experiment.result_files import as_json
from tests.support.made_results import results_of, roles, run_of

CLASSROOM = Path(__file__).parents[1] / "docs/classroom"
STUDENT_RS = Path(__file__).parent / "check/servers/student_rs.py"
TIMEOUT = 180
PORTS = ("65423", "65401")
"""The ports in the handout; free ones take their place."""
MARK = "=-=-="
FACTOR = 3.0
"""By how much a decimal number, which is a time or a ratio, may differ from the one in the handout."""
COOKIE = re.compile(r"cookie:\d+")
NUMBER = re.compile(r"\d+\.\d+")

Step = tuple[str, list[str]]
"""A command, and the lines that it prints."""


def exercises() -> dict[str, list[Step]]:
    """The steps of each exercise, by its heading."""
    parts = re.split(r"^(Exercise .*)\n=+\n", (CLASSROOM / "index.rst").read_text("utf-8"), flags=re.MULTILINE)
    return {heading: steps_of(text) for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


def steps_of(text: str) -> list[Step]:
    steps: list[Step] = []
    for block in re.findall(r"^\.\. code-block:: console\n\n((?:   .*\n|\n)+)", text, flags=re.MULTILINE):
        for line in block.rstrip().splitlines():
            if line.startswith("   $ "):
                steps.append((line[5:], []))
            else:
                steps[-1][1].append(line[3:])
    return steps


def free_ports() -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return dict(zip(PORTS, (str(one.getsockname()[1]), str(other.getsockname()[1])), strict=True))


def run(steps: Iterable[Step], folder: Path) -> list[list[str]]:
    """What each command prints, in one shell; what is still running at the end is stopped."""
    script = "\n".join(["trap 'kill $(jobs -p)' EXIT", *(f"{command}\necho; echo {MARK}" for command, _ in steps)])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, "P2P_STATE_DIR": str(folder / "state")},
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return [part.strip("\n").splitlines() for part in done.stdout.split(MARK)[:-1]]


def alike(printed: str, told: str) -> bool:
    """Whether two lines are the same but for cookies, blanks, and decimal numbers within `FACTOR`."""
    one, other = (NUMBER.sub("N", COOKIE.sub("cookie:C", " ".join(line.split()))) for line in (printed, told))
    numbers = zip(NUMBER.findall(printed), NUMBER.findall(told), strict=False)
    near = all(
        float(a) <= FACTOR * float(b) and float(b) <= FACTOR * float(a) for a, b in numbers if "127.0" not in a + b
    )
    return one == other and near


def with_ports(text: str, ports: dict[str, str]) -> str:
    for told, used in ports.items():
        text = text.replace(told, used)
    return text


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("nc") and shutil.which("bash")), reason="nc or bash is not installed")
@pytest.mark.parametrize("heading", exercises())
def test_an_exercise_prints_what_the_handout_says(heading: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    ports = free_ports()
    steps = [
        (with_ports(command, ports), [with_ports(line, ports) for line in told])
        for command, told in exercises()[heading]
    ]
    shutil.copy(STUDENT_RS, tmp_path / "my_rs.py")
    shutil.copy(CLASSROOM / "rubric.toml", tmp_path)
    printed = run(steps, tmp_path)
    assert len(printed) == len(steps)
    for (command, told), lines in zip(steps, printed, strict=True):
        same = len(lines) == len(told) and all(map(alike, lines, told))
        assert same, f"$ {command}\n" + "\n".join(["printed:", *lines, "the handout says:", *told])


def test_there_are_five_exercises_with_commands() -> None:
    assert len(exercises()) == 5
    assert all(any(told for _, told in steps) for steps in exercises().values())


def test_lines_are_compared() -> None:
    assert alike("Task 1\t4\t1.20\tcookie:12", "Task 1 4 1.90 cookie:7")
    assert not alike("Task 1 4 1.20", "Task 1 5 1.20")
    assert not alike("Task 1 4 9.20", "Task 1 4 1.20")


@pytest.mark.parametrize(
    ("name", "checks", "points"),
    [("rubric", rs.CHECKS, 40), ("rubric-peer", peer.CHECKS, 25), ("rubric-client", client.CHECKS, 15)],
)
def test_a_rubric_is_worth_its_points(name: str, checks: Iterable[Check[Any]], points: int) -> None:
    rubric = load_rubric(CLASSROOM / f"{name}.toml")
    require_known(rubric, {check.id: check.group for check in checks})
    assert sum(rubric.points.values()) == points


@pytest.mark.slow
def test_the_notebook_draws_the_figures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    rates = dict.fromkeys(roles(4), 2.5e6)
    runs = [run_of(task, 8.0, ups=rates, downs=rates) for task in ("task1", "task2-best", "swarm")]
    (tmp_path / "results.json").write_text(as_json(results_of(runs)), "utf-8")
    notebook = json.loads((CLASSROOM / "results.ipynb").read_text("utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore::RuntimeWarning", "-c", "\n".join(cells)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
    drawn = [f"{run.task}-1-{figure}.png" for run in runs for figure in ("peers", "sent")]
    assert sorted(path.name for path in tmp_path.glob("*.png")) == sorted(["times.png", *drawn])


def test_the_notebook_is_one() -> None:
    notebook = json.loads((CLASSROOM / "results.ipynb").read_text("utf-8"))
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["language"]) == (4, "python")
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert not any(cell.get("outputs") for cell in notebook["cells"])
