"""What systemd is told of a process (sd_notify(3)): that it is ready, that it still works, that it stops."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

from twisted.application.service import MultiService, Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from .startup import StartError

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notifier(Service):
    """Sends its state to the socket `address`; while it runs, a sign of life each half of `watchdog` seconds, if given.

    The signs come from the reactor: a process whose reactor hangs is restarted.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, address: str, watchdog: float | None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog = watchdog
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._loop = LoopingCall(self._send, "WATCHDOG=1")
        self._loop.clock = clock

    def startService(self) -> None:
        """Say that the process is ready."""
        super().startService()
        self._send("READY=1")
        if self._watchdog is not None:
            self._loop.start(self._watchdog / 2)

    def stopService(self) -> None:
        """Say that the process stops. Signs of life follow until it has: the registry may be large."""
        super().stopService()
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        try:
            self._socket.sendto(state.encode(), self._address)
        except OSError as error:
            self._log.warn("systemd was not told {state}: {error}", state=state, error=error.strerror)


def notify_systemd(clock: IReactorTime, service: MultiService, environment: MutableMapping[str, str]) -> None:
    """Tell systemd when `service` has started, and that it works, if `environment` says that systemd wants to know.

    Call it when all parts are added: they start in that order. The variables are taken out of `environment`: they are
    not for child processes. Raises StartError.
    """
    address, period, pid = (environment.pop(name, "") for name in VARIABLES)
    if not address:
        return
    if pid not in ("", str(os.getpid())):
        period = ""  # the signs of another process are waited for
    if not address.startswith(("/", "@")) or not (period or "1").isdecimal():
        raise StartError(f"NOTIFY_SOCKET={address}, WATCHDOG_USEC={period}: not as systemd sets them; unset them")
    Notifier(clock, address, int(period) / 1e6 if period else None).setServiceParent(service)
