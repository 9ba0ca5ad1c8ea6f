"""Happenings that are kept, within bounds, and sent to whoever reads them as server-sent events (HTML, section 9.2)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable

from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from .http.errors import ApiError
from .http.site import ControlRequest

MOST = 2000
"""Happenings kept of one history."""
BATCH = 64
"""Happenings sent before it is asked whether the reader keeps up."""
BEAT = 15
"""Seconds between comments that keep a silent connection open. Who has read nothing for two of them is dropped."""
MOST_READERS = 50
"""Readers of all histories together: the other connections of the site are for other calls."""


class History:
    """What has happened, each with a number from 1 on; `kept` are those that were kept before.

    Of those that may be left out, when there are too many, every other one is forgotten, and of those that come later
    as many are left out; what remains still tells the whole course. `over`: nothing will follow.
    """

    def __init__(self, kept: Iterable[tuple[int, str, bool]] = ()) -> None:
        self.kept = list(kept)
        """Number, data on one line, and whether it may be left out; ascending."""
        self.over = False
        self.readers: set[Callable[[], object]] = set()
        """Called whenever there is something new, also when it is over."""
        self._count = self.kept[-1][0] if self.kept else 0
        self._stride = 1

    def add(self, data: str, optional: bool = False) -> None:
        """Something has happened; `optional`: it may be left out."""
        self._count += 1
        if optional and self._count % self._stride:
            return
        if len(self.kept) >= MOST:
            self._thin()
        self.kept.append((self._count, data, optional))
        self._tell()

    def close(self) -> None:
        """It is over."""
        self.over = True
        self._tell()

    def after(self, number: int) -> list[tuple[int, str, bool]]:
        """The next few behind that `number`."""
        place = bisect_right(self.kept, number, key=lambda one: one[0])
        return self.kept[place : place + BATCH]

    def _thin(self) -> None:
        self._stride *= 2
        kept = [one for one in self.kept if not one[2] or one[0] % self._stride == 0]
        self.kept = kept[-MOST + 1 :]

    def _tell(self) -> None:
        for news in list(self.readers):
            news()


class EventStream:
    """An answer: everything in `history` behind the number `since`, then whatever happens, until it is over."""

    def __init__(self, history: History, since: int, readers: set[object], clock: IReactorTime) -> None:
        """`readers` are those there are of all histories."""
        self._history = history
        self._since = since
        self._readers = readers
        self._clock = clock

    def send(self, request: ControlRequest) -> int:
        """Begin to answer `request`. Returns NOT_DONE_YET."""
        if request.method == b"HEAD":
            return request.answer_bytes(200, b"", {"Content-Type": "text/event-stream"})
        if self._history.over and not self._history.after(self._since):
            request.begin(204, {})  # a browser that has all would else ask again and again
            request.finish()
        elif len(self._readers) >= MOST_READERS:
            return request.refuse(ApiError(503, f"{MOST_READERS} readers follow experiments already; try later"))
        else:
            _Reader(request, self._history, self._since, self._readers).start(self._clock)
        return NOT_DONE_YET


@implementer(IPushProducer)
class _Reader:
    """One who reads. Of what it has not read, only the number is kept."""

    def __init__(self, request: ControlRequest, history: History, since: int, readers: set[object]) -> None:
        self._request = request
        self._history = history
        self._sent = since
        self._readers = readers
        self._paused = False
        self._missed = 0
        self._beat = LoopingCall(self._keep_alive)

    def start(self, clock: IReactorTime) -> None:
        self._readers.add(self)
        self._request.begin(200, {"Content-Type": "text/event-stream"})
        self._request.notifyFinish().addBoth(lambda _: self._gone())
        self._request.registerProducer(self, True)
        self._history.readers.add(self._send)
        self._beat.clock = clock
        self._beat.start(BEAT, now=False)
        self._request.write(b"retry: 2000\n\n")
        self._send()

    def pauseProducing(self) -> None:
        """The reader does not keep up."""
        self._paused = True

    def resumeProducing(self) -> None:
        """It has read what there was."""
        self._paused, self._missed = False, 0
        self._send()

    def stopProducing(self) -> None:
        """It is gone; notifyFinish tells of that."""

    def _send(self) -> None:
        while not self._paused and (batch := self._history.after(self._sent)):
            self._sent = batch[-1][0]
            lines = "".join(f"id: {number}\ndata: {data}\n\n" for number, data, _ in batch)
            self._request.write(lines.encode())
        if self._history.over and not self._paused and not self._request.gone:
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
        self._history.readers.discard(self._send)
        if self._beat.running:
            self._beat.stop()
