"""A history of events as a response: server-sent events (HTML, section 9.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from ..events.history import MAX_EVENTS, History
from .http.errors import ApiError
from .http.request import ControlRequest

T = TypeVar("T")

SEND_INTERVAL = 0.02
"""Seconds between two writes at least: meanwhile, new events are collected."""
BEAT_INTERVAL = 15
"""Seconds between comments that keep a silent connection open. A reader that has read nothing for two is dropped."""
MAX_READERS = 50
"""Readers of one kind of history together: the other connections of the site are for other calls."""


class EventStream(Generic[T]):
    """An answer: the events of `history` behind the number `since`, then each new event, until the history is closed.

    `render` returns the lines of an event but its number: ``data: ...\\n``, or "" to leave it out.
    """

    def __init__(
        self,
        history: History[T],
        since: int,
        readers: set[object],
        clock: IReactorTime,
        render: Callable[[T], str],
    ) -> None:
        """`readers` are those of all histories of this kind; this one is added to them."""
        self._history = history
        self._since = since
        self._readers = readers
        self._clock = clock
        self._render = render

    def send(self, request: ControlRequest) -> int:
        """Begin to answer `request`. Returns NOT_DONE_YET."""
        if request.method == b"HEAD":
            return request.answer_bytes(200, b"", {"Content-Type": "text/event-stream"})
        if self._history.closed and not self._history.after(self._since):
            request.begin(204, {})  # a browser that has everything would otherwise connect again and again
            request.finish()
        elif len(self._readers) >= MAX_READERS:
            return request.refuse(ApiError(503, f"{MAX_READERS} readers follow these events already; try later"))
        else:
            _Reader(request, self._history, self._since, self._readers, self._render).start(self._clock)
        return NOT_DONE_YET


@implementer(IPushProducer)
class _Reader(Generic[T]):
    """A connected reader. Of the events that it has not read, only the number is kept."""

    def __init__(
        self,
        request: ControlRequest,
        history: History[T],
        since: int,
        readers: set[object],
        render: Callable[[T], str],
    ) -> None:
        self._request = request
        self._history = history
        self._sent = since
        self._readers = readers
        self._render = render
        self._paused = False
        self._missed = 0
        self._beat = LoopingCall(self._keep_alive)
        self._sending: IDelayedCall | None = None
        self._next = 0.0
        """When the next write may be."""

    def start(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._readers.add(self)
        self._request.begin(200, {"Content-Type": "text/event-stream"})
        self._request.notifyFinish().addBoth(lambda _: self._gone())
        self._request.registerProducer(self, True)
        self._history.listeners.add(self._send_soon)
        self._beat.clock = clock
        self._beat.start(BEAT_INTERVAL, now=False)
        self._request.write(b"retry: 2000\n\n")
        self._send()

    def pauseProducing(self) -> None:
        """Stop writing: the reader does not keep up."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Go on: the reader has read everything."""
        self._paused, self._missed = False, 0
        self._send()

    def stopProducing(self) -> None:
        """Do nothing: notifyFinish reports the end."""

    def _send_soon(self) -> None:
        if self._history.last - self._sent > MAX_EVENTS // 2:  # before any of them is dropped
            self._send()
        elif self._sending is None and not self._paused:
            self._sending = self._clock.callLater(max(0.0, self._next - self._clock.seconds()), self._send)

    def _send(self) -> None:
        if self._sending is not None and self._sending.active():
            self._sending.cancel()
        self._sending = None
        if self._paused:
            return
        if (resumed := self._history.resume(self._sent)) != self._sent:
            self._sent = resumed
            self._request.write(f"id: {resumed}\nevent: reset\ndata: {{}}\n\n".encode())
        while not self._paused and (batch := self._history.after(self._sent)):
            self._sent = batch[-1][0]
            rendered = [(number, self._render(event)) for number, event, _ in batch]
            if text := "".join(f"id: {number}\n{lines}\n" for number, lines in rendered if lines):
                self._request.write(text.encode())
                self._next = self._clock.seconds() + SEND_INTERVAL
        if self._history.closed and not self._paused and not self._request.gone:
            self._request.unregisterProducer()
            self._request.finish()

    def _keep_alive(self) -> None:
        if not self._paused:
            self._request.write(b":\n\n")
        elif self._missed:
            self._request.channel.forceAbortClient()
        else:
            self._missed = 1

    def _gone(self) -> None:
        self._readers.discard(self)
        self._history.listeners.discard(self._send_soon)
        if self._sending is not None and self._sending.active():
            self._sending.cancel()
        if self._beat.running:
            self._beat.stop()
