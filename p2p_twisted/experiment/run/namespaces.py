"""Network namespaces by name: which there are, and how to remove them with all processes in them (Linux, root)."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from .iproute import run

TOOLS = ("ip", "tc")
MAX_KILL_ROUNDS = 50
KILL_INTERVAL = 0.02
"""Seconds between two rounds of killing the processes of a namespace: some may have started new ones meanwhile."""


def problem(euid: int, which: Callable[[str], str | None]) -> str | None:
    """Return one line with what this process lacks to make namespaces, or None; ``which`` finds programs."""
    if euid != 0:
        return "network namespaces need root: run this as root (sudo)"
    missing = [tool for tool in TOOLS if which(tool) is None]
    return f"not found: {', '.join(missing)}; install iproute2" if missing else None


def namespaces_of(network: str) -> list[str]:
    """Return the namespaces of the networks whose name matches the pattern ``network``. Raises PlaceError."""
    listed = [line.split()[0] for line in run(["ip", "netns", "list"]).splitlines() if line.strip()]
    return [name for name in listed if re.fullmatch(rf"{network}-(switch|h\d+)", name)]


def remove(name: str) -> None:
    """Kill all processes of a namespace, then delete it. Raises PlaceError."""
    for _ in range(MAX_KILL_ROUNDS):
        pids = run(["ip", "netns", "pids", name]).split()
        if not pids:
            break
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(KILL_INTERVAL)
    run(["ip", "netns", "delete", name])


def remove_leftovers(prefix: str) -> list[str]:
    """Remove the namespaces of networks with this ``prefix`` whose process is dead; return them. Raises PlaceError."""
    owners = {name: name[len(prefix) + 1 :].split("-")[0] for name in namespaces_of(rf"{re.escape(prefix)}-\d+-\d+")}
    dead = [name for name, owner in owners.items() if not Path("/proc", owner).exists()]
    for name in dead:
        remove(name)
    return dead
