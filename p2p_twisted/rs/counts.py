"""The numbers that an RS counts from its start on. Those of several processes add up, name by name."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable

from ..events.durations import Durations
from ..events.publisher import Publisher
from ..events.rs import RequestRefused
from ..wire.errors import WireError

METHODS = ("Register", "Leave", "KeepAlive", "PQuery")
"""The requests that are answered, by the names of their messages."""
OTHER = "other"
"""The method of a request that cannot be read, or is none of an RS."""
STATUSES = ("200", "300", "403")
LIMITS = ("connections", "admission", "requests", "cookies", "registrations", "deadline", "readers")
"""The limits, by the names under which they are counted (`limit_hits` of a factory)."""
FAILED = "failed"
"""The status of a request whose answer was an error of this program."""


class RequestCounts:
    """Counts the requests by method and status, and how long those took that were granted.

    A KeepAlive that is granted at once is counted by the server (`fast_answers`), and not timed: it waits for nothing.
    """

    def __init__(self, events: Publisher, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._answered: Counter[tuple[str, str]] = Counter()
        self._refused: Counter[str] = Counter()
        """By status, also those that could not be read."""
        self._durations = {method: Durations() for method in METHODS}
        events.subscribe(RequestRefused, self._note_refusal)

    async def counted(self, method: str, answer: Awaitable[None]) -> None:
        """Await the `answer` to a request, and count it."""
        started, status = self._now(), FAILED
        method = method if method in METHODS else OTHER
        try:
            await answer
            status = "200"
        except WireError as error:
            status = str(error.status)
            raise
        finally:
            self._answered[method, status] += 1
            if status == "200":
                self._durations[method].add(self._now() - started)

    def _note_refusal(self, event: RequestRefused) -> None:
        self._refused[str(event.status)] += 1

    def numbers(self, fast_answers: int) -> dict[str, float]:
        """Return "requests METHOD STATUS" and "seconds METHOD BOUND" -> number."""
        found = Counter({(method, status): 0 for method in (*METHODS, OTHER) for status in STATUSES})
        found.update(self._answered)
        found["KeepAlive", "200"] += fast_answers
        for status, number in self._refused.items():
            found[OTHER, status] = number - sum(self._answered[method, status] for method in METHODS)
        numbers = {f"requests {method} {status}": float(number) for (method, status), number in found.items()}
        for method, durations in self._durations.items():
            numbers |= durations.numbers(f"seconds {method}")
        return numbers
