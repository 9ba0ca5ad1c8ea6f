"""The events of a peer on the API: which there are, and progress added up (docs/api.rst)."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...events import types
from ...events.publisher import Publisher
from ...wire.quick_dataclass import quick_dataclass
from .event_log import EventLog, host_port

PROGRESS_INTERVAL = 0.2
"""Seconds over which the progress of a file is added up."""


@quick_dataclass(frozen=True)
class FileProgress(types.Event):
    """Bytes of a file that a download has received since the last of these events, by source."""

    download: str
    name: str
    sources: Mapping[str, int]


@quick_dataclass(frozen=True)
class PiecesVerified(types.Event):
    """Pieces of a file that were received and verified since the last of these events, by source."""

    sha256: str
    sources: Mapping[str, list[int]]


@quick_dataclass(frozen=True)
class IndexUpdated(types.Event):
    """The records of these other peers have changed since the last of these events."""

    peers: list[str]


MADE = (FileProgress, PiecesVerified, IndexUpdated)
"""The events that are made of many."""

EVENTS: tuple[type[types.Event], ...] = (
    types.DownloadStarted,
    types.DownloadEnded,
    types.WantChanged,
    types.FileStarted,
    types.FileEnded,
    types.HashFailed,
    types.SourceConnected,
    types.SourceSnubbed,
    types.SourceLost,
    types.SourceBanned,
    types.DocumentShared,
    types.DocumentUnshared,
    types.PeerSeen,
    types.PeerGone,
    types.Registered,
    types.RegistrationFailed,
    types.TransferServed,
)
"""The events that are passed on as they are published."""


class PeerEventLog(EventLog):
    """The events of a peer. Progress is added up, and only while somebody reads."""

    def __init__(self, events: Publisher, clock: IReactorTime) -> None:
        super().__init__(events, clock, EVENTS, MADE)
        self._received: dict[tuple[str, str], dict[str, int]] = {}
        self._verified: dict[str, dict[str, list[int]]] = {}
        self._updated: set[str] = set()
        self._flushing: IDelayedCall | None = None
        events.subscribe(types.FileProgress, self._progress)
        events.subscribe(types.PieceVerified, self._piece)
        events.subscribe(types.IndexReceived, self._index)
        events.subscribe(types.IndexChanged, self._index)

    def _add(self, event: types.Event) -> None:
        if isinstance(event, types.FileEnded):
            self._add_received((event.download, event.name))
        elif isinstance(event, types.DownloadEnded):
            self._flush()
        super()._add(event)

    def _progress(self, event: types.FileProgress) -> None:
        if self._readers:
            self._flush_later()
            sources = self._received.setdefault((event.download, event.name), {})
            address = host_port(event.source)
            sources[address] = sources.get(address, 0) + event.size

    def _piece(self, event: types.PieceVerified) -> None:
        if self._readers:
            self._flush_later()
            sources = self._verified.setdefault(event.sha256, {})
            sources.setdefault(host_port(event.source), []).append(event.piece)

    def _index(self, event: types.IndexReceived | types.IndexChanged) -> None:
        if self._readers:
            self._flush_later()
            self._updated.add(host_port(event.peer))

    def _flush_later(self) -> None:
        if self._flushing is None:
            self._flushing = self._clock.callLater(PROGRESS_INTERVAL, self._flush)

    def _flush(self) -> None:
        """Add the progress so far to the history."""
        if self._flushing is not None and self._flushing.active():
            self._flushing.cancel()
        self._flushing = None
        for file in list(self._received):
            self._add_received(file)
        updated, self._updated = sorted(self._updated), set()
        if updated:
            self.history.add(IndexUpdated(updated))
        verified, self._verified = self._verified, {}
        for sha256, sources in verified.items():
            self.history.add(PiecesVerified(sha256, sources))

    def _add_received(self, file: tuple[str, str]) -> None:
        sources = self._received.pop(file, None)
        if sources is not None:
            self.history.add(FileProgress(*file, sources))
