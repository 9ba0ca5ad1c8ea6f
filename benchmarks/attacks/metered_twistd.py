"""Run twistd with a meter of its reactor: ``python -m benchmarks.attacks.metered_twistd FILE ARGUMENTS of twistd``.

A call comes back every 5 ms, and what it is late by is a stall: for so long the process answered nobody. The longest
one is in FILE, with the processor's time of the reactor's thread in it: much less than the stall means that the process
had to wait for the machine or for a thread of its own. Writing 1 into the third number starts anew.
"""

import mmap
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
"""Longest stall (seconds), processor time in it (seconds), 1 to start anew."""


class StallMeter:
    """Measures how late its turns of ``reactor`` are, into ``numbers``."""

    def __init__(self, reactor: Any, numbers: mmap.mmap) -> None:
        self._reactor = reactor
        self._numbers = numbers
        self._turn = (0.0, 0.0)

    def start(self) -> None:
        """Measure from now on."""
        self._turn = (time.monotonic(), time.thread_time())
        self._reactor.callLater(INTERVAL, self._measure)

    def _measure(self) -> None:
        stall, busy = time.monotonic() - self._turn[0] - INTERVAL, time.thread_time() - self._turn[1]
        longest, _, is_new = NUMBERS.unpack_from(self._numbers)
        if is_new or stall > longest:
            NUMBERS.pack_into(self._numbers, 0, 0.0 if is_new else stall, busy, 0.0)
        self.start()


def main() -> None:
    with Path(sys.argv.pop(1)).open("r+b") as file:
        numbers = mmap.mmap(file.fileno(), NUMBERS.size)
    start = app.startApplication  # called in the process that runs the reactor, once that is chosen

    def start_metered(*arguments: Any) -> None:
        start(*arguments)
        from twisted.internet import reactor

        chosen: Any = reactor
        chosen.callWhenRunning(StallMeter(chosen, numbers).start)

    with patch.object(app, "startApplication", start_metered):
        run()


if __name__ == "__main__":
    main()
