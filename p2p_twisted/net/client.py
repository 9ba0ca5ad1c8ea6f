"""The asking side of a connection, to a peer or to the RS: one funnel, a Deferred for each request, answers in order.

On a new connection nothing is known of the server: the first request says 1.1 but has no headers. What the answer's
version says then holds for the connection, and the next request may be pipelined (1.1) or needs a new one (1.0).
"""

from __future__ import annotations

import platform
from collections import deque
from collections.abc import Callable

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from ..wire.encode import encode_request
from ..wire.errors import BadRequest
from ..wire.limits import MAX_LINE
from ..wire.messages import GetIndex, Message, Request, Response, Version, first_contact
from ..wire.response_parser import ResponseParser
from .errors import FetchError, Garbled, Stalled, Unreachable
from .exchange import Collect, Exchange, Sink
from .throttle import Throttle
from .timeouts import Countdown
from .wakeups import Wakeups

OS_NAME = platform.system()
PATIENCE = 20
"""Seconds without progress (an answer, or PACE bytes of one) after which outstanding requests are given up, and at most
one less: see Countdown."""
PACE = 4096
"""Bytes: a server that sends one now and then, and will never be done, is not to hold us up."""
COLLECT_TIME = 120
"""Seconds in which a body that is collected must be complete, however long."""


class ClientConnection(LineReceiver):
    """Asks one server. Made by `dial`."""

    transport: ITCPTransport
    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE

    def __init__(
        self,
        clock: IReactorTime,
        host: str | None = None,
        version: Version | None = None,
        downlink: Throttle | None = None,
    ) -> None:
        """`host`: what the Host line says (None: this side's address); `version`: the server's, if it is known;
        `downlink`: limits the rate at which is read."""
        self.version = version
        self._downlink = downlink
        self._holds: set[str] = set()
        self._clock = clock
        self._host = host
        self._queue: deque[Exchange] = deque()
        self._parser = ResponseParser()
        self._left: int | None = None
        self._fresh = 0
        self._alarm = Countdown(clock, self._stalled)
        self.patience = PATIENCE
        """Seconds without progress after which what is asked from now on is given up."""
        self.is_closed_by_server = False
        self._lost: FetchError | None = None

    @property
    def outstanding(self) -> int:
        """How many requests have not been answered."""
        return len(self._queue)

    @property
    def usable(self) -> bool:
        """Whether another request may be asked."""
        return self._lost is None and self.version is not Version.V10

    def ask(self, message: Message, sink: Sink) -> Deferred[Response]:
        """Send `message`; its body goes to `sink`. The Deferred fires with the head once the body is complete.

        It fails with a SourceError: Refused (the server said why), Unreachable (the connection was lost, be it because
        this side ended it over another answer), Stalled, Garbled, or with the FetchError that `sink` raised.
        """
        exchange = Exchange(message, sink)
        if self._lost is not None:
            exchange.done.errback(self._lost)
            return exchange.done
        self._queue.append(exchange)
        known = self.version is Version.V11
        request = Request(message if known else first_contact(message), Version.V11, self._host or "", OS_NAME)
        self.transport.write(encode_request(request, length=known))
        if len(self._queue) == 1:
            self._fresh = 0
            self._alarm.start(self.patience)
        return exchange.done

    def collect(
        self, message: Message, limit: int, came: Callable[[int], object] | None = None
    ) -> Deferred[tuple[Response, bytes]]:
        """As `ask`, but fires with the head and the whole body, of at most `limit` bytes, within COLLECT_TIME.

        `came` is told how many bytes of the body have come, each time that some have.
        """
        sink = Collect(limit, came)
        late = Countdown(self._clock, lambda: self._fail(Stalled(f"not complete within {COLLECT_TIME} s")))
        late.start(COLLECT_TIME)

        def over(result: Response) -> Response:
            late.stop()
            return result

        return self.ask(message, sink).addBoth(over).addCallback(lambda response: (response, sink.body()))

    def follow(self, message: GetIndex, limit: int, changed: Callable[[Response, bytes], object]) -> Deferred[Response]:
        """Ask for answers without end, each of at most `limit` bytes; `changed` takes the head and body of each.

        Nothing else may be asked on this connection. The Deferred only ever fails: see `ask`.
        """
        sink = Collect(limit)
        self.patience = 3 * PATIENCE
        asked = self.ask(message, sink)
        if self._queue:
            self._queue[-1].each = lambda response: changed(response, sink.take())
        return asked

    def hold(self, why: str) -> None:
        """Read no more, until nobody who holds it does so any longer."""
        if not self._holds and self._lost is None:
            self.transport.pauseProducing()  # type: ignore[attr-defined]
        self._holds.add(why)

    def release(self, why: str) -> None:
        """The reason `why` to hold it is over."""
        self._holds.discard(why)
        if not self._holds and self._lost is None:
            self.transport.resumeProducing()  # type: ignore[attr-defined]

    def close(self) -> None:
        """Be done with it; what is outstanding fails with Unreachable."""
        self._fail(Unreachable("closed by this side"))

    # what comes in

    def connectionMade(self) -> None:
        """Requests are small: none may wait for the acknowledgement of the one before."""
        self.transport.setTcpNoDelay(True)
        self._wakeups = Wakeups(self.transport)
        self._host = self._host or str(self.transport.getHost().host)

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come; after the end they are no longer looked at."""
        if self._lost is not None:
            return
        self._fresh += len(data)
        if self._fresh >= PACE:
            self._progress()
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        """A line of a head."""
        if not self._queue:
            return self._fail(Garbled("it answered what it was not asked"))
        try:
            response = self._parser.line(line)
            if response is not None:
                self._begin(self._queue[0], response)
        except BadRequest as e:
            self._fail(Garbled(e.reason))
        except FetchError as e:
            self._refuse(e)

    def _begin(self, exchange: Exchange, response: Response) -> None:
        self.version = response.version
        exchange.begin(response)
        self._left = response.length
        if self._left == 0:
            self._finish()
        else:
            self.setRawMode()

    def rawDataReceived(self, data: bytes) -> None:
        """A part of a body, and perhaps the next head."""
        extra = b""
        if self._left is not None:
            data, extra = data[: self._left], data[self._left :]
            self._left -= len(data)
            self._wakeups.came(len(data), self._left, self._clock.seconds())
        if self._downlink is not None and self._downlink.passed(len(data)):
            self.hold("rate")
            self._downlink.wait(lambda: self.release("rate"))
        try:
            self._queue[0].sink.data(data)
        except FetchError as e:
            return self._refuse(e)
        if self._left == 0 and self._queue:  # else the sink has closed the connection
            self._finish()
            self.setLineMode(extra)

    def lineLengthExceeded(self, line: bytes) -> None:
        """A head has a line that is too long."""
        self._fail(Garbled("a line that is too long"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end; a 1.0 body ends here."""
        self.is_closed_by_server = self._lost is None and bool(reason.check(error.ConnectionDone))
        ends_body = self._queue and self._left is None and self._queue[0].response is not None
        if self._lost is None and ends_body and reason.check(error.ConnectionDone):
            self._finish()
        self._fail(Unreachable("the connection was lost"))

    # the end of an exchange

    def _finish(self) -> None:
        self._progress()
        exchange = self._queue[0]
        response = exchange.response
        assert response is not None
        if exchange.each is not None and response.ok:
            exchange.response = None
            exchange.each(response)
            return
        self._queue.popleft()
        if not self._queue:
            self._alarm.stop()
        exchange.end(response)

    def _refuse(self, why: FetchError) -> None:
        """A sink will not have what comes: that is no fault of what else was asked, which is only lost with it."""
        exchanges = list(self._queue)
        self._queue.clear()
        self._fail(why)
        for exchange in exchanges[:1]:
            exchange.done.errback(why)
        for exchange in exchanges[1:]:
            exchange.done.errback(Unreachable(f"closed by this side, over another answer: {why}"))

    def _fail(self, why: FetchError) -> None:
        if self._lost is None:
            self._lost = why
            self.clearLineBuffer()
            self._alarm.stop()
            if self.transport is not None:
                self.transport.abortConnection()
        while self._queue:
            self._queue.popleft().done.errback(self._lost)

    def _progress(self) -> None:
        self._alarm.left, self._fresh = self.patience, 0

    def _stalled(self) -> None:
        self._fail(Stalled(f"nothing, or next to nothing, came for {self.patience} s"))
