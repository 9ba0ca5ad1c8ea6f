"""When to scan: from time to time, and soon after the kernel says that something has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

if TYPE_CHECKING:
    from .notify import Notifier
    from .walk import Identity

POLL = 5.0
"""Seconds from one scan to the next where changes are not told."""

SAFETY = 30.0
"""Seconds from one scan to the next where they are: not every change is told, on a network disk none."""

SETTLE = 0.5
"""Seconds from the first sign of a change to the scan: a copy of many files is one change."""

MAX_WATCHED = 2048
"""Most folders of which changes are told; with more, every POLL seconds will do."""


class Watch:
    """Calls `scan` whenever it is time, while started. After each scan, `scanned` must be called.

    `is_known` says whether the file at a path is shared as it is there: then it is no reason to scan.
    """

    log = Logger()

    def __init__(self, reactor: IReactorTime, scan: Callable[[], object], is_known: Callable[[str], bool]) -> None:
        self._reactor = reactor
        self._scan = scan
        self._is_known = is_known
        self._running = False
        self._next: IDelayedCall | None = None
        self._notifier: Notifier | None = None

    def start(self) -> None:
        """Begin; the first scan is the caller's."""
        self._running = True
        self._notifier = self._make_notifier()

    def stop(self) -> None:
        """End."""
        self._running = False
        self._drop_notifier()
        if self._next is not None and self._next.active():
            self._next.cancel()

    @property
    def is_told(self) -> bool:
        """Whether the kernel tells of changes."""
        return self._notifier is not None

    def scanned(self, folders: Mapping[str, Identity | None] | None) -> None:
        """A scan has walked through `folders` (path -> which folder it is): watch them and plan the next one. None
        when it failed: what was watched is watched on."""
        if not self._running:
            return
        # What changed in a new folder after the walk and before the watch was told to nobody.
        again = self._notifier is not None and folders is not None and self._cover(self._notifier, folders)
        self._scan_within(SETTLE if again else SAFETY if self._notifier else POLL)

    def _scan_within(self, delay: float) -> None:
        if self._next is None or not self._next.active():
            self._next = self._reactor.callLater(delay, self._scan)
        elif self._next.getTime() > self._reactor.seconds() + delay:
            self._next.reset(delay)

    def _changed(self) -> None:
        self._scan_within(SETTLE)

    def _make_notifier(self) -> Notifier | None:
        try:
            from .notify import Notifier

            return Notifier(self._reactor, self._changed, self._is_known)
        except (ImportError, OSError) as e:
            self._say_untold(e)
            return None

    def _cover(self, notifier: Notifier, folders: Mapping[str, Identity | None]) -> bool:
        try:
            if len(folders) > MAX_WATCHED:
                raise OSError(f"{len(folders)} folders are shared, and at most {MAX_WATCHED} are watched")
            return notifier.cover(folders)
        except OSError as e:
            self._say_untold(e)
            self._drop_notifier()
            return False

    def _say_untold(self, error: Exception) -> None:
        why = getattr(error, "strerror", None) or error
        self.log.info("changes in folders are found every {poll} s: {why}", poll=POLL, why=why)

    def _drop_notifier(self) -> None:
        if self._notifier is not None:
            self._notifier.close()
            self._notifier = None
