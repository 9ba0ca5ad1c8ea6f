"""The log's lines on transfers: one for each file and connection that was served, one for each file that was fetched.

Pieces are summed up: a line is written when the connection ends, or nothing more of the file was asked for on it for a
while. Names are shown as Python writes them, so that no name looks like anything else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ..net.caller import Caller
from .downloads.model import CANCELLED, DONE, FAILED, DownloadFile
from .serving.file_sender import Sender

IDLE = 5.0
"""Seconds without a request after which a file counts as sent."""
MAX_LINES = 6000
"""Lines on what was sent in MINUTE at the most: who opens connections without end does not fill the disk."""
MINUTE = 60
MAX_OPEN = 1000
"""Files of one connection that are summed up at a time."""
MAX_SOURCES = 3
"""Sources of a fetched file that are named one by one."""

_log = Logger()


@dataclass
class _Sent:
    """What one connection got of one file: bytes, how many answers are on their way, and how many were cut short."""

    name: str
    began: float
    ended: float
    size: int = 0
    sending: int = 0
    cut_short: int = 0


class SentLog:
    """Logs what a peer sends. Times are the clock's seconds."""

    def __init__(self, clock: IReactorTime, name_of: Callable[[str], str]) -> None:
        """`name_of` gives the name of the file that is served under a SHA-256."""
        self._clock = clock
        self._name_of = name_of
        self._open: dict[Caller, dict[str, _Sent]] = {}
        self._call: IDelayedCall | None = None
        self._lines, self._since = 0, -math.inf

    def sending(self, caller: Caller, sha256: str, sender: Sender, done: Deferred[bool]) -> Deferred[bool]:
        """Count what `sender` sends to `caller` of the file with that hash; returns `done`.

        `done` fires when it has ended: with True, or with False if the caller is gone.
        """
        files = self._open.setdefault(caller, {})
        if sha256 not in files and len(files) >= MAX_OPEN:
            self._close(caller, next(iter(files)))
        now = self._clock.seconds()
        sent = files.get(sha256) or files.setdefault(sha256, _Sent(self._name_of(sha256), now, now))
        sent.sending += 1
        self._wait()

        def ended(whole: bool) -> bool:
            sent.sending -= 1
            sent.size += sender.sent
            sent.cut_short += not whole
            sent.ended = self._clock.seconds()
            return whole

        return done.addCallback(ended)

    def gone(self, caller: Caller) -> None:
        """`caller` has closed its connection, or lost it."""
        for sha256 in list(self._open.get(caller, ())):
            self._close(caller, sha256)
        if not self._open and self._call is not None and self._call.active():
            self._call.cancel()

    def _wait(self) -> None:
        if self._call is None or not self._call.active():
            self._call = self._clock.callLater(IDLE, self._look)

    def _look(self) -> None:
        """Close what is idle."""
        before = self._clock.seconds() - IDLE
        for caller, files in list(self._open.items()):
            for sha256, sent in list(files.items()):
                if not sent.sending and sent.ended <= before:
                    self._close(caller, sha256)
        if self._open:
            self._wait()

    def _close(self, caller: Caller, sha256: str) -> None:
        sent = self._open[caller].pop(sha256)
        if not self._open[caller]:
            del self._open[caller]
        if self._may_log():
            _log.info(
                "sent {name!r} to {host}:{port}: {size} bytes in {seconds:.1f} s{how}",
                name=sent.name,
                host=caller.address[0],
                port=caller.address[1],
                size=sent.size,
                seconds=sent.ended - sent.began,
                how=", cut short" if sent.cut_short or sent.sending else "",
            )

    def _may_log(self) -> bool:
        now = self._clock.seconds()
        if now - self._since >= MINUTE:
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
