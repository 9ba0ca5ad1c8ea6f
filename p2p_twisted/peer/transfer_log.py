"""Log transfers: one line for each file served over a connection, and one for each file fetched.

Names are shown as Python writes them, so that no name can look like another line.
"""

from __future__ import annotations

import math

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..events.publisher import Publisher
from ..events.types import TransferServed
from .downloads.model import CANCELLED, DONE, FAILED, DownloadFile

MAX_LINES = 6000
"""Most lines on served files in LINES_INTERVAL: a hostile peer must not fill the disk with connections without end."""
LINES_INTERVAL = 60
"""Seconds."""
MAX_SOURCES = 3
"""Sources of a fetched file that are named."""

_log = Logger()


class ServedLog:
    """Logs each TransferServed of `publisher`."""

    def __init__(self, clock: IReactorTime, publisher: Publisher) -> None:
        self._clock = clock
        self._lines, self._since = 0, -math.inf
        publisher.subscribe(TransferServed, self._log_served)

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
        if now - self._since >= LINES_INTERVAL:
            self._lines, self._since = 0, now
        self._lines += 1
        if self._lines == MAX_LINES + 1:
            _log.warn("more than {most} transfers in a minute: the rest of them is not logged", most=MAX_LINES)
        return self._lines <= MAX_LINES


def log_when_over(file: DownloadFile) -> None:
    """Log what becomes of `file`, once."""
    file.when_over().addCallback(lambda _: log_fetched(file))


def log_fetched(file: DownloadFile) -> None:
    """Log what became of `file`, which is over; nothing if its content was there already.

    A failure is no warning: whoever ordered it is told, and a command that is a peer itself shows warnings.
    """
    seconds = (file.ended or 0.0) - (file.started or file.ended or 0.0)
    if file.state == DONE:
        text = "fetched {name!r}: {size} bytes in {seconds:.1f} s from {sources}"
        _log.info(text, name=file.name, size=file.size or file.got, seconds=seconds, sources=_sources(file))
    elif file.state == FAILED:
        _log.info("not fetched: {name!r}: {why}", name=file.name, why=file.error or "no reason is known")
    elif file.state == CANCELLED:
        _log.info("not fetched: {name!r}: cancelled after {got} bytes", name=file.name, got=file.got)


def _sources(file: DownloadFile) -> str:
    found = [source for source, transfer in file.transfers.items() if transfer.size]
    more = f" and {len(found) - MAX_SOURCES} more" if len(found) > MAX_SOURCES else ""
    return ", ".join(found[:MAX_SOURCES]) + more if found else "this machine"
