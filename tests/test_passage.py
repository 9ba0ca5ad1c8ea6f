"""How many modules something passes through, in real processes: few enough that a reader can follow it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TRIES = 3
"""A timer that runs meanwhile has its modules counted too, so the shortest of a few passages counts."""


def passage(kind: str) -> list[str]:
    """Return the modules of a passage in the order in which they are reached."""
    command = [sys.executable, "-m", "tests.support.passage", kind]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout.split()


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("register", 27),
        ("holder", 18),
        ("downloader", 18),
        ("get", 33),
    ],
)
def test_few_modules_are_passed_through(kind: str, most: int) -> None:
    found = passage(kind)
    for _ in range(TRIES - 1):
        if len(found) > most:
            found = min(found, passage(kind), key=len)
    assert 0 < len(found) <= most, found
