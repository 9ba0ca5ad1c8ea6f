"""The lines of a long body, taken as they come, in slices of the reactor's time.

All bodies that are read with one Slicer take turns, and a slice of each turn of the reactor is theirs together,
however many come at once; what little comes first in a turn is taken as it is read. A connection is not read while
lines of it wait: so a body of any length takes no more memory than one read of the socket and a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Cooperator

from ..wire.limits import MAX_BODY_LINE
from ..wire.messages import Message, Response
from .errors import Garbled
from .receiving import Sink

SLICE = 8 * 1024
"""Bytes of lines taken between two looks at the clock, unless one line is longer."""
LINE_COST = 64
"""Bytes that a line counts for in addition to its own."""
AT_ONCE = 8 * 1024
"""Bytes of lines, of all bodies together, taken as they are read in each turn of the reactor, before any slice."""


class TooMuch(Garbled):
    """The body is longer than the limit, in bytes or lines. Everything before it has been taken."""


class Slicer(Cooperator):
    """A Cooperator that runs on `clock`; its tasks together take at most 10 ms of a turn of the reactor."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(scheduler=lambda call: clock.callLater(0, call))
        self._clock = clock
        self._left = AT_ONCE

    def may_do_at_once(self, cost: int) -> bool:
        """Return whether lines of this cost (bytes) may be taken now: a few in each turn wait for nothing."""
        if cost > self._left:
            return False
        if self._left == AT_ONCE:
            self._clock.callLater(0, self._next_turn)
        self._left -= cost
        return True

    def _next_turn(self) -> None:
        self._left = AT_ONCE


class Connection(Protocol):
    """The part of `client.ClientConnection` that reads lines."""

    def request_in_time(self, message: Message, sink: Sink) -> Deferred[Response]:
        """Send a request."""


class Lines:
    """A sink that calls `take` with each line of a body, without its end, and `came` with the size of each part.

    It may be used for one body after another; `end` must be called after each. Fails with TooMuch over the limits. A
    line longer than MAX_BODY_LINE counts as an empty one.
    """

    def __init__(
        self,
        slicer: Slicer,
        take: Callable[[str], object],
        max_bytes: int,
        max_lines: int,
        came: Callable[[int], object] = lambda size: None,
    ) -> None:
        self._slicer = slicer
        self._take = take
        self._max_bytes = max_bytes
        self._max_lines = max_lines
        self._came = came
        self._head: Response | None = None
        self._rest = b""
        self._is_too_long = False
        self._is_stopped = False
        self.size = 0
        """Bytes of this body so far."""
        self.count = 0
        """Lines of this body so far."""

    async def read(self, connection: Connection, message: Message) -> tuple[Response, bool]:
        """Send `message`; return the head once the lines have been taken, and whether the body was cut off.

        A connection on which it was cut off is closed. Raises FetchError.
        """
        try:
            return await connection.request_in_time(message, self), False
        except TooMuch:
            assert self._head is not None
            return self._head, True

    def begin(self, response: Response) -> None:
        """Accept any head: what is too much is cut off."""
        self._head = response

    def data(self, data: bytes) -> Deferred[None] | None:
        """Take the lines in `data`, a few of them at once; else return a Deferred that fires when that is done."""
        self._came(len(data))
        slices = self._slices(data)
        if not self._slicer.may_do_at_once(len(data) + LINE_COST * (data.count(b"\n") + 1)):
            return self._slicer.coiterate(slices).addCallback(lambda _: None)
        for _ in slices:
            pass
        return None

    def end(self) -> None:
        """Take the last line, if the body ends without a line end, and make ready for another body."""
        if self._rest and self.count < self._max_lines:
            self._line(self._rest)
        self._rest, self._is_too_long, self.size, self.count = b"", False, 0, 0

    def stop(self) -> None:
        """Take no further line, not even of what has come."""
        self._is_stopped = True

    def _slices(self, data: bytes) -> Iterator[None]:
        self.size += len(data)
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if self._is_too_long and lines:
            lines[0], self._is_too_long = b"", False
        if len(self._rest) > MAX_BODY_LINE or self._is_too_long:
            self._rest, self._is_too_long = b"", True
        taken = 0
        for line in lines:
            if self._is_stopped:
                return
            self._line(line)
            taken += len(line) + LINE_COST
            if taken >= SLICE:
                taken = 0
                yield
        if self.size > self._max_bytes:
            raise TooMuch(f"a body longer than the {self._max_bytes} bytes allowed")

    def _line(self, line: bytes) -> None:
        if self.count >= self._max_lines:
            raise TooMuch(f"a body of more than the {self._max_lines} lines allowed")
        self.count += 1
        self._take("" if len(line) > MAX_BODY_LINE else line.rstrip(b"\r").decode("utf-8", "replace"))
