"""A peer in this process, for the length of one command. Its reactor has a thread of its own.

The command talks to it as to any other peer, over the socket in the state folder; so may other commands meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogBeginner
from zope.interface import provider

from ..config.settings import SettingsError
from ..config.shares import Share
from ..config.startup import StartError
from ..config.state_folder import HeldError
from ..events.types import Registered, RegistrationFailed
from ..peer.service import Peer
from ..peer.settings import PeerSettings
from ..peer.tap import make_peer
from ..web.api.schema import Settings
from . import exits
from .options import Rs
from .output import warn

STOP_TIME = 10
"""Seconds that it has to leave the RS and stop."""

_reactor: Any = reactor


class OwnPeer:
    """A peer with `state_dir` at one of `rs`, which shares `share`: it runs in the block of a ``with``.

    `tls` is the folder with its certificate, if any.
    """

    def __init__(self, state_dir: Path, rs: Sequence[Rs], share: Sequence[Share], tls: Path | None = None) -> None:
        self._settings = PeerSettings(
            rs_host=None,
            rs=rs,
            state_dir=state_dir,
            download_dir=state_dir / "downloads",
            share=list(share),
            tls=tls,
            is_brief=True,
        )
        self._rs_answered = Event()
        self._thread = Thread(target=_reactor.run, kwargs={"installSignalHandlers": False}, daemon=True)
        self._peer: Peer

    def __enter__(self) -> OwnPeer:
        """Listen and start. Raises Failure, and HeldError when another process holds the state folder."""
        try:
            self._peer = make_peer(_reactor, self._settings, "p2p", None, Settings([]))
        except HeldError:
            raise
        except (StartError, SettingsError, OSError) as error:
            code = exits.USAGE if isinstance(error, SettingsError) else exits.FAILED
            raise exits.Failure(code, str(error)) from None
        for kind in (Registered, RegistrationFailed):
            self._peer.events.subscribe(kind, lambda _: self._rs_answered.set())
        _reactor.callWhenRunning(self._peer.startService)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the RS and stop."""
        _reactor.callFromThread(self._stop)
        self._thread.join(STOP_TIME)

    def _stop(self) -> None:
        maybeDeferred(self._peer.stopService).addBoth(lambda _: _reactor.stop())

    def wait_for_rs(self, seconds: float) -> None:
        """Return after so many seconds, or as soon as the RS has answered, or has failed to."""
        self._rs_answered.wait(seconds)
        self._rs_answered.clear()

    def show_warnings(self) -> None:
        """Print each warning or error that the peer logs from now on as a line on stderr."""
        globalLogBeginner.beginLoggingTo([_observe], redirectStandardIO=False, discardBuffer=True)


@provider(ILogObserver)
def _observe(event: LogEvent) -> None:
    if event["log_level"] >= LogLevel.warn:
        failure = event.get("log_failure")
        warn(formatEvent(event) if failure is None else f"{formatEvent(event)}: {failure.value!r}")
