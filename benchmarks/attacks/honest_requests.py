"""Requests of honest members while a server is under attack: how many are answered, and how soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread

INTERVAL = 0.02
"""Seconds from one request to the next."""
LATE_SECONDS = 10.0
"""What a request counts as that is not answered."""


@dataclass
class Tally:
    """The requests of one kind: the seconds that each took, and how many got no right answer."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def answered(self) -> float:
        """The share of requests with a right answer."""
        return 1 - self.failed / max(len(self.seconds), 1)

    @property
    def p99(self) -> float:
        """The 99th percentile of the seconds."""
        return sorted(self.seconds)[len(self.seconds) * 99 // 100] if self.seconds else LATE_SECONDS

    def __str__(self) -> str:
        return f"{self.answered:.2%} of {len(self.seconds)} answered, p99 {self.p99 * 1000:.0f} ms"


class HonestRequests:
    """Calls ``ask``, which returns whether the answer was right, again and again for the time of a ``with`` block."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self.tally = Tally()
        self._ask = ask
        self._over = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._over.wait(INTERVAL):
            start = time.monotonic()
            try:
                is_right = self._ask()
            except OSError:
                is_right = False
            self.tally.failed += not is_right
            self.tally.seconds.append(time.monotonic() - start if is_right else LATE_SECONDS)

    def __enter__(self) -> HonestRequests:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
