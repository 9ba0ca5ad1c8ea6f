"""The notable events of a peer in words, for its log page. The last ones only, in memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ...events import types
from ...events.publisher import Publisher
from ...wire.address import Address
from .units import count, duration, rate, size

MAX_ENTRIES = 300
"""Entries that are kept."""


class Entry(NamedTuple):
    """A line of the log: Unix time, ``good``, ``bad`` or ``plain``, and a sentence with text of strangers as it is."""

    time: float
    kind: str
    text: str


class NotableLog:
    """The last notable events of `events`."""

    def __init__(self, events: Publisher, now: Callable[[], float] = time.time) -> None:
        """`now` gives Unix time."""
        self._events: deque[tuple[float, types.Event]] = deque(maxlen=MAX_ENTRIES)
        self._now = now
        for kind in NOTABLE:
            events.subscribe(kind, self._note)

    def entries(self) -> list[Entry]:
        """Return an entry for each of them, the newest first."""
        return [Entry(time, *_WORDS[type(event)](event)) for time, event in reversed(self._events)]

    def _note(self, event: types.Event) -> None:
        self._events.append((self._now(), event))  # in words only for who looks: a large library shares very many


def _started(event: types.DownloadStarted) -> tuple[str, str]:
    names = event.names
    what = (
        "everything that is not here"
        if names is None
        else names[0]
        if len(names) == 1
        else count(len(names), "document")
    )
    return "plain", f"Download of {what} to {event.directory} started."


def _ended(event: types.DownloadEnded) -> tuple[str, str]:
    if event.state == "done":
        return "good", "The download is complete."
    return (
        "bad" if event.text else "plain"
    ), f"The download is {event.state}{f': {event.text}' if event.text else ''}."


def _file(event: types.FileEnded) -> tuple[str, str]:
    if event.state == "failed":
        return "bad", f"{event.name} failed: {event.text}."
    if not event.sources:
        return "plain", f"{event.name} is here already."
    speed = f" at {rate(event.size / event.seconds)}" if event.seconds > 0 else ""
    sources = count(len(event.sources), "source")
    return "good", f"{event.name}: {size(event.size)} from {sources} in {duration(event.seconds)}{speed}."


def _served(event: types.TransferServed) -> tuple[str, str]:
    cut = "" if event.complete else ", which cut it short"
    return "plain", f"Sent {size(event.size)} of {event.name} to {event.client[0]}{cut}."


def _at(address: Address) -> str:
    return f"{address[0]}:{address[1]}"


_WORDS: Mapping[type[types.Event], Callable[[Any], tuple[str, str]]] = {
    types.DownloadStarted: _started,
    types.DownloadEnded: _ended,
    types.FileEnded: _file,
    types.HashFailed: lambda event: ("bad", f"{_at(event.source)} sent a wrong piece {event.piece}; it was discarded."),
    types.SourceBanned: lambda event: ("bad", f"{_at(event.source)} is not asked again: {event.reason}."),
    types.DocumentShared: lambda event: ("plain", f"{event.name} ({size(event.size)}) is shared."),
    types.DocumentUnshared: lambda event: ("plain", f"{event.name} is no longer shared."),
    types.PeerSeen: lambda event: ("plain", f"Peer {_at(event.peer)} is there."),
    types.PeerGone: lambda event: ("plain", f"Peer {_at(event.peer)} is gone."),
    types.Registered: lambda event: ("good", f"Registered at the RS {_at(event.rs)}."),
    types.RegistrationFailed: lambda event: ("bad", f"The RS {_at(event.rs)} cannot be used: {event.reason}."),
    types.TransferServed: _served,
}

NOTABLE = tuple(_WORDS)
"""The types of events that have an entry."""
