"""The load of the processors during a run, read from Linux' /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from time import monotonic

PROC = Path("/proc")
BUSY_SHARE = 0.85
"""Share of the time of all processors, or of one processor for a single process, above which they set the pace."""


class Processors:
    """The load of the processors, and of the processes ``pids``, from now until ``stop``.

    Raises OSError without a /proc.
    """

    def __init__(self, pids: Iterable[int], proc: Path = PROC) -> None:
        self.busy: float | None = None
        """The share of the time of all processors that was spent on work; None before ``stop``."""
        self.busiest: float | None = None
        """The largest share of one processor's time that a single process used; None before ``stop``."""
        self._proc = proc
        self._start = monotonic()
        self._start_times = self._times()
        self._start_ticks = {pid: self._ticks(pid) for pid in pids}

    def stop(self) -> None:
        """Compute both shares of the time since the start."""
        idle, total = (now - then for now, then in zip(self._times(), self._start_times, strict=True))
        elapsed = os.sysconf("SC_CLK_TCK") * max(monotonic() - self._start, 1e-3)
        self.busy = 1 - idle / total if total else 0.0
        used = [max(0, self._ticks(pid) - then) for pid, then in self._start_ticks.items()]
        self.busiest = max((ticks / elapsed for ticks in used), default=0.0)

    def _times(self) -> tuple[int, int]:
        """Return the idle ticks of all processors, and all their ticks, since the machine started."""
        fields = [int(field) for field in (self._proc / "stat").read_text().splitlines()[0].split()[1:9]]
        return fields[3] + fields[4], sum(fields)

    def _ticks(self, pid: int) -> int:
        """Return the ticks that a process has used; 0 if it has ended."""
        try:
            fields = (self._proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0
        return int(fields[11]) + int(fields[12])
