"""Decide when to scan: at intervals, and soon after the kernel reports a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

if TYPE_CHECKING:
    from .identity import Identity
    from .notify import Notifier

POLL = 5.0
"""Seconds between scans where changes are not reported."""

SAFETY = 30.0
"""Seconds between scans where changes are reported, as some are not, and none on a network disk; or not wanted."""

SETTLE = 0.5
"""Seconds from the first sign of a change to the scan: a copy of many files is one change."""

MAX_WATCHED = 2048
"""Maximum number of watched folders; with more, the library scans every POLL seconds."""


class ScanSchedule:
    """Calls `scan` when it is due, while started. After each scan, `scanned` must be called.

    `is_known` says whether the file at a path is shared in its present state: then it is no reason to scan. Without
    `reports`, the kernel is not asked to report changes.
    """

    log = Logger()

    def __init__(
        self,
        reactor: IReactorTime,
        scan: Callable[[], object],
        is_known: Callable[[str], bool],
        reports: bool = True,
    ) -> None:
        self._reactor = reactor
        self._scan = scan
        self._is_known = is_known
        self._reports = reports
        self._running = False
        self._next: IDelayedCall | None = None
        self._notifier: Notifier | None = None

    def start(self) -> None:
        """Start; the first scan is the caller's."""
        self._running = True
        self._notifier = self._make_notifier() if self._reports else None

    def stop(self) -> None:
        """Stop."""
        self._running = False
        self._drop_notifier()
        if self._next is not None and self._next.active():
            self._next.cancel()

    @property
    def is_told(self) -> bool:
        """Whether the kernel reports changes."""
        return self._notifier is not None

    def scanned(self, folders: Mapping[str, Identity | None] | None) -> None:
        """Watch `folders` (path -> identity), which a scan has walked through, and schedule the next one.

        None after a failed scan: the same folders are watched as before."""
        if not self._running:
            return
        # Changes in a new folder between the walk and the watch were not reported.
        again = self._notifier is not None and folders is not None and self._cover(self._notifier, folders)
        self._scan_within(SETTLE if again else POLL if self._reports and self._notifier is None else SAFETY)

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
