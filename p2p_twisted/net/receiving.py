"""The receipt of a response: where the body goes, how long it may take, how often the reactor wakes up for it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..wire.messages import Message, Response
from .errors import Garbled, Refused

T = TypeVar("T")
OnResponse = Callable[[Response], Deferred[None] | None]
"""Takes a response of several; if it returns a Deferred, the next one comes once that has fired."""

MAX_REFUSAL = 4096
"""Bytes of the body in which a server gives the reason of a refusal."""
TICK_INTERVAL = 1
"""Seconds between two ticks of a Countdown."""
MAX_LOW_WATER = 64 * 1024
"""Most bytes that the kernel waits for before it wakes the reactor."""
MAX_WAKEUP_DELAY = 0.2
"""Seconds that the first of these bytes may wait for the last, at the rate they come."""
MAX_FAST_LOW_WATER = 256 * 1024
"""The same as MAX_LOW_WATER, where this many bytes come within FAST_DELAY."""
FAST_DELAY = 0.004
"""Seconds that more bytes than MAX_LOW_WATER may wait."""
MIN_READ = 64 * 1024
"""Bytes read at a time; on a fast link twice as many as the kernel waits for."""
MIN_RATE_INTERVAL = 0.02
"""Seconds over which the rate is measured at least."""


class Sink(Protocol):
    """Takes a body as it comes. A FetchError that either method raises ends the connection and the request."""

    def begin(self, response: Response) -> None:
        """Take the head of a granted response."""

    def data(self, data: bytes) -> Deferred[None] | None:
        """Take a part of its body. If this takes a while, return a Deferred: more comes once it has fired.

        It may fail with a FetchError, as if this method had raised it.
        """


class Collect:
    """Keeps a body of at most `limit` bytes. Raises Garbled over that."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._parts: list[bytes] = []

    def begin(self, response: Response) -> None:
        """Refuse a head that promises too much."""
        if (response.length or 0) > self._limit:
            raise Garbled(f"an answer of {response.length} bytes, more than the {self._limit} allowed")

    def data(self, data: bytes) -> None:
        """Take a part of the body."""
        self._size += len(data)
        if self._size > self._limit:
            raise Garbled(f"an answer longer than the {self._limit} bytes allowed")
        self._parts.append(data)

    def take(self) -> bytes:
        """Return the body."""
        return b"".join(self._parts)


@dataclass
class OutstandingRequest:
    """A request that was sent: where the body of its response goes, and the Deferred that the caller waits on."""

    message: Message
    sink: Sink
    done: Deferred[Response] = field(default_factory=Deferred)
    response: Response | None = None
    on_response: OnResponse | None = None
    """Called with each response, where the request goes on for further ones; None where there is one."""

    def begin(self, response: Response) -> None:
        """Take the head of the response. Raises the FetchError of the sink."""
        self.response = response
        if not response.ok:
            self.sink = Collect(MAX_REFUSAL)
        self.sink.begin(response)

    def end(self, response: Response) -> None:
        """Fire the Deferred: the whole response is there."""
        if response.ok:
            self.done.callback(response)
        else:
            assert isinstance(self.sink, Collect)
            text = self.sink.take().decode("utf-8", "replace").strip().partition("\n")[0]
            reason = "".join(c for c in text if c.isprintable())
            self.done.errback(Refused(response.status, reason, response.retry_after))


class Countdown:
    """Calls `expired` after a number of seconds, or up to one less, in which the reactor ran.

    After the process was stopped, or the machine asleep, what came meanwhile is still to be read: however long that
    was, it counts as one tick.
    """

    def __init__(self, clock: IReactorTime, expired: Callable[[], object]) -> None:
        self.left = 0
        """Seconds left; may be set while it runs."""
        self._clock = clock
        self._expired = expired
        self._rests = False

    def start(self, seconds: int) -> None:
        """Start, or start again."""
        self.left, self._rests = seconds, False
        _Ticks.of(self._clock).add(self)

    def rest(self) -> None:
        """Stop, if it runs; the next tick still comes, so that to start again soon costs little."""
        self._rests = True

    def stop(self) -> None:
        """Stop for good, if it runs."""
        _Ticks.of(self._clock).remove(self)

    def stopped(self, result: T) -> T:
        """Stop, as a callback of the Deferred that ends what is timed."""
        self.stop()
        return result

    def tick(self) -> bool:
        """Count a second; return whether to go on."""
        self.left -= TICK_INTERVAL
        if self.left <= 0 and not self._rests:
            self._rests = True
            self._expired()
        return not self._rests


class _Ticks:
    """The ticks of all countdowns by one clock: a hundred connections wake the reactor as often as one does."""

    _by_clock: ClassVar[dict[IReactorTime, _Ticks]] = {}
    """Those with a countdown."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._countdowns: set[Countdown] = set()
        self._next: IDelayedCall | None = None

    @classmethod
    def of(cls, clock: IReactorTime) -> _Ticks:
        return cls._by_clock.get(clock) or cls(clock)

    def add(self, countdown: Countdown) -> None:
        self._countdowns.add(countdown)
        if self._next is None:
            self._by_clock[self._clock] = self
            self._next = self._clock.callLater(TICK_INTERVAL, self._tick)

    def remove(self, countdown: Countdown) -> None:
        self._countdowns.discard(countdown)
        if not self._countdowns and self._next is not None:
            self._next.cancel()
            self._end()

    def _end(self) -> None:
        self._next = None
        del self._by_clock[self._clock]

    def _tick(self) -> None:
        self._next = self._clock.callLater(TICK_INTERVAL, self._tick)
        for countdown in list(self._countdowns):
            if countdown in self._countdowns and not countdown.tick():  # else another has stopped it
                self.remove(countdown)


class Wakeups:
    """Sets how many bytes of a long body the kernel waits for before it wakes the reactor.

    On a slow link every few packets would cost a turn of the reactor. Linux waits for SO_RCVLOWAT bytes before a socket
    counts as readable (socket(7)). Does nothing for a transport that is not plain TCP, and elsewhere than on Linux.

    The rate is that of the bodies alone: between two of them the other end may wait for something else.
    """

    def __init__(self, transport: Any) -> None:
        handle = transport.getHandle() if hasattr(transport, "getHandle") else None
        self.transport = transport
        plain = sys.platform == "linux" and type(handle) is socket.socket
        self._socket: socket.socket | None = handle if plain else None
        self._rate = 0.0
        self._received = 0
        self._seconds = 0.0
        """The time in which so much has been received since the rate was measured."""
        self._last: float | None = None
        """When the last bytes of a body came; None between two bodies."""
        self._low_water = 1

    def received(self, size: int, left: int, now: float) -> None:
        """Note `size` bytes of a body, of which `left` are still to come, at `now` (seconds)."""
        if self._socket is None:
            return
        self._measure(size, now)
        self._last = now if left else None
        slow = min(MAX_LOW_WATER, int(self._rate * MAX_WAKEUP_DELAY))
        low = max(1, min(left, max(slow, min(MAX_FAST_LOW_WATER, int(self._rate * FAST_DELAY)))))
        if low < self._low_water or low > 2 * self._low_water:
            self._low_water = low
            self.transport.bufferSize = 2 * low if low > MAX_LOW_WATER else MIN_READ
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, low)
            except OSError:
                self._socket = None  # it is closed

    def _measure(self, size: int, now: float) -> None:
        if self._last is None:  # nobody knows how long the first bytes of a body took
            return
        self._received += size
        self._seconds += now - self._last
        if self._seconds >= MIN_RATE_INTERVAL:
            self._rate = self._received / self._seconds
            self._received, self._seconds = 0, 0.0
