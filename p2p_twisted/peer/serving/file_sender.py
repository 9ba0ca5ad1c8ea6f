"""Send a range of a file over a connection: by sendfile(2) on plain TCP on Linux, else block by block.

Both are pull producers: they send only as fast as the other side reads, so that a slow reader costs no memory.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from ...net.throttle import Throttle
from ...net.writing import can_send

BLOCK = 256 * 1024
"""Bytes handed over at a time without sendfile."""
MAX_SENDFILE = 1024 * 1024
"""Most bytes handed to one sendfile, so that every connection gets its turn."""


class SendingStopped(Exception):
    """The connection was lost, or the file ended too early: the answer is incomplete."""


@implementer(IPullProducer)
class Sender:
    """Sends `length` bytes from `offset` on. Subclasses say how."""

    def __init__(
        self, transport: Any, offset: int, length: int, progress: Callable[[], None], throttle: Throttle | None = None
    ) -> None:
        """`progress` is called whenever bytes were sent; `throttle` limits the rate."""
        self.done: Deferred[None] = Deferred()
        self._transport = transport
        self._offset = offset
        self._left = self._length = length
        self._progress = progress
        self._throttle = throttle
        self._begun = False

    @property
    def sent(self) -> int:
        """Bytes handed to the transport so far."""
        return self._length - self._left

    @property
    def left(self) -> int:
        """Bytes that are still to be handed to the transport."""
        return self._left

    def start(self) -> Deferred[None]:
        """Send. The Deferred fires when all is handed to the transport; it fails with SendingStopped."""
        if not self._left:
            self._end()
            self.done.callback(None)
            return self.done
        self._begun = can_send(self._transport)
        self._transport.registerProducer(self, False)
        self._begun = True
        return self.done

    def resumeProducing(self) -> None:
        """Send more: the transport has room."""
        if not self._begun:  # called by registerProducer while bytes written before wait to be sent
            self._transport.startWriting()
            return
        if self.done.called:  # lost while it waited for its turn
            return
        size = min(MAX_SENDFILE, self._left)
        if self._throttle is not None and self._throttle.limited:
            size = self._throttle.request(size, self.resumeProducing)
            if not size:
                return
        try:
            sent = self._send(size)
        except BlockingIOError:
            self._give_back(size)
            self._transport.startWriting()
            return
        except OSError:
            sent = 0
        self._give_back(size - sent)
        if not sent:
            self._transport.abortConnection()  # the head promised more bytes than there are
            return
        self._offset += sent
        self._left -= sent
        self._progress()
        if not self._left:
            self._transport.unregisterProducer()
            self._end()
            self.done.callback(None)

    def stopProducing(self) -> None:
        """Stop: the connection is lost."""
        if not self.done.called:
            self._end()
            self.done.errback(SendingStopped())

    def _give_back(self, size: int) -> None:
        if self._throttle is not None and self._throttle.limited and size:
            self._throttle.give_back(size)

    def _send(self, limit: int) -> int:
        """Hand at most `limit` more bytes to the transport; return how many. Raises OSError."""
        raise NotImplementedError

    def _end(self) -> None:
        """Release the source of the bytes."""


class BlockSender(Sender):
    """Sends a range of an open file; owns the descriptor and closes it."""

    def __init__(
        self,
        transport: Any,
        fd: int,
        offset: int,
        length: int,
        progress: Callable[[], None],
        throttle: Throttle | None = None,
    ) -> None:
        super().__init__(transport, offset, length, progress, throttle)
        self._fd = fd

    def _end(self) -> None:
        os.close(self._fd)

    def _send(self, limit: int) -> int:
        data = os.pread(self._fd, min(BLOCK, limit), self._offset)
        self._transport.write(data)
        return len(data)


class FileSender(BlockSender):
    """Sends as BlockSender does, but without copying the bytes out of the kernel. For plain TCP only."""

    def _send(self, limit: int) -> int:
        handle = self._transport.getHandle()
        sent = os.sendfile(handle.fileno(), self._fd, self._offset, limit)
        if sent < self._left:
            self._transport.startWriting()  # ask to be called again: the transport itself has nothing to write
        return sent


def file_sender(
    transport: Any,
    fd: int,
    offset: int,
    length: int,
    progress: Callable[[], None],
    throttle: Throttle | None = None,
) -> BlockSender:
    """Return the fastest sender for `transport`; the arguments are those of BlockSender."""
    handle = transport.getHandle() if hasattr(transport, "getHandle") else None
    plain = sys.platform == "linux" and type(handle) is socket.socket and not getattr(transport, "TLS", False)
    return (FileSender if plain else BlockSender)(transport, fd, offset, length, progress, throttle)
