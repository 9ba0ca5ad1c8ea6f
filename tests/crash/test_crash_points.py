"""A downloader killed with signal 9 at any point: each final name is absent or right, and a new start completes all.

P2P_CRASH_POINTS says at how many points (20 if not told): in the middle, before or after a system call that writes to
the folder of the download, or at any time.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.support.crash_lab import DOCUMENTS, EMPTY, OLD, CrashLab
from tests.support.faults import AFTER, BEFORE, CHANGING, MIDDLE, Fault
from tests.support.rs_process import free_port

pytestmark = pytest.mark.slow

POINTS = int(os.environ.get("P2P_CRASH_POINTS", "20"))
AT_CALLS = 0.7
"""Share of the points that are at a system call; the others are at a time."""
AGAIN = 0.25
"""Share of the points after which the next start is killed too."""


MODES: Sequence[tuple[Mapping[str, bool], float]] = (
    ({"swarm": True, "overwrite": False}, 0.35),
    ({"swarm": False, "overwrite": False}, 0.35),
    ({"swarm": True, "overwrite": True}, 0.15),
    ({"swarm": False, "overwrite": True}, 0.15),
)
"""How it is downloaded, and the share of the points: a file that is overwritten is the old or the new one."""


def at_calls(calls: Mapping[str, int]) -> list[Fault]:
    """Return all points at the calls that a whole download makes."""
    return [
        Fault(name, number, when)
        for name in CHANGING
        for number in range(1, calls.get(name, 0) + 1)
        for when in (BEFORE, AFTER, *([MIDDLE] if name.endswith("write") else []))
    ]


def points(lab: CrashLab) -> list[dict[str, Any]]:
    """Return the points, as changes of an order; the same each time on a machine of the same speed."""
    chosen, orders = random.Random(POINTS), list[dict[str, Any]]()
    for mode, share in MODES:
        lab.clear(OLD if mode["overwrite"] else EMPTY)
        whole = lab.run(**mode)
        number, faults = round(POINTS * share), at_calls(whole.calls)
        some = chosen.sample(faults, min(len(faults), round(AT_CALLS * number)))
        orders += [{**mode, "fault": asdict(fault)} for fault in some]
        times = (chosen.uniform(0, whole.seconds) for _ in range(number - len(some)))
        orders += [{**mode, "kill_after": seconds} for seconds in times]
    return orders


def test_a_final_name_is_absent_or_right(lab: CrashLab) -> None:
    killed, seen, chosen = 0, 0, random.Random(POINTS)
    for point in points(lab):
        old = OLD if point["overwrite"] else EMPTY
        lab.clear(old)
        ending = lab.run(**point)
        killed += ending.killed
        assert lab.wrong(old) == [], point
        if chosen.random() < AGAIN:
            killed += lab.run(overwrite=point["overwrite"], kill_after=chosen.uniform(0, 0.1)).killed
            assert lab.wrong(old) == [], point
        seen += len(DOCUMENTS.keys() & lab.files().keys())
        ending = lab.run(swarm=point["swarm"], overwrite=point["overwrite"])
        assert ending.downloads == [dict.fromkeys(DOCUMENTS, "")], point
        assert lab.files() == DOCUMENTS, point
        assert ending.open_files == [], point
    assert killed >= POINTS / 2
    assert lab.complaints() == []
    print(f"{POINTS} points: killed {killed} times, {seen} final names seen, none wrong; each new start completed all")


def test_the_state_folder_survives(lab: CrashLab, tmp_path: Path) -> None:
    """Killed while it starts, when lock, key, cookie and hashes are written: the next start is like any other.

    With a port of its own: the cookie that the RS gave may not have been saved.
    """
    chosen, number = random.Random(POINTS), max(5, POINTS // 10)
    killed = 0
    for folder in range(number):
        lab.clear()
        new = {"state": str(tmp_path / f"{folder % (number // 2)}"), "port": free_port()}
        killed += lab.run(**new, kill_after=chosen.uniform(0, 0.3), from_fork=True).killed
        ending = lab.run(**new | {"port": free_port()})
        assert ending.downloads == [dict.fromkeys(DOCUMENTS, "")]
        assert lab.files() == DOCUMENTS
        assert not list(tmp_path.glob("*/*.broken"))
    assert killed
    print(f"{number} starts, {killed} killed: each next start registered and completed all")
