"""Sending a long body in parts, so that a slow reader needs no memory for a copy of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from .connection_state import STALL_TIMEOUT, Event

PART = 64 * 1024
"""Bytes written to the transport at a time."""
MIN_RATE = 32 * 1024
"""Bytes/s at which a long answer must be read, STALL_TIMEOUT seconds not counted."""


class Answering(Protocol):
    """The part of `server.RequestConnection` that is told how an answer gets on."""

    @property
    def factory(self) -> Any:
        """Its `clock` is the connection's; it counts in `limit_hits`."""

    def handle(self, event: Event) -> None:
        """Take note of an event."""


def paced(connection: Answering, size: int) -> Callable[[], None]:
    """Return what to call before each part of an answer of `size` bytes: it ends a connection that is too slow."""
    clock = connection.factory.clock
    until = clock.seconds() + STALL_TIMEOUT + size / MIN_RATE

    def progress() -> None:
        if clock.seconds() < until:
            connection.handle(Event.PROGRESS)
        else:
            connection.factory.limit_hits["readers"] += 1
            connection.handle(Event.TIMEOUT)

    return progress


@implementer(IPullProducer)
class BodySender:
    """Writes the bytes of `body`, one after the other and without copying them, as fast as the other side reads.

    Nothing else may be written meanwhile. With an empty body it waits until everything written before is sent.
    """

    def __init__(self, transport: Any, body: Iterable[bytes], progress: Callable[[], None]) -> None:
        """`progress` is called before each part."""
        self._transport = transport
        self._parts = (whole[at : at + PART] for whole in body for at in range(0, len(whole), PART))
        self._progress = progress
        self._begun = False
        self._done: Deferred[None] = Deferred()

    def start(self) -> Deferred[None]:
        """Start to send. Fires when everything is sent, or the connection is lost."""
        self._transport.registerProducer(self, False)
        self._begun = True
        return self._done

    def resumeProducing(self) -> None:
        """Write the next part: the transport has sent the one before, or (called by registerProducer) begins."""
        part = next(self._parts, None)
        if part is not None:
            self._progress()
            self._transport.write(part)
        elif self._begun:
            self._transport.unregisterProducer()
            self._done.callback(None)

    def stopProducing(self) -> None:
        """End: the connection is lost."""
        self._done.callback(None)
