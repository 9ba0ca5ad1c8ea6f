"""Rows of the table that tests, and other commands, measure: they are run here, and what they say is the figure."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.attacks.outcome import Outcome

REPOSITORY = Path(__file__).parents[2]
MAX_SECONDS = 3 * 3600
PASSED = r"(\d+ (?:passed|failed)[^=\n]*) in [\d.]+s"
"""What pytest says at the end."""


@dataclass(frozen=True)
class Delegated:
    """A row, its bar, the command (of Python), and the pattern of the lines that have the figure, in group 1."""

    row: str
    bar: str
    command: tuple[str, ...]
    pattern: str = PASSED


def _tests(*paths: str) -> tuple[str, ...]:
    return "-m", "pytest", "-rN", "-p", "no:cacheprovider", *paths


FUZZED = ("requests", "responses", "records")
ROWS = {
    "fuzz": Delegated(
        "10^6 mutated requests, responses and records each",
        "0 tracebacks, 0 hangs over 1 s, 0 wrong statuses",
        ("-m", "fuzz", "--mutations", "1000000", *FUZZED),
        r"^(.* none failed)$",
    ),
    "names": Delegated(
        "500 hostile names on each side, links and FIFOs planted",
        "0 bytes from or to outside",
        _tests("tests/e2e/test_hostile_serving.py", "tests/e2e/test_hostile_receiving.py"),
    ),
    "tls-refusals": Delegated(
        "TLS refusals: RS and peer, as server and as client",
        "10 of 10, four times",
        _tests("tests/net/test_tls_refusals.py"),
    ),
    "tls-rate": Delegated(
        "1 GiB on loopback: rate under TLS, divided by the plain rate",
        "≥ 0.5",
        ("-m", "benchmarks.tls"),
        r"plain rate: (.*)$",
    ),
    "private": Delegated(
        "one name in a private share, 11 ways to learn of it at 2 peers, and through a member",
        "none",
        _tests("tests/e2e/test_private_shares.py", "tests/peer/serving/test_private_index.py"),
    ),
}


def run(name: str) -> Outcome:
    """Run the command of a row; its figure is the lines of its output that match."""
    row = ROWS[name]
    argv = [sys.executable, *row.command]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=MAX_SECONDS)
    found = re.findall(row.pattern, done.stdout, re.MULTILINE)
    return Outcome(row.row, "; ".join(found) or f"exit {done.returncode}", row.bar, done.returncode == 0)


ATTACKS = {name: partial(run, name) for name in ROWS}
