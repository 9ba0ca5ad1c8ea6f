"""The numbers that an RS counts from its start on. Those of several processes add up, name by name."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from ..events.durations import Durations
from ..wire.errors import WireError

METHODS = ("Register", "Leave", "KeepAlive", "PQuery")
"""The requests that are answered, by the names of their messages."""
OTHER = "other"
"""The method of a request that cannot be read, or is none of an RS."""
GRANTED = "200"
STATUSES = (GRANTED, "300", "403")
LIMITS = ("connections", "admission", "requests", "cookies", "registrations", "deadline", "readers")
"""The limits, by the names under which they are counted (`limit_hits` of a factory)."""
FAILED = "failed"
"""The status of a request whose answer was an error of this program."""


class RequestCounts:
    """Counts the requests by method and status, and how long those took that were granted.

    A KeepAlive that is granted at once is counted by the server (`fast_answers`), and not timed: it waits for nothing.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._answered: Counter[tuple[str, str]] = Counter()
        self._durations = {method: Durations() for method in METHODS}

    async def counted(self, method: str, answer: Awaitable[None]) -> None:
        """Await the `answer` to a request, and count it."""
        started = self.now()
        try:
            await answer
        except Exception as error:
            self.refused(method, error)
            raise
        self.granted(method, started)

    def granted(self, method: str, started: float) -> None:
        """Count a request that is granted now, and was begun to be answered when `now` returned `started`."""
        self._answered[method, GRANTED] += 1
        self._durations[method].add(self.now() - started)

    def refused(self, method: str, error: BaseException | None) -> None:
        """Count a request whose answer was an error."""
        status = str(error.status) if isinstance(error, WireError) else FAILED
        self._answered[method if method in METHODS else OTHER, status] += 1

    def numbers(self, fast_answers: int, refusals: Mapping[int, int]) -> dict[str, float]:
        """Return "requests METHOD STATUS" and "seconds METHOD BOUND" -> number.

        `refusals` by status are also of requests that could not be read.
        """
        found = Counter({(method, status): 0 for method in (*METHODS, OTHER) for status in STATUSES})
        found.update(self._answered)
        found["KeepAlive", "200"] += fast_answers
        for status, number in ((str(status), number) for status, number in refusals.items()):
            found[OTHER, status] = number - sum(self._answered[method, status] for method in METHODS)
        numbers = {f"requests {method} {status}": float(number) for (method, status), number in found.items()}
        for method, durations in self._durations.items():
            numbers |= durations.numbers(f"seconds {method}")
        return numbers
