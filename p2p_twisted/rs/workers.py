"""In the supervisor: one worker process, and when it is started again after it has ended."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..config.settings import SettingsOptions
from ..net.shared_port import SharedPort
from ..web.forwarding import ForwardedCalls
from .worker import LIFELINE, PORT, worker_environment
from .worker_log import WorkerLog, observe

STEADY_TIME = 10.0
"""A worker that has run for so many seconds is started again at once when it ends."""
FIRST_DELAY, MAX_DELAY = 0.25, 4.0
"""Seconds until one that has not is started again, for the first time in a row and at most; doubled each time."""
STOP_TIMEOUT = 10
"""Seconds that a worker may take to stop; then it is killed."""

TWISTD = "import sys; sys.path[:] = filter(None, sys.path); from twisted.scripts.twistd import run; run()"
"""twistd, by the interpreter that runs this and whichever is first on PATH; nothing is imported from this folder."""


class Restarts:
    """The delays before a worker is started again; pure."""

    def __init__(self) -> None:
        self._next = FIRST_DELAY

    def delay(self, lived: float) -> float:
        """Return the seconds to wait after a worker has ended that ran for `lived` seconds."""
        if lived >= STEADY_TIME:
            self._next = FIRST_DELAY
            return 0.0
        delay, self._next = self._next, min(2 * self._next, MAX_DELAY)
        return delay


def worker_command(options: SettingsOptions, state_dir: Path) -> list[str]:
    """Return the command line of a worker of the RS that has `options`; its state folder is `state_dir`."""
    config = [] if options.config_file is None else ["--config", os.fspath(options.config_file)]
    flags = {setting.name for setting in options.settings if setting.flag}
    given = [
        f"--{name}" if name in flags else f"--{name}={text}" for name, texts in options.given.items() for text in texts
    ]
    logger = f"--logger={observe.__module__}.{observe.__name__}"
    own = ["--workers=1", "--log-format=text", f"--state-dir={state_dir}"]  # the last value counts
    return [sys.executable, "-c", TWISTD, "-n", "--pidfile=", logger, options.verb, *config, *given, *own]


class WorkerProcess(ProcessProtocol):
    """A worker that runs, or is about to; `on_end` is called with the reason when it has ended."""

    def __init__(self, number: int, on_end: Callable[[str], object]) -> None:
        self.number = number
        self._on_end = on_end
        self._out, self._err = WorkerLog(number), WorkerLog(number)
        self._process: IProcessTransport | None = None

    def start(self, reactor: Any, command: Sequence[str], port: socket.socket) -> None:
        """Start the process, which gets `port`. Raises OSError."""
        environment = worker_environment(self.number, os.environ)
        files = {LIFELINE: "w", 1: "r", 2: "r", PORT: port.fileno()}
        self._process = reactor.spawnProcess(self, command[0], command, environment, childFDs=files)

    def signal(self, number: int) -> None:
        """Send the signal `number`, unless it has ended."""
        if self._process is not None:
            try:
                self._process.signalProcess(number)
            except ProcessExitedAlready:
                pass

    def outReceived(self, data: bytes) -> None:
        """Log what it logs."""
        self._out.received(data)

    def errReceived(self, data: bytes) -> None:
        """Log what it says before it has a log."""
        self._err.received(data)

    def processEnded(self, reason: Failure) -> None:
        """Say how it has ended."""
        self._out.ended()
        self._err.ended()
        self._process = None
        self._on_end(str(reason.value).rstrip("."))


class WorkerSeat:
    """One place for a worker: the process that runs there, and the next one when that has ended."""

    _log = Logger()

    def __init__(self, reactor: Any, number: int, command: Sequence[str], state_dir: Path, port: SharedPort) -> None:
        """Open `port` for the first process: who connects before that runs, waits. Raises OSError."""
        self.number = number
        self.calls = ForwardedCalls(reactor, state_dir)
        self._reactor = reactor
        self._command = command
        self._port = port
        self._first: socket.socket | None = port.open(listening=True)
        self._restarts = Restarts()
        self._process: WorkerProcess | None = None
        self._started = 0.0
        self._next: IDelayedCall | None = None  # starts the next process
        self._stopped: Deferred[None] | None = None
        self._on_end: Callable[[int], object] = lambda number: None

    def start(self, on_end: Callable[[int], object]) -> None:
        """Start a process, and another one when it has ended; `on_end` is called with the number then."""
        self._on_end = on_end
        self._start()

    def signal(self, number: int) -> None:
        """Send the signal `number` to the process, if there is one."""
        if self._process is not None:
            self._process.signal(number)

    def stop(self) -> Deferred[None]:
        """Stop the process. The Deferred fires when it has ended; it is killed after STOP_TIMEOUT seconds."""
        self._stopped = Deferred()
        if self._next is not None and self._next.active():
            self._next.cancel()
        if self._process is None:
            self._stopped.callback(None)
            return self._stopped
        self.signal(signal.SIGTERM)
        kill = self._reactor.callLater(STOP_TIMEOUT, self.signal, signal.SIGKILL)
        return self._stopped.addCallback(lambda _: kill.cancel() if kill.active() else None)

    def _start(self) -> None:
        self._started = self._reactor.seconds()
        process = WorkerProcess(self.number, self._ended)
        try:
            with self._first or self._port.open(listening=False) as port:
                process.start(self._reactor, self._command, port)
        except OSError as error:
            self._await_next(f"cannot be started: {error.strerror or error}")
        else:
            self._process = process
        self._first = None

    def _ended(self, how: str) -> None:
        self._process = None
        self._on_end(self.number)
        if self._stopped is not None:
            self._stopped.callback(None)
        else:
            self._await_next(f"has ended: {how}")

    def _await_next(self, why: str) -> None:
        delay = self._restarts.delay(self._reactor.seconds() - self._started)
        self._log.error("worker {number} {why}; it starts again in {delay} s", number=self.number, why=why, delay=delay)
        self._next = self._reactor.callLater(delay, self._start)
