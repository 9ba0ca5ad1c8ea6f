"""Sending a long body in parts, so that a slow reader needs no memory for a copy of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

PART = 64 * 1024
"""Bytes written to the transport at a time."""


@implementer(IPullProducer)
class BodySender:
    """Writes `body`, without copying it, as fast as the other side reads. Nothing else may be written meanwhile.

    With an empty body it waits until everything written before is sent.
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
        """Start to send. Fires when everything is sent, or the connection is lost."""
        self._transport.registerProducer(self, False)
        self._begun = True
        return self._done

    def resumeProducing(self) -> None:
        """Write the next part: the transport has sent the one before, or (called by registerProducer) begins."""
        if self._at < len(self._body):
            self._progress()
            part = self._body[self._at : self._at + PART]
            self._at += PART
            self._transport.write(part)
        elif self._begun:
            self._transport.unregisterProducer()
            self._done.callback(None)

    def stopProducing(self) -> None:
        """End: the connection is lost."""
        self._done.callback(None)
