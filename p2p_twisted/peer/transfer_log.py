"""Log transfers: one line for each file served over a connection, and one for each file fetched.

Names are shown as Python writes them, so that no name can look like another line.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..events.publisher import Publisher
from ..events.types import FileEnded, TransferServed
from ..net.tally import Tally
from ..wire.visible import visible
from .downloads.model import CANCELLED, DONE, FAILED

MAX_LINES = 6000
"""Most lines on served files in LINES_INTERVAL: a hostile peer must not fill the disk with connections without end."""
LINES_INTERVAL = 60
"""Seconds."""
MAX_SOURCES = 3
"""Sources of a fetched file that are named."""
MAX_REASON = 1000
"""Characters of the reason why a file was not fetched: it may name each of many holders."""

_log = Logger()


class TransferLog:
    """Logs each TransferServed and each FileEnded of `publisher`."""

    def __init__(self, clock: IReactorTime, publisher: Publisher) -> None:
        self._clock = clock
        self._lines = Tally(LINES_INTERVAL, MAX_LINES)
        publisher.subscribe(TransferServed, self._log_served)
        publisher.subscribe(FileEnded, _log_fetched)

    def _log_served(self, event: TransferServed) -> None:
        if self._may_log():
            _log.info(
                "sent {name!r} to {host}:{port}: {size} bytes in {seconds:.1f} s{how}",
                name=event.name,
                host=event.client[0],
                port=event.client[1],
                size=event.size,
                seconds=event.seconds,
                how="" if event.complete else ", cut short",
            )

    def _may_log(self) -> bool:
        now = self._clock.seconds()
        if self._lines.add("", now):
            return True
        if self._lines.report(now):
            _log.warn("more than {most} transfers in a minute: the rest are not logged", most=MAX_LINES)
        return False


def _log_fetched(event: FileEnded) -> None:
    """Log the end of a file of a download; nothing if it was in place already.

    A failure is no warning: the user is told by other means, and a command that is a peer itself shows warnings.
    """
    if event.state == DONE:
        text = "fetched {name!r}: {size} bytes in {seconds:.1f} s from {sources}"
        _log.info(text, name=event.name, size=event.size, seconds=event.seconds, sources=_sources(event))
    elif event.state == FAILED:
        _log.info(
            "not fetched: {name!r}: {why}",
            name=event.name,
            why=visible((event.text or "no reason is known")[:MAX_REASON]),
        )
    elif event.state == CANCELLED:
        _log.info("not fetched: {name!r}: cancelled after {size} bytes", name=event.name, size=event.size)


def _sources(event: FileEnded) -> str:
    named = [f"{host}:{port}" for host, port in event.sources[:MAX_SOURCES]]
    more = f" and {len(event.sources) - MAX_SOURCES} more" if len(event.sources) > MAX_SOURCES else ""
    return ", ".join(named) + more if named else "this machine"
