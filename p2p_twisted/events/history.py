"""The last events, numbered and bounded, for readers that come later or come back."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_EVENTS = 2000
"""Events that a history keeps."""
BATCH = 64
"""Events that `after` returns at most."""


class History(Generic[T]):
    """Events with ascending numbers.

    When there are too many, every other optional event is dropped, and from then on as large a part of the new optional
    ones, so that the rest still shows the whole course. If that is not enough, the oldest are dropped.
    """

    def __init__(self, kept: Iterable[tuple[int, T, bool]] = (), last: int = 0) -> None:
        """`kept` are (number, event, is optional) of an earlier history; without any, numbers begin behind `last`."""
        self.kept = list(kept)
        self.last = self.kept[-1][0] if self.kept else last
        """The highest number so far."""
        self.closed = False
        """Whether no event will follow."""
        self.listeners: set[Callable[[], object]] = set()
        """Called when an event was added, and when the history was closed."""
        self._dropped = last
        self._stride = 1

    def add(self, event: T, optional: bool = False) -> None:
        """Add an event; an optional one may be dropped while later and earlier ones are kept."""
        self.last += 1
        if optional and self.last % self._stride:
            return
        if len(self.kept) >= MAX_EVENTS:
            self._make_room()
        self.kept.append((self.last, event, optional))
        self._notify()

    def close(self) -> None:
        """Note that no event will follow."""
        self.closed = True
        self._notify()

    def after(self, number: int) -> list[tuple[int, T, bool]]:
        """Return the first events behind `number`, at most BATCH."""
        place = bisect_right(self.kept, number, key=lambda one: one[0])
        return self.kept[place : place + BATCH]

    def resume(self, number: int) -> int:
        """Return the number from which a reader goes on that has read up to `number`.

        It is another one if events between them were dropped, or if `number` is of another history.
        """
        return number if self._dropped <= number <= self.last else self._dropped

    def _make_room(self) -> None:
        if any(optional for _, _, optional in self.kept):
            self._stride *= 2
            self.kept = [one for one in self.kept if not one[2] or one[0] % self._stride == 0]
        spare = len(self.kept) - MAX_EVENTS * 7 // 8
        if spare > 0:
            self._dropped = self.kept[spare - 1][0]
            del self.kept[:spare]

    def _notify(self) -> None:
        for listener in list(self.listeners):
            listener()
