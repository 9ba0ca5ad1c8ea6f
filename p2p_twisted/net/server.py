"""A server's connection, for RS and peer alike: it reads requests and answers them in order, within limits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ..wire.encode import encode_response
from ..wire.errors import BadRequest, WireError
from ..wire.limits import MAX_LINE
from ..wire.messages import Request, Response, Version
from ..wire.parser import RequestParser
from ..wire.visible import shown
from . import OS_NAME
from .caller import Caller
from .closing import half_close
from .connection_state import CONNECTED, Action, Event, step
from .places import PlacedConnection
from .producers import PART, BodySender, paced
from .secured import SecuredConnection
from .writing import write

MAX_WAITING = 64
"""Requests read ahead while one is being answered."""
MAX_UNREAD = 64 * 1024
"""Bytes of short answers after which the client must have read them before it gets more."""
FastAnswer = tuple[int, bytes, Version]
"""Where the request ends in the data (exclusive), its answer (head and body), and the version it was sent in."""


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class RequestConnection(PlacedConnection, SecuredConnection):
    """One connection of a server."""

    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE
    lingers = False
    """Whether a 1.0 client may still be sending after its request (see LAST_LINGERING)."""

    def __init__(self) -> None:
        self._state = CONNECTED
        self._parser = RequestParser()
        self._waiting: deque[Request | BadRequest] = deque()  # a BadRequest is the last: it was no request
        self._version = Version.V10  # of the request that is being answered, or was the last to be
        self._unread = 0  # bytes of short answers since the client is known to have read everything

    # for subclasses

    def answer(self, request: Request, caller: Caller) -> Deferred[Any] | None:
        """Answer `request` by `reply`, now or before the Deferred fires. It is refused with the WireError of either."""
        raise NotImplementedError

    def fast_path(self, data: bytes, at: int) -> FastAnswer | None:
        """Answer the request at `data[at]` without the parser; None if that is needed. All before it are answered."""
        return None

    def take_whole(self, data: bytes, at: int) -> int:
        """Take the request at `data[at]` without the parser; return where it ends, or `at` if the parser is needed."""
        return at

    def received(self, request: Request, waiting: Iterable[Request]) -> None:
        """Take note of a request that will be answered after those that are `waiting`."""

    def reply(self, body: bytes = b"", status: int = 200, length: int | None = None, **headers: Any) -> None:
        """Send the head of an answer and `body`; `length` is that of the whole body when more of it follows.

        Does nothing once the connection is being closed.
        """
        if not self._state.answers:
            return
        whole = len(body) if length is None else length
        data = encode_response(Response(status, self._version, self.here, OS_NAME, whole, **headers)) + body
        self._unread = write(self.transport, data, self._unread, whole > len(body))

    def send(self, *parts: bytes, **headers: Any) -> Deferred[None] | None:
        """Send an answer of any length, as fast as it is read; return what `answer` is to return."""
        if (size := sum(map(len, parts))) <= PART:
            self.reply(b"".join(parts), **headers)
            return None
        self.reply(length=size, **headers)
        return BodySender(self.transport, parts, paced(self, size)).start()

    def touch(self) -> None:
        """Restart the timeout: the answer being sent makes progress."""
        self.handle(Event.PROGRESS)

    def connectionMade(self) -> None:
        """Start to read, if the factory admits the connection."""
        super().connectionMade()
        self.expires = self._handshake_expires or self.factory.clock.seconds() + self._state.timeout
        if not self.factory.admit(self):
            self.handle(Event.STOP)

    def handshakeCompleted(self) -> None:
        """Wait for the first request: the client is a member of the swarm."""
        super().handshakeCompleted()
        self.expires = self.factory.clock.seconds() + self._state.timeout

    def dataReceived(self, data: bytes) -> None:
        """Read bytes of requests; after the last request they are dropped."""
        if data and self._state.fast and not self._buffer and self._parser.idle and self._unread <= MAX_UNREAD:
            data = data[self._take_fast(data) :]
            if not data:
                return
        if self._state.reads:
            if data:  # none when reading is resumed
                self.handle(Event.DATA)
            super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        """Take a line of a request."""
        try:
            request = self._parser.line(line)
        except BadRequest as e:
            self._take(e, Event.LINGER)
            return
        if request is not None:
            last = Event.LINGER if self.lingers else Event.LAST_REQUEST
            self.received(request, (other for other in self._waiting if isinstance(other, Request)))
            self._take(request, Event.REQUEST if request.version is Version.V11 else last)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a line that is longer than any may be."""
        self._take(BadRequest(f"a line is longer than {MAX_LINE} bytes"), Event.LINGER)

    def readConnectionLost(self) -> None:
        """Note that the client has closed its side; it may still read the answers to its requests."""
        self.handle(Event.EOF)

    def writeConnectionLost(self) -> None:
        """Note that everything is sent, and this side closed."""
        self.handle(Event.FLUSHED)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note that the connection is gone."""
        if self.factory.tls and self.caller.name is None:
            self.log_refusal(reason)
        self.handle(Event.LOST)
        self.factory.places.remove(self)

    def end(self) -> None:
        """Abort the connection: the server stops."""
        self.handle(Event.STOP)

    def _take_fast(self, data: bytes) -> int:
        """Answer the requests at the beginning of `data` that the fast path takes; return the bytes that were taken."""
        at, answers = 0, []
        while (fast := self.fast_path(data, at)) is not None:
            at, answer, self._version = fast
            answers.append(answer)
            if at == len(data) or self._version is Version.V10:
                break
        if answers:
            self.transport.write(written := b"".join(answers))
            self._unread += len(written)
            self.factory.fast_answers += len(answers)
            if self._version is Version.V10:
                self.handle(Event.LAST_REQUEST)
            self.handle(Event.ANSWERED)
        return self.take_whole(data, at) if self._state.fast and at < len(data) else at

    def _take(self, request: Request | BadRequest, event: Event) -> None:
        answering = self._state.answers
        self._waiting.append(request)
        self.handle(event)
        if not answering:
            self._answer_waiting()
        elif event is Event.REQUEST and len(self._waiting) >= MAX_WAITING:
            self.handle(Event.QUEUE_FULL)

    def _answer_waiting(self) -> None:
        """Answer the requests that wait until one takes time, or none is left."""
        while self._waiting:
            self.handle(Event.PROGRESS)
            if (pending := self._start_answer(self._waiting.popleft())) is not None:
                pending.addCallback(self._answered)
                return
        self.handle(Event.ANSWERED)

    def _start_answer(self, request: Request | BadRequest) -> Deferred[Any] | None:
        """Answer `request`; return None if that is done, else a Deferred that fires when it is."""
        pending = None
        try:
            if isinstance(request, BadRequest):
                raise request
            self._version = request.version
            pending = self.answer(request, self.caller)
        except Exception:
            self._refuse(Failure())
        if pending is not None and (not pending.addErrback(self._refuse).called or pending.paused):
            return pending
        if self._state.answers and self._unread > MAX_UNREAD:
            self._unread = 0
            return BodySender(self.transport, (), self.touch).start()
        return None

    def _answered(self, result: object) -> None:
        if getattr(self.transport, "disconnected", False):  # connectionLost follows: no client is left
            self.handle(Event.LOST)
        self._answer_waiting()

    def _refuse(self, failure: Failure) -> None:
        """Refuse the request if `failure` is a WireError; any other is an error of this program."""
        error = failure.value
        if not isinstance(error, WireError):
            self.log.failure("while answering", failure)
            self.handle(Event.FAILED)
            return
        self.factory.note_refusal(self.caller, error)
        end = "\r\n" if self._version is Version.HANDOUT else "\n"
        self.reply(f"{shown(error.reason)}{end}".encode(), error.status, retry_after=error.retry_after)
        if isinstance(error, BadRequest):
            self._waiting.clear()
            self.handle(Event.LINGER)

    def handle(self, event: Event) -> None:
        """Pass to the state after `event`, and do what is due there."""
        old = self._state
        new, restarts_timeout = step(old, event)
        if new is None:
            return
        self._state = new
        if restarts_timeout:
            self.expires = self.factory.clock.seconds() + new.timeout
        if new is old:
            return
        if old.reads and not new.reads:
            self.clearLineBuffer()
        if old.answers and not new.answers:
            self._waiting.clear()
        if new.paused:
            self.pauseProducing()
        elif old.paused:
            self.resumeProducing()
        if new.action is None:
            return
        if new.action is Action.CLOSE:
            self.transport.loseConnection()
        elif new.action is Action.ABORT:
            self.transport.abortConnection()
        elif new.action is Action.HALF_CLOSE:
            half_close(self.transport, self.writeConnectionLost)
