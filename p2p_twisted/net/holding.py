"""Reading that can be held: a connection is not read while whatever takes its data is not ready for more."""

from __future__ import annotations

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITCPTransport
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from .errors import FetchError

_SINK = "sink"


class HeldReceiver(LineReceiver):
    """A receiver of lines and bodies that is held for any number of reasons, or until a Deferred fires."""

    transport: ITCPTransport
    _lost: FetchError | None = None
    """The error that ended the connection; None while it is open."""

    def __init__(self) -> None:
        self._holds: set[str] = set()
        self._end: Failure | None = None

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
