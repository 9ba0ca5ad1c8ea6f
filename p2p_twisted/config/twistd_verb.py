"""What a twistd verb does beside its own options: it sets twistd's pid file and umask, and stops at signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, MutableMapping
from pathlib import Path
from types import FrameType
from typing import Any

from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

from .settings import SettingsOptions, exit_with
from .startup import StartError
from .state_folder import check_not_held

PID_FILE = "twistd.pid"
"""What twistd writes into the current folder unless told otherwise; here it is in the state folder."""

_log = Logger()


def stop_at_signals(reactor: Any) -> None:
    """Have SIGHUP stop `reactor` as Twisted has SIGINT and SIGTERM do; while it stops, one more changes nothing.

    A signal that is ignored, as SIGHUP is under ``nohup``, stays ignored.
    """
    hangup = getattr(signal, "SIGHUP", None)  # not on Windows
    if hangup is not None:
        _handle(hangup, lambda *_: reactor.callFromThread(_stop, reactor))
    reactor.addSystemEventTrigger("before", "shutdown", _be_patient)


def _stop(reactor: Any) -> None:
    _log.info("Received SIGHUP, shutting down.")
    try:
        reactor.stop()
    except ReactorNotRunning:
        pass  # it stops already


def _be_patient() -> None:
    """Have signals do nothing any more: Twisted would log a traceback for each."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            _handle(getattr(signal, name), lambda *_: None)


def _handle(number: signal.Signals, handler: Callable[[int, FrameType | None], object]) -> None:
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, handler)


class VerbOptions(SettingsOptions):
    """The command line of a twistd verb, whose settings have a ``state-dir``."""

    def postOptions(self) -> None:
        """Merge, then set what twistd was not told. Ends the process if another one holds the state folder."""
        super().postOptions()
        if self.parent is not None:  # that is twistd itself; `p2p config` has none
            self._set_pid_file(self.parent, self["state-dir"])
            self._keep_umask(self.parent)

    def _set_pid_file(self, twistd: MutableMapping[str, Any], folder: Path) -> None:
        """Have twistd write its pid file into `folder`, unless it was given another one or none.

        One that lies there is a dead process's, as nobody holds the folder; its number may be anybody's by now.
        """
        try:
            check_not_held(folder)
        except StartError as error:
            exit_with(f"{self.verb}: {error}", 1)
        if twistd.get("pidfile") == PID_FILE:
            try:
                (folder / PID_FILE).unlink(missing_ok=True)
                twistd["pidfile"] = str(folder / PID_FILE)
            except OSError:  # then the folder cannot be used either, which is said when it is to be made
                twistd["pidfile"] = ""

    def _keep_umask(self, twistd: MutableMapping[str, Any]) -> None:
        """Have a daemon make files with the modes that they would have in the foreground, unless told --umask."""
        if twistd.get("umask", 0) is None:
            twistd["umask"] = os.umask(0)
            os.umask(twistd["umask"])
