"""Twisted's reactor for epoll(7), at less cost for each event. Linux only; see reactor.py."""

from __future__ import annotations

from twisted.internet.epollreactor import EPollReactor
from twisted.logger import Logger


class LeanReactor(EPollReactor):
    """Handles each event without making a context for it, in which Twisted's older log would name the connection.

    Nothing here writes to that log. To make the context takes about as long as to wait for the event.
    """

    log = Logger()

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events, for at most `timeout` seconds (None: for ever), and have them handled."""
        for fd, event in self._poller.poll(timeout, max(len(self._selectables), 1)):
            selectable = self._selectables.get(fd)
            if selectable is not None:  # else it was removed by the handling of an event before
                try:
                    self._doReadOrWrite(selectable, fd, event)
                except Exception:
                    self.log.failure("while handling an event of {selectable}", selectable=selectable)

    doIteration = doPoll
