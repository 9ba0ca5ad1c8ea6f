"""What an RS was asked over the last hour: a sample of its counts every few seconds, for small charts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

STEP = 10
"""Seconds between two samples."""
LENGTH = 360
"""Samples that are kept: those of an hour."""

SERIES: Mapping[str, Callable[[str], bool]] = {
    "Requests": lambda name: name.startswith("requests "),
    "Registrations": lambda name: name == "requests Register 200",
    "Refusals": lambda name: name.startswith("requests ") and not name.endswith(" 200"),
    "Limits hit": lambda name: name.startswith("limits "),
}
"""Title of a chart -> which counts add up to it."""


class RateHistory(Service):
    """Keeps how often each thing of SERIES happened in each step. `counts` returns the numbers since the start."""

    def __init__(self, clock: IReactorTime, counts: Callable[[], Mapping[str, float]]) -> None:
        self._counts = counts
        self._totals = dict.fromkeys(SERIES, 0.0)
        self._steps: dict[str, deque[float]] = {title: deque(maxlen=LENGTH) for title in SERIES}
        self._loop = LoopingCall(self.sample)
        self._loop.clock = clock

    def startService(self) -> None:
        """Begin to take samples."""
        super().startService()
        self._loop.start(STEP, now=False)

    def stopService(self) -> None:
        """Take no more samples."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def sample(self) -> None:
        """Take a sample."""
        counts = self._counts()
        for title, belongs in SERIES.items():
            total = sum(number for name, number in counts.items() if belongs(name))
            self._steps[title].append(total - self._totals[title])
            self._totals[title] = total

    def rates(self) -> dict[str, Sequence[float]]:
        """Return title -> how often a second, in each step, the latest last."""
        return {title: [number / STEP for number in steps] for title, steps in self._steps.items()}
