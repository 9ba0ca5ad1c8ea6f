"""A long answer onto a connection, a part at a time, so that a slow reader costs no memory of its own."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPullProducer
from zope.interface import implementer

PART = 64 * 1024
"""Bytes handed to the connection at a time."""


@implementer(IPullProducer)
class BodySender:
    """Hands `body`, which it only refers to, to the connection as fast as that is read; nothing else may be written."""

    def __init__(self, transport: IConsumer, body: bytes, progress: Callable[[], None]) -> None:
        """`progress` is called before each part."""
        self._transport = transport
        self._body = body
        self._at = 0
        self._progress = progress
        self._done: Deferred[None] = Deferred()

    def start(self) -> Deferred[None]:
        """Send. Fires when the connection has taken all, or is lost."""
        self._transport.registerProducer(self, False)
        return self._done

    def resumeProducing(self) -> None:
        """The connection has nothing left to send."""
        if self._at >= len(self._body):
            self._transport.unregisterProducer()
            self._done.callback(None)
            return
        self._progress()
        part = self._body[self._at : self._at + PART]
        self._at += PART
        self._transport.write(part)

    def stopProducing(self) -> None:
        """The connection is lost."""
        self._done.callback(None)
