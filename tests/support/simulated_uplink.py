"""The sending side of a simulated peer: requests answered in order for each downloader, which
share the uplink."""

from __future__ import annotations

from collections import deque

from p2p_twisted.peer.serving.protocol import CATCH_UP_INTERVAL, CATCH_UP_TIMEOUT
from p2p_twisted.swarm.picker_state import NextRequest, PieceRequest

BLOCK = 16 * 1024
"""Bytes that one downloader gets of an uplink before it is another's turn."""


class Transfer:
    """One request of `downloader` at `sender`, until it is answered."""

    def __init__(self, sender, downloader, request) -> None:
        self.sender, self.downloader, self.request = sender, downloader, request
        self.name, self.piece = (request.sha256, request.piece) if isinstance(request, PieceRequest) else (None, -1)
        self.left = self.size = 0
        self.waited = 0.0
        self.cancelled = False

    @property
    def begun(self):
        return self.size > 0

    def takes(self, name, piece, size) -> None:
        """This is what it gets."""
        self.name, self.piece = name, piece
        self.left = self.size = size


class Uplink:
    """Sends to `at_once` downloaders block by block in turn; the others wait until one of these has its piece."""

    def __init__(self, peer, rate, at_once) -> None:
        self.sent = 0
        self._peer, self._rate, self._world = peer, rate, peer.world
        self._at_once = at_once
        self._queues = {}
        self._line, self._served = deque(), deque()
        self._busy = False
        self._debt = 0

    def ask(self, transfer) -> None:
        if self._peer.gone:
            return
        queue = self._queues.setdefault(transfer.downloader, deque())
        queue.append(transfer)
        if len(queue) == 1:
            self._line_up(transfer.downloader)

    def cancel(self, transfer) -> None:
        """Do not answer it, if it still waits."""
        queue = self._queues.get(transfer.downloader, ())
        if transfer in queue and not transfer.begun:
            queue.remove(transfer)
            self._refuse(transfer)

    def forget(self, downloader) -> None:
        """The connection to it is lost."""
        for transfer in self._queues.pop(downloader, ()):
            if transfer.begun and isinstance(transfer.request, NextRequest):
                self._peer.super_seeding.take_back(transfer.name, transfer.piece)
        for downloaders in (self._line, self._served):
            if downloader in downloaders:
                downloaders.remove(downloader)

    def take(self, size) -> None:
        """Messages take their part of it."""
        self._debt += size

    def _next(self) -> None:
        self._busy = False
        while self._line and len(self._served) < self._at_once:
            self._serve(self._line.popleft())
        if self._served and not self._peer.gone:
            downloader = self._served.popleft()
            queue = self._queues[downloader]
            self._send(queue[0])
            if queue[0].left:
                self._served.append(downloader)
            else:
                queue.popleft()
                if queue:
                    self._line.append(downloader)

    def _serve(self, downloader) -> None:
        queue = self._queues.get(downloader)
        while queue and not self._must_wait(queue[0]):
            if self._peer.resolve(queue[0]):
                self._served.append(downloader)
                return
            self._refuse(queue.popleft())
        if queue:
            queue[0].waited += CATCH_UP_INTERVAL
            self._world.after(CATCH_UP_INTERVAL, self._line_up, downloader)

    def _must_wait(self, transfer):
        """Whether it is ahead of the others, as peer/serving/protocol.py has it."""
        is_next = isinstance(transfer.request, NextRequest)
        return is_next and transfer.waited < CATCH_UP_TIMEOUT and self._peer.super_seeding.is_ahead(transfer.downloader)

    def _line_up(self, downloader) -> None:
        if downloader not in self._line and downloader not in self._served:
            self._line.append(downloader)
        if not self._busy:
            self._next()

    def _refuse(self, transfer) -> None:
        self._world.after(self._world.latency, transfer.downloader.refused, transfer)

    def _send(self, transfer) -> None:
        block = min(BLOCK, transfer.left)
        is_first = transfer.left == transfer.size
        transfer.left -= block
        self.sent += block
        lasts = (block + self._debt) / self._rate
        self._busy, self._debt = True, 0
        self._world.after(lasts, self._next)
        self._world.after(lasts, transfer.downloader.coming, transfer, block, is_first, not transfer.left)
