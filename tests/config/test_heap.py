"""The settings of the heap, in processes of their own: they cannot be taken back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")

RESIDENT = """
from pathlib import Path
from p2p_twisted.config.heap import keep_heap_small, trim_heap

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

large, small = 3 * 2**20, 2000
"""


def _megabytes(code: str) -> float:
    """Run ``code`` after RESIDENT; return the MB that it prints in bytes."""
    argv = (sys.executable, "-c", RESIDENT + code)
    return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout) / 1e6


LARGE_BLOCKS = """
before = resident()
for _ in range(2):  # by itself, glibc takes the second ones from its heap
    blocks, above = [], []
    for _ in range(20):
        blocks.append(b"x" * large)
        above.append(b"x" * small)
    blocks.clear()
print(resident() - before)
"""


@needs_glibc
def test_large_blocks_are_given_back_though_something_small_lies_above_them() -> None:
    assert _megabytes("keep_heap_small()" + LARGE_BLOCKS) < 5
    assert _megabytes(LARGE_BLOCKS) > 30


HOLES = """
before = resident()
blocks = [b"x" * small for _ in range(20_000)]
kept = blocks[::100]
blocks.clear()
"""


@needs_glibc
def test_pages_between_what_is_left_are_given_back() -> None:
    assert _megabytes(HOLES + "trim_heap()\nprint(resident() - before)") < 10
    assert _megabytes(HOLES + "print(resident() - before)") > 30


LOADED = """
import gc
from twisted.internet import reactor
from p2p_twisted.config.heap import spare_what_is_loaded

spare_what_is_loaded(reactor)
reactor.callWhenRunning(reactor.callLater, 0, reactor.stop)
before = len(gc.get_objects())
reactor.run()
print(before, len(gc.get_objects()))
"""


def test_what_is_loaded_is_not_looked_at_again() -> None:
    argv = (sys.executable, "-c", LOADED)
    before, after = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    assert int(after) < int(before) / 20
