"""A server's connection as far as its state goes: what happens to it, and how it is closed."""

from __future__ import annotations

from collections import deque

from ..wire.errors import BadRequest
from ..wire.messages import Request
from .closing import close_now, half_close
from .connection_state import CONNECTED, Action, Event, step
from .places import PlacedConnection
from .secured import SecuredConnection


class StatefulConnection(PlacedConnection, SecuredConnection):
    """A connection whose state follows the table in `connection_state`."""

    def __init__(self) -> None:
        self._state = CONNECTED
        self._waiting: deque[Request | BadRequest] = deque()
        """Requests that are not begun to be answered; a BadRequest is the last: it was no request."""

    def readConnectionLost(self) -> None:
        """Note that the client has closed its side; it may still read the answers to its requests."""
        if not (self._state.fast and close_now(self.transport)):
            self.handle(Event.EOF)

    def writeConnectionLost(self) -> None:
        """Note that everything is sent, and this side closed."""
        self.handle(Event.FLUSHED)

    def touch(self) -> None:
        """Restart the timeout: the answer being sent makes progress."""
        self.handle(Event.PROGRESS)

    def end(self) -> None:
        """Abort the connection: the server stops."""
        self.handle(Event.STOP)

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
