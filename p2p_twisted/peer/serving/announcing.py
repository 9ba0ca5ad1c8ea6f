"""When changes of this peer's index are announced to those who follow it. Pure: times are the caller's seconds.

Announcements take uplink from the documents that others wait for. So a piece that a source gave to this peer alone is
announced at once, and what can wait is announced when nothing is being sent, or after a while.
"""

from __future__ import annotations

import math
from typing import NamedTuple

BATCH_INTERVAL = 0.1
BATCH_INTERVAL_EACH = 0.02
"""Seconds for which documents that come or go are gathered: at least, and for each follower."""
BUSY_INTERVAL, TOLD_INTERVAL, BUSY_TIME = 3, 10, 1.0
"""The same while content is sent to others, at most, and if all their pieces have been announced; while, that is until
so many seconds later."""
ALONE_INTERVAL = 0.01
"""Seconds for which the pieces are gathered that nobody else was given."""
COPIES_INTERVAL, IDLE_TIME = 3, 0.1
"""The same for the other pieces of files of few, at most, and until nothing has been sent for so many seconds."""
PIECES_INTERVAL = 10
"""The same for the pieces of files of many, of which downloaders hear with their turns."""


class Due(NamedTuple):
    """What an announcement has, besides pieces that nobody else was given, or of files of many."""

    copies: bool
    documents: bool


class Announcing:
    """The times at which something is due to be announced: infinite if nothing is."""

    def __init__(self) -> None:
        self._documents = self._pieces = self._copies = math.inf
        self._announced_at = -math.inf
        """When documents were announced last."""
        self._sent_at = -math.inf

    def content_sent(self, now: float) -> None:
        """Note that content is being sent to another peer."""
        self._sent_at = now

    def documents_changed(self, now: float, followers: int, told: bool) -> None:
        """Note that documents have come or gone; `told`: that all their pieces have been announced."""
        if now - self._sent_at < BUSY_TIME:
            due = now + (TOLD_INTERVAL if told else BUSY_INTERVAL)
        else:
            due = self._announced_at + max(BATCH_INTERVAL, BATCH_INTERVAL_EACH * followers)
        self._documents = min(self._documents, max(now, due))

    def download_started(self, now: float) -> None:
        """Note that this peer takes part in the swarm of a file."""
        self._pieces = now

    def piece_verified(self, now: float, alone: bool) -> None:
        """Note that a piece is here; `alone`: that nobody else was given it. Otherwise its file is one of many."""
        self._pieces = min(self._pieces, now + (ALONE_INTERVAL if alone else PIECES_INTERVAL))

    def copy_verified(self, now: float) -> None:
        """Note that a piece of a file of few is here, which others have too."""
        self._copies = min(self._copies, now + COPIES_INTERVAL)

    @property
    def due(self) -> float:
        """When something is to be announced, as it looks now."""
        return min(self._documents, self._pieces, self._copies_due)

    @property
    def _copies_due(self) -> float:
        """When copies are due: sooner if nothing is being sent."""
        since = self._copies - COPIES_INTERVAL
        return min(self._copies, max(since + ALONE_INTERVAL, self._sent_at + IDLE_TIME))

    def announced(self, now: float) -> Due:
        """Note that everything is announced that is due now; return what that is."""
        due = Due(self._copies_due <= now, self._documents <= now)
        self._pieces = math.inf
        if due.copies:
            self._copies = math.inf
        if due.documents:
            self._documents, self._announced_at = math.inf, now
        return due
