"""A download that ``get`` has started at a peer: followed until it has ended, or given up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ..web.control_client import ControlClient, ControlError, EventReader
from . import exits
from .output import warn

SHORT_INTERVAL = 1.0
"""Seconds between two reads of a download that is shown while it runs."""
LONG_INTERVAL = 30.0
"""Seconds between two reads of one that is not: its end arrives as an event, so this is for a peer that hangs."""
POLL_INTERVAL = 0.25
"""Seconds between two reads if the peer offers no events."""
MAX_INTERVAL = 5.0
"""Longest of these but LONG_INTERVAL, in seconds, however long the answers take."""
SUSPENDED_TIME = 150.0
"""Seconds for which a peer may answer nothing, as it does when its machine sleeps."""

KEPT = "what was fetched is kept, and the same command resumes"

Download = Mapping[str, Any]
"""A download as the API shows it."""


class Follower:
    """Follows the download `id_` of the peer that `client` calls. `download` is its state when it was last read.

    With `shown`, the state is read again about once a second; otherwise at the end.
    """

    def __init__(self, client: ControlClient, id_: str, shown: bool = False) -> None:
        self.download: Download | None = None
        self._client = client
        self._id = id_
        self._path = f"downloads/{id_}"
        self._interval = SHORT_INTERVAL if shown else LONG_INTERVAL
        self._events: EventReader | None = None

    def follow(self, update: Callable[[Download], None], deadline: float | None) -> Download:
        """Return the download when it has ended; `update` is called with each state before.

        Cancels it at Ctrl-C and at `deadline` (monotonic seconds). Raises Failure.
        """
        try:
            return self._until_ended(update, deadline)
        except KeyboardInterrupt:
            self._cancel()
            raise exits.Failure(exits.INTERRUPTED, f"interrupted; {KEPT}") from None
        except TimeoutError:
            self._cancel()
            raise exits.Failure(exits.TIMEOUT, f"not complete in time; {KEPT}") from None
        except ControlError as error:
            # a peer that stopped, and was started again, knows no such download
            if error.kind not in ("lost", "not-running") and error.status != 404:
                raise
            raise exits.Failure(exits.INTERRUPTED, f"the peer stopped; start it again: {KEPT}") from None
        finally:
            if self._events is not None:
                self._events.close()

    def _until_ended(self, update: Callable[[Download], None], deadline: float | None) -> Download:
        self._open()
        answered = time.monotonic()
        while True:
            asked = time.monotonic()
            try:
                download: Download = self._client.get(self._path)
                self.download = download
                answered = time.monotonic()
                update(download)
                if download["ended"] is not None:
                    return download
            except ControlError as error:
                if error.kind != "timeout" or time.monotonic() - answered > SUSPENDED_TIME:
                    raise
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError
            self._wait(self._pause(time.monotonic() - asked), deadline)

    def _pause(self, took: float) -> float:
        """Return the seconds until the next read; the last one took so many.

        A download of very many files is long to describe, and the peer is not to spend its time on that. But a late
        answer may also come from a peer that was suspended.
        """
        interval = self._interval if self._events is not None else POLL_INTERVAL
        return max(interval, min(10 * took, MAX_INTERVAL))

    def _open(self) -> None:
        """Follow the events of the download, if the peer offers them: the end of a download is one."""
        try:
            self._events = self._client.events(download=self._id, types="download-ended")
        except ControlError:
            self._events = None  # a peer that is gone, or has too many readers; the next read tells

    def _wait(self, seconds: float, deadline: float | None) -> None:
        """Return after so many seconds, at the deadline, or when an event says that there is news."""
        until = time.monotonic() + seconds
        until = until if deadline is None else min(until, deadline)
        while (left := until - time.monotonic()) > 0:
            if self._events is None:
                time.sleep(left)
                return
            try:
                event = self._events.wait(left)
                if event is not None and event.name in ("download-ended", "reset"):
                    return
            except ControlError:  # cut: the peer has stopped, or dropped a reader that was suspended
                self._events.close()
                time.sleep(min(left, POLL_INTERVAL))
                self._open()
                return

    def _cancel(self) -> None:
        try:
            self.download = self._client.delete(self._path)
        except ControlError as error:
            if error.status not in (404, 409):
                warn(error.text)
