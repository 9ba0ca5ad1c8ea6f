"""What RS and peer have in common as servers: connections that read requests and answer them in order, within bounds.

A subclass of `RequestConnection` says what a request gets (`answer`). Everything a stranger can do to a connection is
bounded here: the size of a request, the requests waiting, the time for each, the connections for each address.
"""

from __future__ import annotations

import platform
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from ..config.descriptors import most_connections
from ..wire.encode import encode_response
from ..wire.errors import BadRequest, WireError
from ..wire.limits import MAX_LINE
from ..wire.messages import Request, Response, Version
from ..wire.parser import RequestParser
from .caller import Caller
from .producers import PART, BodySender

OS_NAME = platform.system()
MAX_WAITING = 64
"""Requests read ahead while one is being answered."""
AHEAD = 64 * 1024
"""Bytes of short answers after which the client must have read them before it gets more."""
REQUEST_TIME = 30
"""Seconds in which a request must be complete, from its first byte (or from the connection's start) on."""
IDLE_TIME = 120
"""Seconds that a 1.1 connection may stay open with nothing asked."""
STALL_TIME = 60
"""Seconds without progress after which an answer is given up."""
GRACE_TIME = 10
"""Seconds that the other side has to read the last answer, and then to close."""


class FastAnswer(NamedTuple):
    """The answer of a fast path."""

    end: int
    """Where the request ends in the data, exclusive."""
    answer: bytes
    """Head and body."""
    version: Version
    """The version that the request was sent in."""


@implementer(IHalfCloseableProtocol)
class RequestConnection(LineReceiver):
    """One connection of a server."""

    log = Logger()
    transport: ITCPTransport
    factory: RequestFactory
    caller: Caller
    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE
    expires = 0.0
    """When (the factory's clock) this connection is ended, unless something happens before."""
    lingers = False
    """Whether the client may still be sending after its last request. To close then would reset the connection, and
    what the client has not read yet would be lost: only this side is closed, and what comes is dropped until the other
    is closed too."""

    def __init__(self) -> None:
        self._parser = RequestParser()
        self._waiting: deque[Request] = deque()
        self._busy = False
        self._reading = True
        self._begun = False
        self._version = Version.V10
        self._last_words: WireError | None = None
        self.here = ""
        """The address at which the client reached this server."""
        self._ahead_of_client = 0
        self._heard_all = False
        self._said_all = False

    # for subclasses

    def answer(self, request: Request, caller: Caller) -> Deferred[Any] | None:
        """Answer `request` of `caller` by `reply`, at once or before the returned Deferred fires.

        May raise a WireError, and the Deferred may fail with one: the request is refused with it.
        """
        raise NotImplementedError

    def fast_path(self, data: bytes, at: int) -> FastAnswer | None:
        """Answer the request that begins at `data[at]` without parsing it line by line; None if it needs the parser.

        Called only where every earlier request has been answered and `at` is the beginning of a request.
        """
        return None

    def received(self, request: Request, waiting: Iterable[Request]) -> None:
        """A request has come, and will be answered after those that are `waiting`."""

    def reply(self, body: bytes = b"", status: int = 200, length: int | None = None, **headers: Any) -> None:
        """Send the head of an answer and `body`; `length` is that of the whole body when more of it follows."""
        response = Response(
            status,
            self._version,
            self.here,
            OS_NAME,
            length=len(body) if length is None else length,
            **headers,
        )
        data = encode_response(response) + body
        self._ahead_of_client += len(data)
        self.transport.write(data)

    def send(self, body: bytes, **headers: Any) -> Deferred[None] | None:
        """Send an answer of any length, as fast as it is read: what `answer` is to return."""
        if len(body) <= PART:
            self.reply(body, **headers)
            return None
        self.reply(length=len(body), **headers)
        return BodySender(self.transport, body, self.touch).start()

    def touch(self) -> None:
        """The answer being sent makes progress."""
        self.expires = self.factory.clock.seconds() + STALL_TIME

    # reading

    def connectionMade(self) -> None:
        """A client is there."""
        self.transport.setTcpNoDelay(True)
        self.here = self.transport.getHost().host
        peer = self.transport.getPeer()
        self.caller = Caller((peer.host, peer.port))
        self.expires = self.factory.clock.seconds() + REQUEST_TIME
        if not self.factory.admit(self):
            self._reading = False
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Bytes of requests; what comes after the last one that is answered is dropped."""
        if self._reading and not (self._busy or self._buffer or self._ahead_of_client > AHEAD) and self._parser.idle:
            data = data[self._take_fast(data) :]
            if not data:
                return
        if self._reading:
            if data and not self._begun and not self._busy:
                self._begun = True
                self.expires = self.factory.clock.seconds() + REQUEST_TIME
            super().dataReceived(data)

    def _take_fast(self, data: bytes) -> int:
        """Answer the requests at the beginning of `data` that the fast path takes; returns the bytes they were."""
        at, answers, fast = 0, [], self.fast_path(data, 0)
        while fast is not None:
            at, answer, self._version = fast
            answers.append(answer)
            fast = self.fast_path(data, at) if self._version is Version.V11 and at < len(data) else None
        if answers:
            self._answered_fast(b"".join(answers))
        return at

    def _answered_fast(self, answers: bytes) -> None:
        self._ahead_of_client += len(answers)
        self.transport.write(answers)
        if self._version is Version.V10:
            self._close()
        else:
            self.expires = self.factory.clock.seconds() + IDLE_TIME

    def lineReceived(self, line: bytes) -> None:
        """A line of a request."""
        if not self._reading:
            return
        try:
            request = self._parser.line(line)
        except BadRequest as e:
            self._end_with(e)
            return
        if request is not None:
            self._take(request)

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line is longer than any may be."""
        if self._reading:
            self._end_with(BadRequest(f"a line is longer than {MAX_LINE} bytes"))

    def _take(self, request: Request) -> None:
        self.received(request, self._waiting)
        self._waiting.append(request)
        self._begun = False
        if request.version is Version.V10:
            self._stop_reading()  # one request a connection; what existing clients send after it is ignored
        elif len(self._waiting) >= MAX_WAITING:
            self.pauseProducing()
        if not self._busy:
            self._next()

    # answering

    def _next(self) -> None:
        while self._waiting:
            request = self._waiting.popleft()
            self._busy, self._version = True, request.version
            self.touch()
            try:
                pending = self.answer(request, self.caller)
            except Exception:
                self._failed(Failure())
                pending = None
            if pending is not None and _finished(pending.addErrback(self._failed)):
                pending = None
            if pending is None and self._ahead_of_client > AHEAD:
                self._ahead_of_client = 0
                pending = BodySender(self.transport, b"", self.touch).start()
            if pending is not None:
                pending.addErrback(self._failed).addCallback(lambda _: self._answered())
                return
            self._busy = False
        self._rest()

    def _answered(self) -> None:
        self._busy = False
        if getattr(self.transport, "disconnected", False):  # there is nobody to answer, and nothing left to close
            self._forget_all()
        else:
            self._next()

    def _rest(self) -> None:
        """All that was asked has been answered."""
        if not self._reading:
            if self._last_words is not None:
                self._refuse(self._last_words)
            self._close()
        else:
            self.expires = self.factory.clock.seconds() + IDLE_TIME
            if self.paused:
                self.resumeProducing()

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, WireError):
            self._refuse(error)
        else:
            self.log.failure("while answering", failure)
            self._forget_all()
            self.transport.abortConnection()

    def _refuse(self, error: WireError) -> None:
        self.reply(f"{error.reason}\n".encode(), error.status, retry_after=error.retry_after)
        if isinstance(error, BadRequest):
            self.lingers = True
            self._forget_all()

    def _end_with(self, error: WireError) -> None:
        """Answer what was asked before, then refuse and close."""
        self._stop_reading()
        self._last_words = error
        if not self._busy:
            self._next()

    # the end

    def _stop_reading(self) -> None:
        self._reading = False
        self.clearLineBuffer()

    def _forget_all(self) -> None:
        self._stop_reading()
        self._waiting.clear()

    def _close(self) -> None:
        self._reading = False
        self.expires = self.factory.clock.seconds() + GRACE_TIME
        if self.lingers and not self._heard_all:
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def readConnectionLost(self) -> None:
        """The client has closed its side, and may still read what it asked for."""
        self._reading = False
        self._heard_all = True
        if not self._busy:
            self._close()

    def writeConnectionLost(self) -> None:
        """All has been sent, and this side is closed."""
        self._said_all = True
        self.expires = self.factory.clock.seconds() + GRACE_TIME

    def end(self) -> None:
        """The server stops."""
        self.transport.abortConnection()

    def expire(self) -> None:
        """Its time is over. What the kernel has taken it goes on to send, unless the connection is aborted."""
        if self._said_all:
            self.transport.loseConnection()
        else:
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        self._forget_all()
        self.factory.dismiss(self)


def _finished(pending: Deferred[Any]) -> bool:
    """Return whether `pending` has a result already; it may have been called with a Deferred that has none yet."""
    return pending.called and not pending.paused


class RequestFactory(Factory):
    """Makes the connections of a server, counts them, and ends those that have had their time."""

    noisy = False

    def __init__(self, clock: IReactorTime, most: int, most_of_one: int) -> None:
        """At most `most` connections, and `most_of_one` from one address; more are dropped at once.

        Where this process may not have enough descriptors for `most`, one address has at most half of what it may.
        """
        self.clock = clock
        self.connections: set[RequestConnection] = set()
        self._most = most
        self._most_of_one = most_of_one
        self._hosts: Counter[str] = Counter()
        self._sweep = LoopingCall(self._abort_expired)
        self._sweep.clock = clock

    def doStart(self) -> None:
        """Begin to look after the connections."""
        super().doStart()
        self._sweep.start(1, now=False)

    def doStop(self) -> None:
        """No port is left: end all connections."""
        super().doStop()
        self._sweep.stop()
        for connection in list(self.connections):
            connection.end()

    def admit(self, connection: RequestConnection) -> bool:
        """Count a new connection in; False if there are too many."""
        host = connection.caller.address[0]
        most = most_connections(self._most)
        most_of_one = self._most_of_one if most == self._most else min(self._most_of_one, most // 2)
        if len(self.connections) >= most or self._hosts[host] >= most_of_one:
            return False
        self.connections.add(connection)
        self._hosts[host] += 1
        return True

    def dismiss(self, connection: RequestConnection) -> None:
        """Count a connection out."""
        if connection in self.connections:
            self.connections.remove(connection)
            host = connection.caller.address[0]
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    def _abort_expired(self) -> None:
        now = self.clock.seconds()
        for connection in [c for c in self.connections if c.expires <= now]:
            connection.expire()
