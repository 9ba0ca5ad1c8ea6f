"""The numbers that a peer counts from its start on: what its events tell of."""

from __future__ import annotations

from collections import Counter

from ..events.publisher import Publisher
from ..events.types import (
    Event,
    FileEnded,
    FileProgress,
    HashFailed,
    PieceVerified,
    RegistrationFailed,
    SourceBanned,
    SourceLost,
    SourceSnubbed,
)

COUNTED: tuple[type[Event], ...] = (
    PieceVerified,
    HashFailed,
    SourceBanned,
    SourceLost,
    SourceSnubbed,
    RegistrationFailed,
)
"""The events of which the number is all that counts."""


class PeerCounts:
    """Counts what `events` publishes."""

    def __init__(self, events: Publisher) -> None:
        self.events: Counter[type[Event]] = Counter()
        """Of each kind in COUNTED."""
        self.fetched = 0
        """Bytes received in downloads."""
        self.files: Counter[str] = Counter()
        """Files of downloads that have ended, by state."""
        for kind in COUNTED:
            events.subscribe(kind, self._count)
        events.subscribe(FileProgress, self._note_progress)
        events.subscribe(FileEnded, self._note_end)

    def _count(self, event: Event) -> None:
        self.events[type(event)] += 1

    def _note_progress(self, event: FileProgress) -> None:
        self.fetched += event.size

    def _note_end(self, event: FileEnded) -> None:
        self.files[event.state] += 1
