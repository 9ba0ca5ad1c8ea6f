"""Bodies of index answers: built in slices of the reactor's time, and shared by all who ask for the same.

While clients that read slowly still hold an old body, no third one is built: whoever asks gets the newest there is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Cooperator
from twisted.python.failure import Failure

from ...net.producers import PART
from ...wire.limits import MAX_INDEX

MAX_BODY = MAX_INDEX // 2
"""Most bytes of a body; an answer is at most two of them, own and learnt records."""
SMALL = 256
"""Records up to which a body is built anew for whoever asks after a change."""
REBUILD_INTERVAL = 3
"""Least seconds between the beginnings of two larger ones."""

STEPS_AT_ONCE = 4
"""Times that some lines are made before the reactor goes on with other things."""

Lines = Iterator[Iterable[str]]
"""Lines without their ends, some at a time: as many as may be made in one go, some milliseconds."""
Parts = tuple[bytes, ...]
"""A body, in parts to be sent one after the other."""


def build(cooperator: Cooperator, lines: Lines, limit: int = MAX_BODY) -> Deferred[Parts]:
    """Return a Deferred for the body of `lines`, cut off at about `limit` bytes. A short one is ready at once."""
    parts: list[bytes] = []
    work = _build(lines, parts, limit)
    for _ in range(STEPS_AT_ONCE):
        if next(work, work) is work:
            return succeed(tuple(parts))
    return cooperator.coiterate(work).addCallback(lambda _: tuple(parts))


def _build(lines: Lines, parts: list[bytes], limit: int) -> Iterator[None]:
    """Fill `parts`, some lines at a time."""
    gathered: list[str] = []
    size = total = 0
    for some in lines:
        yield
        text = "".join(f"{line}\n" for line in some)
        gathered.append(text)
        size += len(text)
        if size >= PART:
            parts.append("".join(gathered).encode())
            total += len(parts[-1])
            gathered, size = [], 0
            if total >= limit:
                return
    if size:
        parts.append("".join(gathered).encode())


@dataclass(eq=False)
class Body:
    """A body that is shared: its parts, and what it was made of. `readers` counts those who still send it."""

    parts: Parts
    state: Any
    built_at: float
    readers: int = 0


@dataclass(frozen=True)
class Source:
    """What a shared body is made of, at this moment."""

    state: Hashable
    """Equal as long as the body would be."""
    count: int
    """Number of records."""
    lines: Callable[[], Lines]


class SharedBody:
    """The body that all who ask now get, built anew when `source` has another state."""

    def __init__(self, cooperator: Cooperator, now: Callable[[], float], source: Callable[[], Source]) -> None:
        self._cooperator = cooperator
        self._now = now
        self._source = source
        self._body: Body | None = None
        self._old: Body | None = None
        self._is_building = False
        self._waiting: list[Deferred[Body]] = []

    def get(self) -> Deferred[Body]:
        """Return a Deferred for the body: the newest there is, if it may not be built anew or is being built."""
        source = self._source()
        if not self._is_building and (self._body is None or self._may_build(self._body, source)):
            self._is_building = True
            building = build(self._cooperator, source.lines())
            building.addCallback(self._built, source.state, self._now()).addErrback(self._failed)
        if self._body is not None:
            return succeed(self._body)
        waiting: Deferred[Body] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def _may_build(self, body: Body, source: Source) -> bool:
        if body.state == source.state:
            return False
        if source.count <= SMALL:
            return True
        is_held = self._old is not None and self._old.readers > 0
        return not is_held and self._now() - body.built_at >= REBUILD_INTERVAL

    def _built(self, parts: Parts, state: Any, began: float) -> None:
        self._is_building = False
        self._old, self._body = self._body, Body(parts, state, began)
        if not self._old or not self._old.readers:
            self._old = None
        self._fire(self._body)

    def _failed(self, failure: Failure) -> None:
        self._is_building = False
        self._fire(failure)

    def _fire(self, result: Body | Failure) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(result)
