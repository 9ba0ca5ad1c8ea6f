"""A range of a file onto a connection: by sendfile(2) where that is plain TCP on Linux, else block by block.

Both are pull producers: they go no further than the other side takes, so that a slow reader costs no memory.
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

BLOCK = 256 * 1024
"""Bytes handed over at a time where there is no sendfile."""
AT_ONCE = 1024 * 1024
"""Bytes handed to one sendfile, so that every connection gets its turn."""


class SendingStopped(Exception):
    """The connection was lost, or the file ended too early: the answer is incomplete."""


@implementer(IPullProducer)
class Sender:
    """Sends the bytes offset..offset+length of something. Subclasses say how."""

    def __init__(
        self, transport: Any, offset: int, length: int, progress: Callable[[], None], throttle: Throttle | None = None
    ) -> None:
        """`progress` is called whenever some of it went out; `throttle` limits the rate."""
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

    def start(self) -> Deferred[None]:
        """Send. The Deferred fires when all is handed to the transport; it fails with SendingStopped."""
        if not self._left:
            self._end()
            self.done.callback(None)
            return self.done
        self._transport.registerProducer(self, False)
        self._begun = True
        return self.done

    def resumeProducing(self) -> None:
        """The transport has room."""
        if not self._begun:  # called by registerProducer: what was written before has not gone out yet
            self._transport.startWriting()
            return
        if self.done.called:  # lost while it waited for its turn
            return
        size = min(AT_ONCE, self._left)
        if self._throttle is not None:
            size = self._throttle.ask(size, self.resumeProducing)
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
            self._transport.abortConnection()  # the head promised more than there is
            return
        self._offset += sent
        self._left -= sent
        self._progress()
        if not self._left:
            self._transport.unregisterProducer()
            self._end()
            self.done.callback(None)

    def stopProducing(self) -> None:
        """The connection is lost."""
        if not self.done.called:
            self._end()
            self.done.errback(SendingStopped())

    def _give_back(self, size: int) -> None:
        if self._throttle is not None and size:
            self._throttle.give_back(size)

    def _send(self, most: int) -> int:
        """Hand at most `most` more bytes to the transport; returns how many. Raises OSError."""
        raise NotImplementedError

    def _end(self) -> None:
        """Let go of what is sent."""


class BlockSender(Sender):
    """Sends a range of an open file; takes the descriptor over and closes it."""

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

    def _send(self, most: int) -> int:
        data = os.pread(self._fd, min(BLOCK, most), self._offset)
        self._transport.write(data)
        return len(data)


class FileSender(BlockSender):
    """As BlockSender, but the bytes never come up from the kernel. For plain TCP only."""

    def _send(self, most: int) -> int:
        handle = self._transport.getHandle()
        sent = os.sendfile(handle.fileno(), self._fd, self._offset, most)
        self._transport.startWriting()  # asks to be called again: the transport itself has nothing to write
        return sent


def file_sender(
    transport: Any,
    fd: int,
    offset: int,
    length: int,
    progress: Callable[[], None],
    throttle: Throttle | None = None,
) -> BlockSender:
    """The sender of a file that suits `transport`; see BlockSender."""
    handle = transport.getHandle() if hasattr(transport, "getHandle") else None
    plain = sys.platform == "linux" and type(handle) is socket.socket and not getattr(transport, "TLS", False)
    return (FileSender if plain else BlockSender)(transport, fd, offset, length, progress, throttle)
