"""Reading that can be held: a connection is not read while whatever takes its data is not ready for more."""

from __future__ import annotations

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITCPTransport
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from .errors import FetchError

_SINK = "sink"
MIN_PART, MAX_HEAD = 4096, 8192
"""Bytes beyond which data is taken in parts, and among which the end of a head is looked for."""
MAX_WHOLE = 1024
"""The same for a head that is taken whole."""


class HeldReceiver(LineReceiver):
    """A receiver of lines and bodies that is held for any number of reasons, or until a Deferred fires."""

    transport: ITCPTransport
    _lost: FetchError | None = None
    """The error that ended the connection; None while it is open."""
    _left: int | None = None
    """Bytes of the body that are still to come; None: until the connection ends."""

    def __init__(self) -> None:
        self._holds: set[str] = set()
        self._end: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        """Take `data`, each head and each body by itself: LineReceiver copies all that follows a line."""
        while len(data) > MIN_PART and self._lost is None and not self.paused:
            end = self._end_of_part(data)
            self._take(data[:end])
            data = data[end:]
        if self._lost is None:
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Take `data`, and a head at its beginning whole if that is possible: line by line it takes twice as long."""
        if self.line_mode and not self._buffer and not self.paused:
            end = data.find(b"\n\n", 0, MAX_WHOLE)
            if end > 0 and self.head_received(data[:end]):
                data = data[end + 2 :]
        if (data or self._buffer) and self._lost is None:
            super().dataReceived(data)

    def _end_of_part(self, data: bytes) -> int:
        if not self.line_mode:
            return self._left or len(data)
        end = data.find(b"\n\n", 0, MAX_HEAD)
        return len(data) if end < 0 else end + 2

    def hold(self, why: str) -> None:
        """Stop reading until every reason to hold it is released."""
        if not self._holds and self._lost is None:
            self.transport.pauseProducing()  # type: ignore[attr-defined]  # a transport that reads is also a producer
        self._holds.add(why)

    def release(self, why: str) -> None:
        """Drop the reason `why` to hold it."""
        self._holds.discard(why)
        if not self._holds and self._lost is None:
            self.transport.resumeProducing()  # type: ignore[attr-defined]  # as above

    def wait_for(self, ready: Deferred[None]) -> None:
        """Look at nothing more, not even at what has come already, until `ready` fires; then call `sink_ready`.

        If it fails with a FetchError, call `sink_failed`.
        """
        self.paused = True
        self.hold(_SINK)
        ready.addCallbacks(lambda _: self._go_on(), self._failed)

    def is_waiting_at_end(self, reason: Failure) -> bool:
        """Return whether the end of the connection must wait: it was closed properly, and data is still looked at.

        `connectionLost` is called again when that is over.
        """
        waits = self.paused and self._lost is None and bool(reason.check(error.ConnectionDone))
        if waits:
            self._end = reason
        return waits

    def head_received(self, head: bytes) -> bool:
        """Take a head without its empty line; return False, and do nothing, if it must be taken line by line."""
        raise NotImplementedError

    def sink_ready(self) -> None:
        """Take note that all data that was given out has been taken."""
        raise NotImplementedError

    def sink_failed(self, why: FetchError) -> None:
        """Take note that the data that was given out was rejected."""
        raise NotImplementedError

    def _go_on(self) -> None:
        if self._lost is not None:
            return
        self.paused = False
        self.sink_ready()
        if not self.paused:
            self.release(_SINK)
            self.dataReceived(b"")
        if self._end is not None and not self.paused:
            self.connectionLost(self._end)

    def _failed(self, failure: Failure) -> None:
        failure.trap(FetchError)
        assert isinstance(failure.value, FetchError)
        self.sink_failed(failure.value)
