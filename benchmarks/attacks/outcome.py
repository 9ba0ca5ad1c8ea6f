"""What came of an attack: one line, and one object in the file of results."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
RESULTS = REPOSITORY / "benchmarks" / "results" / "attacks.jsonl"


@dataclass(frozen=True)
class Outcome:
    """A row of the table in docs/reliability.rst: what was tried, the measured figure, the bar, whether it holds."""

    row: str
    figure: str
    bar: str
    is_ok: bool

    def __str__(self) -> str:
        return f"{self.row} | {self.figure} | {self.bar} | {'ok' if self.is_ok else 'FAILS'}"


def keep(outcome: Outcome, command: str) -> None:
    """Print an outcome, and append it to the results with the command that repeats it."""
    print(outcome, flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True)
    run = {"command": command, "commit": commit.stdout.strip(), "when": _now(), "cores": os.cpu_count()}
    with RESULTS.open("a") as results:
        results.write(json.dumps({**asdict(outcome), **run}) + "\n")


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime())
