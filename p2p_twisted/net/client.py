"""A client's connection to a peer or the RS: one funnel for requests, a Deferred for each, responses in order.

On a new connection nothing is known of the server: the first request says 1.1 but has no headers. The version of the
response then holds for the connection, and the next request may be pipelined (1.1) or needs a new connection (1.0).
"""

from __future__ import annotations

from collections import deque

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from ..wire.errors import BadRequest
from ..wire.limits import MAX_LINE
from ..wire.messages import GetIndex, Message, Response, Version
from ..wire.response_parser import ResponseParser
from .errors import LOST, FetchError, Garbled, Stalled, Unreachable
from .holding import HeldReceiver
from .receiving import Collect, Countdown, OnResponse, OutstandingRequest, Sink, Wakeups
from .throttle import Throttle
from .trace import trace_responses
from .writing import RequestWriter

STALL_TIMEOUT = 20
"""Seconds, or up to one less, without progress (a response, or MIN_PROGRESS bytes) until requests are given up."""
MIN_PROGRESS = 4096
"""Bytes that count as progress: a byte now and then does not."""
COLLECT_TIMEOUT = 120
"""Seconds in which a body that is collected must be complete, however long it is."""


class ClientConnection(HeldReceiver):
    """A connection to one server, made by `connect.dial`; `downlink` limits the rate at which responses are read."""

    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE
    stall_timeout = STALL_TIMEOUT
    """Seconds without progress after which requests made from now on are given up."""
    is_closed_by_server = False
    unanswered = f"{LOST} before any answer; if the other end speaks TLS, use --tls DIR"
    """What is said of a server that closes the connection, and has never sent an answer."""

    def __init__(
        self,
        clock: IReactorTime,
        host: str | None = None,
        version: Version | None = None,
        downlink: Throttle | None = None,
    ) -> None:
        """Send `host` in the Host line (None: this side's address); `version` is the server's, if it is known."""
        super().__init__()
        self.version = version
        self._host = host
        self._clock = clock
        self._downlink = downlink
        self._outstanding: deque[OutstandingRequest] = deque()
        self._parser = ResponseParser()
        self._since_progress = 0
        self._stall = Countdown(clock, self._stalled)

    @property
    def outstanding(self) -> int:
        """Number of outstanding requests."""
        return len(self._outstanding)

    @property
    def usable(self) -> bool:
        """Whether another request may be made."""
        return self._lost is None and self.version is not Version.V10

    def request(self, message: Message, sink: Sink) -> Deferred[Response]:
        """Send `message`; the body of the response goes to `sink`. Fires with the head once the body is complete.

        Fails with a SourceError: Refused (with the server's reason), Unreachable (the connection was lost, also because
        this side ended it over another response), Stalled, Garbled, or with the FetchError that `sink` raised.
        """
        return self._send(OutstandingRequest(message, sink))

    def request_in_time(self, message: Message, sink: Sink) -> Deferred[Response]:
        """As `request`, but the body must be complete within COLLECT_TIMEOUT."""
        late = Countdown(self._clock, lambda: self._fail(Stalled(f"not complete within {COLLECT_TIMEOUT} s")))
        late.start(COLLECT_TIMEOUT)
        return self.request(message, sink).addBoth(late.stopped)

    def collect(self, message: Message, limit: int) -> Deferred[tuple[Response, bytes]]:
        """As `request_in_time`, but fire with the head and the whole body, of at most `limit` bytes."""
        sink = Collect(limit)
        return self.request_in_time(message, sink).addCallback(lambda response: (response, sink.take()))

    def follow(self, message: GetIndex, sink: Sink, on_response: OnResponse) -> Deferred[Response]:
        """Ask for responses without end; `on_response` takes the head of each once `sink` has all of its body.

        If that returns a Deferred, the next one is looked at when it fires; it may fail with a FetchError. No other
        request may be made on this connection. The Deferred returned here only ever fails: see `request`.
        """
        self.stall_timeout = 3 * STALL_TIMEOUT
        return self._send(OutstandingRequest(message, sink, on_response=on_response))

    def _send(self, request: OutstandingRequest) -> Deferred[Response]:
        if self._lost is not None:
            request.done.errback(self._lost)
            return request.done
        self._outstanding.append(request)
        self._requests.write(request.message, known=self.version is Version.V11)
        if len(self._outstanding) == 1:
            self._since_progress = 0
            self._stall.start(self.stall_timeout)
        return request.done

    def close(self) -> None:
        """Close the connection; outstanding requests fail with Unreachable."""
        self._fail(Unreachable("closed by this side"))

    # what is received

    def connectionMade(self) -> None:
        """Send small requests at once, rather than after the acknowledgement of the one before."""
        self.transport.setTcpNoDelay(True)
        trace_responses(self)
        self._wakeups = Wakeups(self.transport)
        self._requests = RequestWriter(self.transport, self._host or str(self.transport.getHost().host))

    def dataReceived(self, data: bytes) -> None:
        """Read bytes of responses, and send the requests that they lead to; drop them after the end."""
        if self._lost is None:
            self._since_progress += len(data)
            if self._since_progress >= MIN_PROGRESS:
                self._progress()
            self._requests.hold()
            try:
                super().dataReceived(data)
            except FetchError as e:
                self._reject(e)
            self._requests.flush()

    def lineReceived(self, line: bytes) -> None:
        """Take a line of a head."""
        if not self._outstanding:
            return self._fail(Garbled("it sent an answer without a request"))
        try:
            response = self._parser.line(line)
        except BadRequest as e:
            return self._fail(Garbled(e.reason))
        if response is not None:
            self._begin(response)

    def head_received(self, head: bytes) -> bool:
        """Take a head that has come whole, if it is one of the usual form."""
        if not self._outstanding or (response := self._parser.whole(head)) is None:
            return False
        self._begin(response)
        return True

    def lineLengthExceeded(self, line: bytes) -> None:
        """Give up on a head with a line that is too long."""
        self._fail(Garbled("a line that is too long"))

    def _begin(self, response: Response) -> None:
        self.version = response.version
        self._left = response.length
        self._outstanding[0].begin(response)
        if self._left == 0:
            self._finish()
        else:
            self.setRawMode()

    def rawDataReceived(self, data: bytes) -> None:
        """Take a part of a body, and perhaps the next head."""
        extra = b""
        if self._left is not None:
            data, extra = data[: self._left], data[self._left :]
            self._left -= len(data)
            self._wakeups.received(len(data), self._left, self._clock.seconds())
        if self._downlink is not None and self._downlink.limited and self._downlink.passed(len(data)):
            self.hold("rate")
            self._downlink.wait(lambda: self.release("rate"))
        ready = self._outstanding[0].sink.data(data)
        if ready is not None:
            self._buffer = extra  # after the body, to be looked at once the sink is ready
            self.wait_for(ready)
        elif self._left == 0 and self._outstanding:  # else the sink has closed the connection
            self._finish()
            self.setLineMode(extra)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End the body of a 1.0 response, if the server closed properly, and fail all other requests."""
        if self.is_waiting_at_end(reason):
            return
        self.is_closed_by_server = closed = self._lost is None and bool(reason.check(error.ConnectionDone))
        if closed and self._outstanding and self._left is None and self._outstanding[0].response is not None:
            self._finish()
        self._fail(Unreachable(self.unanswered if closed and self.version is None else LOST))

    # the end of a request

    def sink_ready(self) -> None:
        """End the body, if all of it has come, now that the sink has taken all that has."""
        if self._left == 0 and not self.line_mode:
            self.setLineMode()
            self._finish()

    def sink_failed(self, why: FetchError) -> None:
        """End the connection: the sink will not have the rest."""
        if self._lost is None:
            self._reject(why)

    def _finish(self) -> None:
        self._progress()
        request = self._outstanding[0]
        response = request.response
        assert response is not None
        if request.on_response is not None and response.ok:
            request.response = None
            if (ready := request.on_response(response)) is not None:
                self.wait_for(ready)
            return
        self._outstanding.popleft()
        if not self._outstanding:
            self._stall.rest()
        request.end(response)

    def _reject(self, why: FetchError) -> None:
        """End the connection because the sink rejected the response; the other requests fail with Unreachable."""
        requests, self._outstanding = self._outstanding, deque()
        self._fail(why)
        other = Unreachable(f"closed by this side because of another answer: {why}")
        for request in requests:
            request.done.errback(why if request is requests[0] else other)

    def _fail(self, why: FetchError) -> None:
        if self._lost is None:
            self._lost = why
            self.clearLineBuffer()
            self._stall.stop()
            if self.transport is not None:
                self.transport.abortConnection()
        while self._outstanding:
            self._outstanding.popleft().done.errback(self._lost)

    def _progress(self) -> None:
        self._stall.left, self._since_progress = self.stall_timeout, 0

    def _stalled(self) -> None:
        if self.paused:  # this side is not ready for more
            return self._stall.start(self.stall_timeout)
        self._fail(Stalled(f"it sent nothing, or next to nothing, for {self.stall_timeout} s"))
