"""Run twistd with a meter of its reactor: ``python -m benchmarks.attacks.metered_twistd FILE ARGUMENTS of twistd``.

A call comes back every 5 ms, and what it is late by is a stall: for so long the process answered nobody. The time for
which the reactor's thread was ready to run and had no processor does not count: that is the machine's (the kernel's
schedstat tells). FILE has the longest stall, the longest one with that time, and a third number: writing 1 into it
starts anew.
"""

import mmap
import os
import struct
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.application import app
from twisted.scripts.twistd import run

INTERVAL = 0.005
"""Seconds."""
NUMBERS = struct.Struct("ddd")
"""Longest stall (seconds), longest stall with the time without a processor (seconds), 1 to start anew."""


class StallMeter:
    """Measures how late its turns of ``reactor`` are, into ``numbers``; made in the reactor's thread."""

    def __init__(self, reactor: Any, numbers: mmap.mmap) -> None:
        self._reactor = reactor
        self._numbers = numbers
        self._schedule = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        self._turn = (0.0, 0.0)

    def start(self) -> None:
        """Measure from now on."""
        self._turn = (time.monotonic(), self._waited())
        self._reactor.callLater(INTERVAL, self._measure)

    def _measure(self) -> None:
        late, waited = time.monotonic() - self._turn[0] - INTERVAL, self._waited() - self._turn[1]
        stall, longest, is_new = NUMBERS.unpack_from(self._numbers)
        if is_new:
            stall = longest = 0.0
        NUMBERS.pack_into(self._numbers, 0, max(stall, late - waited), max(longest, late), 0.0)
        self.start()

    def _waited(self) -> float:
        """Return the seconds for which this thread has been ready to run and had no processor."""
        return int(os.pread(self._schedule, 100, 0).split()[1]) / 1e9


def main() -> None:
    with Path(sys.argv.pop(1)).open("r+b") as file:
        numbers = mmap.mmap(file.fileno(), NUMBERS.size)
    start = app.startApplication  # called in the process that runs the reactor, once that is chosen

    def start_metered(*arguments: Any) -> None:
        start(*arguments)
        from twisted.internet import reactor

        chosen: Any = reactor
        chosen.callWhenRunning(lambda: StallMeter(chosen, numbers).start())

    with patch.object(app, "startApplication", start_metered):
        run()


if __name__ == "__main__":
    main()
