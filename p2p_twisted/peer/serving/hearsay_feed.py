"""Send what this peer hears of the documents of others to the followers that take hearsay, at a bounded rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...wire.address import Address
from ...wire.changes import Heard, encode_change
from ...wire.limits import TTL
from ...wire.records import IndexRecord
from ..peers.pace import Allowance

INTERVAL = 3
"""Seconds for which records are gathered."""
RATE = 400
BURST = 32 * 1024
"""Bytes a second that each follower is told, and at once after a pause."""
MAX_WAITING = 1_000
"""Most records that wait to be told, news and others; beyond it the oldest are left out."""


class Follower(Protocol):
    """A follower that takes hearsay."""

    @property
    def is_over(self) -> bool:
        """Whether it is gone."""

    def tell(self, body: bytes) -> object:
        """Send it lines."""


class Waiting(NamedTuple):
    """A record that waits to be told, and when it ends, in monotonic seconds."""

    record: IndexRecord
    ends: float


class HearsayFeed:
    """Gathers records and tells them, news first. All followers are told the same."""

    def __init__(self, clock: IReactorTime, now: Callable[[], float]) -> None:
        """`now` gives the monotonic seconds from which TTLs are counted."""
        self._clock = clock
        self._now = now
        self._followers: list[Follower] = []
        self._news: dict[tuple[str, Address], Waiting] = {}
        self._again: dict[tuple[str, Address], Waiting] = {}
        """What waits to be told, by name and holder."""
        self._allowance = Allowance(RATE, BURST)
        self._timer: IDelayedCall | None = None

    def subscribe(self, follower: Follower) -> None:
        """Tell `follower` what is heard from now on."""
        self._followers.append(follower)

    def stop(self) -> None:
        """Tell nothing more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def tell(self, record: IndexRecord, is_news: bool) -> None:
        """Have `record`, which is not private, told to the followers."""
        if not self._followers:
            return
        waiting = self._news if is_news else self._again
        waiting[record.name, (record.host, record.port)] = Waiting(record, self._now() + record.ttl)
        if len(waiting) > MAX_WAITING:
            del waiting[next(iter(waiting))]
        if self._timer is None or not self._timer.active():
            self._timer = self._clock.callLater(INTERVAL, self._send)

    def _send(self) -> None:
        self._followers = [follower for follower in self._followers if not follower.is_over]
        pause = self._allowance.spend(0, self._now())
        body = "".join(self._lines(-pause * RATE)).encode()
        if body:
            self._allowance.spend(len(body), self._now())
            for follower in self._followers:
                follower.tell(body)
        if self._news or self._again:
            self._timer = self._clock.callLater(INTERVAL, self._send)

    def _lines(self, left: float) -> Iterator[str]:
        """Take records that wait from their queues; yield their lines, of about `left` bytes."""
        for waiting in self._news, self._again:
            while waiting and left > 0:
                record, ends = waiting.pop(next(iter(waiting)))
                ttl = min(TTL, int(ends - self._now()))
                if ttl > 0:
                    line = f"{encode_change(Heard(replace(record, ttl=ttl)))}\n"
                    left -= len(line)
                    yield line
