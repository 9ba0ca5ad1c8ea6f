"""A long body onto a connection, a part at a time, so that a slow reader costs no memory of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

PART = 64 * 1024
"""Bytes handed to the connection at a time."""


@implementer(IPullProducer)
class BodySender:
    """Hands `body`, which it only refers to, to the connection as fast as that is read; nothing else may be written.

    With an empty body it waits until what was written before has gone out.
    """

    def __init__(self, transport: Any, body: bytes, progress: Callable[[], None]) -> None:
        """`progress` is called before each part."""
        self._transport = transport
        self._body = body
        self._at = 0
        self._progress = progress
        self._begun = False
        self._done: Deferred[None] = Deferred()

    def start(self) -> Deferred[None]:
        """Send. Fires when the connection has sent all, or is lost."""
        self._transport.registerProducer(self, False)
        self._begun = True
        return self._done

    def resumeProducing(self) -> None:
        """The connection has nothing left to send, or (called by registerProducer) is about to begin."""
        if self._at < len(self._body):
            self._progress()
            part = self._body[self._at : self._at + PART]
            self._at += PART
            self._transport.write(part)
        elif self._begun:
            self._transport.unregisterProducer()
            self._done.callback(None)

    def stopProducing(self) -> None:
        """The connection is lost."""
        self._done.callback(None)
