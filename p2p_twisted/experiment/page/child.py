"""An experiment in a process of its own: started, listened to line by line, interrupted, and in the end killed."""

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
PATIENCE = 90
"""Seconds that an experiment has, once interrupted, to stop its peers and to write what it found."""
MAX_LINE = 256 * 1024
"""Most bytes of a line of events."""
TAIL = 4096
"""Bytes kept of what it says on stderr."""
PROC = Path("/proc")


@dataclass(frozen=True)
class Ending:
    """How a child ended: its exit code, None if a signal ended it, and its last line on stderr, if there is one."""

    code: int | None
    last_words: str


class Child(ProcessProtocol):
    """``p2p`` with `arguments`; `heard(line)` is called with each line that it prints.

    `reactor` is an IReactorProcess and IReactorTime. `ended` fires with an Ending; nothing of it is left then.
    """

    def __init__(self, reactor: Any, arguments: Sequence[str], heard: Callable[[bytes], object]) -> None:
        self.ended: Deferred[Ending] = Deferred()
        self._reactor = reactor
        self._heard = heard
        self._rest = b""
        self._tail = b""
        self._complaint = ""
        self._killing: IDelayedCall | None = None
        reactor.spawnProcess(self, P2P[0], [*P2P, *arguments], env=None)

    def stop(self) -> None:
        """Interrupt it, as Ctrl-C does; it is killed when it takes too long."""
        if self._killing is None:
            self._killing = self._reactor.callLater(PATIENCE, self._kill)
            self._signal("INT")

    def connectionMade(self) -> None:
        """It runs, and is told nothing."""
        self.transport.closeStdin()  # type: ignore[union-attr]

    def outReceived(self, data: bytes) -> None:
        """Take what it prints."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._heard(line)
        if len(self._rest) > MAX_LINE:
            self._rest, self._complaint = b"", f"it printed a line of more than {MAX_LINE} bytes"
            self.stop()

    def errReceived(self, data: bytes) -> None:
        """Keep the end of what it complains of."""
        self._tail = (self._tail + data)[-TAIL:]

    def processEnded(self, reason: Failure) -> None:
        """It is gone, and all it printed has been taken."""
        if self._killing is not None and self._killing.active():
            self._killing.cancel()
        code = 0 if reason.check(ProcessDone) else getattr(reason.value, "exitCode", None)
        self.ended.callback(Ending(code, self._complaint or _last_line(self._tail)))

    def _kill(self) -> None:
        pid = getattr(self.transport, "pid", None)
        self._complaint = f"it had not stopped {PATIENCE} seconds after it was told to, and was killed"
        for descendant in descendants(pid) if pid else []:
            try:
                os.kill(descendant, 9)
            except ProcessLookupError:
                pass
        self._signal("KILL")

    def _signal(self, name: str) -> None:
        try:
            self.transport.signalProcess(name)  # type: ignore[union-attr]
        except ProcessExitedAlready:
            pass


def descendants(pid: int) -> list[int]:
    """The ids of all processes that `pid` started, and those started; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue  # it has just ended
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, todo = [], [pid]
    while todo:
        begun = children.get(todo.pop(), [])
        found += begun
        todo += begun
    return found


def _last_line(data: bytes) -> str:
    lines = [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("p2p: ").removeprefix("Error: ") if lines else ""
