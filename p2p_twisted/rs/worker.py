"""In a worker: what its supervisor has given it, and its end when the supervisor is gone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

WORKER = "P2P_RS_WORKER"
"""The environment variable that makes a process a worker; its value is the worker's number."""
LIFELINE = 0
"""The descriptor of a pipe that ends with the supervisor, however that ends."""
PORT = 3
"""The descriptor of the socket on which it listens."""
NOT_FOR_WORKERS = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
"""Environment variables by which systemd speaks to the supervisor alone."""


def worker_number() -> int | None:
    """Return which worker this process is, from 1 on; None if it is none."""
    number = os.environ.get(WORKER)
    return None if number is None else int(number)


def worker_environment(number: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the worker `number` of a supervisor that has `environment`."""
    kept = {name: value for name, value in environment.items() if name not in NOT_FOR_WORKERS}
    return {**kept, WORKER: str(number)}


@implementer(IReadDescriptor)
class Lifeline(Service):
    """Stops the reactor when the supervisor is gone."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def startService(self) -> None:
        """Watch the pipe."""
        super().startService()
        self._reactor.addReader(self)

    def stopService(self) -> None:
        """Watch it no longer."""
        super().stopService()
        self._reactor.removeReader(self)

    def fileno(self) -> int:
        """Return the descriptor of the pipe."""
        return LIFELINE

    def logPrefix(self) -> str:
        """Return the name for the log."""
        return "lifeline"

    def doRead(self) -> None:
        """Stop, if it is the end: nothing is ever written."""
        if not os.read(LIFELINE, 1024):
            self.connectionLost(Failure(EOFError()))

    def connectionLost(self, reason: Failure) -> None:
        """Stop the reactor."""
        self._reactor.removeReader(self)
        try:
            self._reactor.stop()
        except ReactorNotRunning:
            pass  # it is stopping already
