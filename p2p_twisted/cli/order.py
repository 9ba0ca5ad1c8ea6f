"""An order that ``get`` gave to a peer: watched until the download is over, or given up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ..web.client import ControlClient, ControlError
from . import exits
from .output import warn

FIRST_POLL = 0.02
LAST_POLL = 0.25
"""Seconds between the first, and the later, looks at a download."""
LONGEST_POLL = 5.0
"""Seconds between two looks at most, however long the answers take."""

KEPT = "what was fetched is kept, and the same command resumes"

Download = Mapping[str, Any]
"""A download as the API shows it."""


class Order:
    """The download `id_` of the peer that `client` asks. `download` is how it stood when it was looked at last."""

    def __init__(self, client: ControlClient, id_: str) -> None:
        self.download: Download | None = None
        self._client = client
        self._path = f"downloads/{id_}"

    def follow(self, update: Callable[[Download], None], deadline: float | None) -> Download:
        """The download when it is over; `update` is told how it stands meanwhile.

        Cancels it at Ctrl-C and at `deadline` (monotonic). Raises Failure.
        """
        try:
            return self._poll(update, deadline)
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

    def _poll(self, update: Callable[[Download], None], deadline: float | None) -> Download:
        pause = FIRST_POLL
        while True:
            asked = time.monotonic()
            download: Download = self._client.get(self._path)
            self.download = download
            update(download)
            if download["ended"] is not None:
                return download
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                raise TimeoutError
            # a download of very many files is long to describe: the peer is not to spend its time on that; but a late
            # answer may also come of a peer that was suspended
            pause = min(max(min(LAST_POLL, pause * 1.2), 10 * (now - asked)), LONGEST_POLL)
            time.sleep(pause if deadline is None else min(pause, deadline - now))

    def _cancel(self) -> None:
        try:
            self.download = self._client.delete(self._path)
        except ControlError as error:
            if error.status not in (404, 409):
                warn(error.text)
