"""The log of a worker: JSON lines on its stdout, which the supervisor logs again in its own log."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, eventAsText
from zope.interface import implementer

from ..wire.visible import shown

MAX_LOG_LINE = 64 * 1024
"""Longest line that is read of a worker, in bytes; a longer one is logged in parts."""


@implementer(ILogObserver)
class LinesForSupervisor:
    """Writes each event as one line of JSON, with its level, namespace and text."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, event: LogEvent) -> None:
        """Write `event`."""
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        level = event.get("log_level") or LogLevel.info
        line = {"level": level.name, "namespace": event.get("log_namespace", ""), "text": text}
        try:
            print(json.dumps(line), file=self._file, flush=True)
        except OSError:
            pass  # the supervisor is gone: so is this process, in a moment


def observe() -> LinesForSupervisor:
    """Return the observer of a worker, as ``twistd --logger`` calls it."""
    return LinesForSupervisor(sys.stdout)


class WorkerLog:
    """Logs the lines of the worker `number` again."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._rest = b""

    def received(self, data: bytes) -> None:
        """Log the whole lines in what has come."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LOG_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._log(line)

    def ended(self) -> None:
        """Log what is left: the worker has ended."""
        if self._rest:
            self._log(self._rest)
        self._rest = b""

    def _log(self, line: bytes) -> None:
        level, namespace, text = _parsed(line)
        if text:
            log = Logger(namespace)
            log.emit(level, "worker {worker}: {text}", worker=self._number, text=text)


def _parsed(line: bytes) -> tuple[Any, str, str]:
    """Return level, namespace and text. What is no line of `LinesForSupervisor` came on stderr: an error."""
    try:
        found = json.loads(line)
        return LogLevel.lookupByName(found["level"]), found["namespace"], found["text"]
    except (ValueError, KeyError, TypeError, LookupError):
        return LogLevel.error, __name__, shown(line.decode("utf-8", "replace").rstrip())
