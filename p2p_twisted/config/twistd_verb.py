"""Common behaviour of the twistd verbs: pid file and umask of twistd, and stopping at signals."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, MutableMapping
from pathlib import Path
from types import FrameType
from typing import Any

from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

from .json_log import log_as_json
from .settings import SettingsOptions, exit_with
from .startup import StartError
from .state_folder import check_not_held

PID_FILE = "twistd.pid"
"""twistd writes this file into the current folder by default; here it is in the state folder."""

_log = Logger()


def stop_at_signals(reactor: Any) -> None:
    """Stop `reactor` at SIGHUP, as at SIGINT and SIGTERM; further signals have no effect while it stops.

    An ignored signal, such as SIGHUP under ``nohup``, stays ignored.
    """
    hangup = getattr(signal, "SIGHUP", None)  # not on Windows
    if hangup is not None:
        _handle(hangup, lambda *_: reactor.callFromThread(_stop, reactor))
    reactor.addSystemEventTrigger("before", "shutdown", _be_patient)


def act_at_hangup(reactor: Any, action: Callable[[], object]) -> None:
    """Call `action` at SIGHUP, in place of stopping; but stop if the terminal that the process had is gone.

    Whether it has one is known when the reactor runs: a daemon gives up that of its parent. Under ``nohup`` it only
    calls `action`.
    """
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None:
        return
    ignored = signal.getsignal(hangup) is signal.SIG_IGN
    had_terminal = False

    def note() -> None:
        nonlocal had_terminal
        had_terminal = not ignored and _has_terminal()

    def act() -> None:
        if had_terminal and not _has_terminal():
            _stop(reactor)
        else:
            action()

    reactor.callWhenRunning(note)
    signal.signal(hangup, lambda *_: reactor.callFromThread(act))


def _has_terminal() -> bool:
    """Return whether the process has a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError as error:
        return error.errno not in (errno.ENXIO, errno.ENOENT)
    return True


def _stop(reactor: Any) -> None:
    _log.info("Received SIGHUP, shutting down.")
    try:
        reactor.stop()
    except ReactorNotRunning:
        pass  # it is stopping already


def _be_patient() -> None:
    """Ignore further signals: Twisted would log a traceback for each."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            _handle(getattr(signal, name), lambda *_: None)


def _handle(number: signal.Signals, handler: Callable[[int, FrameType | None], object]) -> None:
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, handler)


class VerbOptions(SettingsOptions):
    """The command line of a twistd verb with a setting ``state-dir``."""

    def postOptions(self) -> None:
        """Merge the settings, then set defaults for twistd. Exits if another process holds the state folder."""
        super().postOptions()
        if self.parent is not None:  # the options of twistd itself; `p2p config` has no parent
            self._set_pid_file(self.parent, self["state-dir"])
            self._keep_umask(self.parent)
            if self.get("log-format") == "json":
                log_as_json(self.parent)

    def _set_pid_file(self, twistd: MutableMapping[str, Any], folder: Path) -> None:
        """Let twistd write its pid file into `folder`, unless another one or none was given.

        An existing one belongs to a dead process, as no process holds the folder; its id may be in use again.
        """
        try:
            check_not_held(folder)
        except StartError as error:
            exit_with(f"{self.verb}: {error}", 1)
        if twistd.get("pidfile") == PID_FILE:
            try:
                (folder / PID_FILE).unlink(missing_ok=True)
                twistd["pidfile"] = str(folder / PID_FILE)
            except OSError:  # then the folder cannot be used either, which is reported when it is created
                twistd["pidfile"] = ""

    def _keep_umask(self, twistd: MutableMapping[str, Any]) -> None:
        """Give files of a daemon the modes that they would have in the foreground, unless --umask is given."""
        if twistd.get("umask", 0) is None:
            twistd["umask"] = os.umask(0)
            os.umask(twistd["umask"])
