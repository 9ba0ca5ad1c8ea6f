"""``--log-format json``: each event of the log as one line of JSON, which programs read without guessing.

It goes where twistd would write its text: to stdout, or to the file of ``--logfile``, which is rotated as twistd does.
"""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import MutableMapping
from datetime import datetime, timezone
from typing import Any, TextIO

from twisted.logger import ILogObserver, LogEvent, formatEvent
from twisted.python.logfile import LogFile
from zope.interface import implementer

from .settings import Setting, SettingsError, one_of

LOG_FORMAT = Setting(
    "log-format",
    "text: lines for people; json: a JSON object on each line, with time, level, namespace, message and fields.",
    one_of("text", "json"),
    "text",
)
MAX_FIELD = 1000
"""Most characters of the text of a field; the message has it whole."""
LEGACY = frozenset({"message", "time", "isError", "system", "format", "failure", "why"})
"""What Twisted adds to events for observers of another age."""


def line_of(event: LogEvent) -> str:
    """Return the line of `event`, in ASCII: nothing in it can move a cursor or begin another line."""
    record = {
        "time": datetime.fromtimestamp(event["log_time"], timezone.utc).isoformat(timespec="milliseconds"),
        "level": event["log_level"].name,
        "namespace": event["log_namespace"],
        "message": formatEvent(event),
        "fields": {key: _plain(value) for key, value in event.items() if not _is_internal(key)},
    }
    if (failure := event.get("log_failure")) is not None:
        record["traceback"] = failure.getTraceback()
    return json.dumps(record).replace("\x7f", r"\u007f") + "\n"


def _is_internal(key: str) -> bool:
    return key.startswith("log_") or key in LEGACY


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)[:MAX_FIELD]


@implementer(ILogObserver)
class JsonLog:
    """Writes events to `file`."""

    def __init__(self, file: TextIO | LogFile) -> None:
        self._file = file
        self._is_rotation_due = False

    def rotate(self) -> None:
        """Begin another file with the next event: a signal may come in the middle of one."""
        self._is_rotation_due = True

    def __call__(self, event: LogEvent) -> None:
        """Write `event`."""
        if self._is_rotation_due and isinstance(self._file, LogFile):
            self._file.rotate()
            self._is_rotation_due = False
        self._file.write(line_of(event))
        self._file.flush()


_chosen: dict[str, Any] = {}
"""The options of twistd by which `make_log` chooses the file: twistd calls it by its name, without arguments."""


def log_as_json(twistd: MutableMapping[str, Any]) -> None:
    """Have twistd, whose options these are, log with `make_log`. Raises SettingsError if they ask for another log."""
    for other in ("syslog", "logger"):
        if twistd.get(other):
            raise SettingsError(f"--log-format json writes to stdout or to --logfile; leave out --{other}")
    _chosen.update(twistd)
    twistd["logger"] = f"{__name__}.make_log"


def make_log() -> JsonLog:
    """Return a log to where twistd would write its own."""
    name, in_foreground = _chosen.get("logfile"), _chosen.get("nodaemon")
    if name == "-" and not in_foreground:
        sys.exit("Daemons cannot log to stdout, exiting!")
    if name == "-" or (in_foreground and not name):
        return JsonLog(sys.stdout)
    log = JsonLog(LogFile.fromFullPath(name or "twistd.log"))
    number = getattr(signal, "SIGUSR1", None)  # not on Windows
    if number is not None and not signal.getsignal(number):
        signal.signal(number, lambda *_: log.rotate())
    return log
