"""The machine that an experiment runs on: what it is, and how busy its processors are. Knows Linux' /proc only."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import monotonic

from ... import __version__

PROC = Path("/proc")
PACKAGES = ("Twisted", "matplotlib")
BUSY = 0.85
"""Share of the processors' time, or of one processor's for a single process, from which on they set the pace."""


class Processors:
    """How busy the processors are from now until ``stop``, and the processes ``pids``. Raises OSError without a /proc.

    ``busy``: the share of all processors' time that was spent on work; ``busiest``: the share of one processor's time
    that the process took which took most. None before ``stop``.
    """

    def __init__(self, pids: Iterable[int], proc: Path = PROC) -> None:
        self.busy: float | None = None
        self.busiest: float | None = None
        self._proc = proc
        self._at = monotonic()
        self._all = self._times()
        self._each = {pid: self._ticks(pid) for pid in pids}

    def stop(self) -> None:
        """Look once more."""
        idle, total = (now - then for now, then in zip(self._times(), self._all, strict=True))
        ticks = os.sysconf("SC_CLK_TCK") * max(monotonic() - self._at, 1e-3)
        self.busy = 1 - idle / total if total else 0.0
        self.busiest = max((max(0, self._ticks(pid) - then) / ticks for pid, then in self._each.items()), default=0.0)

    def _times(self) -> tuple[int, int]:
        """Ticks that all processors have idled, and all their ticks, since the machine started."""
        fields = [int(field) for field in (self._proc / "stat").read_text().splitlines()[0].split()[1:9]]
        return fields[3] + fields[4], sum(fields)

    def _ticks(self, pid: int) -> int:
        """Ticks that a process has had; 0 for one that has ended."""
        try:
            fields = (self._proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0
        return int(fields[11]) + int(fields[12])


def describe() -> dict[str, str]:
    """What it is, and the versions of what runs on it: words for a report."""
    described = {
        "p2p_twisted": __version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processors": f"{os.cpu_count()}, {_processor()}",
        "memory": _memory(),
    }
    return described | {name: _installed(name) for name in PACKAGES}


def _processor() -> str:
    try:
        lines = (PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB"
    except (ValueError, OSError):
        return "unknown"


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
