"""A server's connection, for RS and peer alike: it reads requests and answers them in order, within limits."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ..wire.encode import encode_response, granting_head
from ..wire.errors import BadRequest, WireError
from ..wire.limits import MAX_LINE
from ..wire.messages import Request, Response, Version
from ..wire.parser import RequestParser
from ..wire.visible import shown
from . import OS_NAME
from .caller import Caller
from .connection_state import Event
from .producers import PART, BodySender, paced
from .stateful import StatefulConnection
from .writing import write

MAX_WAITING = 64
"""Requests read ahead while one is being answered."""
MAX_UNREAD = 64 * 1024
"""Bytes of short answers after which the client must have read them before it gets more."""
FastAnswer = tuple[int, bytes | Request, Version]
"""Where a request ends in the data (exclusive), its answer (head and body), and its version.

In place of the answer, the request itself, which is to be answered like one that the parser has read.
"""


class Later(Enum):
    """That an answer follows: a Deferred would take longer than all else about a short answer."""

    LATER = "the connection's `finish` will be called"


LATER = Later.LATER


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class RequestConnection(StatefulConnection):
    """One connection of a server."""

    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE
    lingers = False
    """Whether a 1.0 client may still be sending after its request (see LAST_LINGERING)."""

    def __init__(self) -> None:
        super().__init__()
        self._parser = RequestParser()
        self._version = Version.V10  # of the request that is being answered, or was the last to be
        self._unread = 0  # bytes of short answers since the client is known to have read everything

    # for subclasses

    def answer(self, request: Request, caller: Caller) -> Deferred[Any] | Later | None:
        """Answer `request` by `reply`, now or before the Deferred fires. It is refused with the WireError of either.

        With LATER, it is answered by `finish`.
        """
        raise NotImplementedError

    def fast_path(self, data: bytes, at: int) -> FastAnswer | None:
        """Answer the request at `data[at]` without the parser; None if that is needed. All before it are answered."""
        return None

    def received(self, request: Request, waiting: Iterable[Request]) -> None:
        """Take note of a request that will be answered after those that are `waiting`."""

    def reply(self, body: bytes = b"", status: int = 200, length: int | None = None, **headers: Any) -> None:
        """Send the head of an answer and `body`; `length` is that of the whole body when more of it follows.

        Does nothing once the connection is being closed.
        """
        whole = len(body) if length is None else length
        self.write(
            encode_response(Response(status, self._version, self.here, OS_NAME, whole, **headers)) + body,
            whole > len(body),
        )

    def write(self, data: bytes, more: bool = False) -> None:
        """Write (a part of) an answer, head and body; with `more`, what follows goes into the same packet."""
        if self._state.answers:
            self._unread = write(self.transport, data, self._unread, more)

    def grant(self, body: bytes, more: bool = False) -> Deferred[None] | None:
        """Send an answer that has no other headers than these; return what `answer` is to return."""
        if len(body) > PART:
            return self.send(body, more=more)
        self.write(granting_head(self._version, self.here, OS_NAME, len(body), more) + body)
        return None

    def finish(self, answer: bytes | Failure) -> None:
        """Send the body, a short one, of an answer that was to come LATER; or refuse the request."""
        if isinstance(answer, Failure):
            self._refuse(answer)
        else:
            self.grant(answer)
        if not self._is_held_up():
            self._answered(None)

    def send(self, *parts: bytes, **headers: Any) -> Deferred[None] | None:
        """Send an answer of any length, as fast as it is read; return what `answer` is to return."""
        if (size := sum(map(len, parts))) <= PART:
            self.reply(b"".join(parts), **headers)
            return None
        self.reply(length=size, **headers)
        return BodySender(self.transport, parts, paced(self, size)).start()

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

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note that the connection is gone."""
        if self.factory.tls and self.caller.name is None:
            self.log_refusal(reason)
        self.handle(Event.LOST)
        self.factory.places.remove(self)

    def _take_fast(self, data: bytes) -> int:
        """Answer the requests at the beginning of `data` that the fast path takes; return the bytes that were taken."""
        at, answers, request = 0, [], None
        while request is None and (fast := self.fast_path(data, at)) is not None:
            at, answer, version = fast
            if isinstance(answer, Request):
                request = answer
            else:
                answers.append(answer)
                self._version = version
            if at == len(data) or version is Version.V10:
                break
        if answers:
            self.transport.write(written := b"".join(answers))
            self._unread += len(written)
            self.factory.fast_answers += len(answers)
            if self._version is Version.V10:
                self.handle(Event.LAST_REQUEST)
            self.handle(Event.ANSWERED)
        if request is not None:
            self.received(request, ())
            self._take(request, Event.REQUEST if request.version is Version.V11 else Event.LAST_REQUEST)
        return at

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
            if not self._start_answer(self._waiting.popleft()):
                return
            if self._waiting:
                self.handle(Event.PROGRESS)
        self.handle(Event.ANSWERED)

    def _start_answer(self, request: Request | BadRequest) -> bool:
        """Answer `request`; return whether that is done. If not, `_answered` will be called."""
        pending: Deferred[Any] | Later | None = None
        try:
            if isinstance(request, BadRequest):
                raise request
            self._version = request.version
            pending = self.answer(request, self.caller)
        except Exception:
            self._refuse(Failure())
        if isinstance(pending, Deferred) and (not pending.addErrback(self._refuse).called or pending.paused):
            pending.addCallback(self._answered)
            return False
        return pending is not LATER and not self._is_held_up()

    def _is_held_up(self) -> bool:
        """Return whether the client must read what it was sent first; `_answered` will be called."""
        if not self._state.answers or self._unread <= MAX_UNREAD:
            return False
        self._unread = 0
        BodySender(self.transport, (), self.touch).start().addCallback(self._answered)
        return True

    def _answered(self, result: object) -> None:
        if getattr(self.transport, "disconnected", False):  # connectionLost follows: no client is left
            self.handle(Event.LOST)
        if self._waiting:
            self.handle(Event.PROGRESS)
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
