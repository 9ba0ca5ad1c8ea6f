"""An experiment in a process of its own: started, read line by line, interrupted, and killed if it does not stop."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

P2P = (sys.executable, "-c", "import os; os.setsid(); from p2p_twisted.cli.main import main; main()")
"""The ``p2p`` command by the interpreter that runs this, out of reach of the terminal's Ctrl-C."""
STOP_TIMEOUT = 90
"""Seconds that an experiment has, once interrupted, to stop its peers and to write its results."""
MAX_LINE = 256 * 1024
"""Bytes of a line of events."""
MAX_STDERR = 4096
"""Bytes kept of the end of stderr."""
PROC = Path("/proc")


@dataclass(frozen=True)
class Ending:
    """The end of a child."""

    code: int | None
    """Its exit code; None if a signal ended it."""
    last_line: str
    """Its last line on stderr, "" if there is none."""


class Child(ProcessProtocol):
    """A ``p2p`` process with `arguments`; `on_line(line)` is called with each line that it prints.

    `reactor` is an IReactorProcess and IReactorTime. `ended` fires with an Ending when the process is gone.
    """

    def __init__(self, reactor: Any, arguments: Sequence[str], on_line: Callable[[bytes], object]) -> None:
        self.ended: Deferred[Ending] = Deferred()
        self._reactor = reactor
        self._on_line = on_line
        self._rest = b""
        self._stderr = b""
        self._complaint = ""
        self._killing: IDelayedCall | None = None
        reactor.spawnProcess(self, P2P[0], [*P2P, *arguments], env=None)

    def stop(self) -> None:
        """Interrupt the process, as Ctrl-C does; kill it after a timeout."""
        if self._killing is None:
            self._killing = self._reactor.callLater(STOP_TIMEOUT, self._kill)
            self._signal("INT")

    def connectionMade(self) -> None:
        """Close its standard input."""
        self.transport.closeStdin()  # type: ignore[union-attr]  # because Twisted says that it may be None

    def outReceived(self, data: bytes) -> None:
        """Hand over the lines that are complete; stop a process that prints too long a line."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line)
        if len(self._rest) > MAX_LINE:
            self._rest, self._complaint = b"", f"it printed a line of more than {MAX_LINE} bytes"
            self.stop()

    def errReceived(self, data: bytes) -> None:
        """Keep the end of stderr."""
        self._stderr = (self._stderr + data)[-MAX_STDERR:]

    def processEnded(self, reason: Failure) -> None:
        """Fire `ended`: the process is gone, and all its output has been read."""
        if self._killing is not None and self._killing.active():
            self._killing.cancel()
        code = 0 if reason.check(ProcessDone) else getattr(reason.value, "exitCode", None)
        self.ended.callback(Ending(code, self._complaint or _last_line(self._stderr)))

    def _kill(self) -> None:
        pid = getattr(self.transport, "pid", None)
        self._complaint = f"it did not stop within {STOP_TIMEOUT} seconds, and was killed"
        for descendant in descendants(pid) if pid else []:
            try:
                os.kill(descendant, 9)
            except ProcessLookupError:
                pass
        self._signal("KILL")

    def _signal(self, name: str) -> None:
        try:
            self.transport.signalProcess(name)  # type: ignore[union-attr]  # because Twisted says that it may be None
        except ProcessExitedAlready:
            pass


def descendants(pid: int) -> list[int]:
    """Return the ids of the child processes of `pid`, and of theirs; nothing where there is no /proc."""
    children: dict[int, list[int]] = {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue  # it has just ended
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, todo = [], [pid]
    while todo:
        started = children.get(todo.pop(), [])
        found += started
        todo += started
    return found


def _last_line(data: bytes) -> str:
    lines = [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("p2p: ").removeprefix("Error: ") if lines else ""
