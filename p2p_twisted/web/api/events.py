"""The events of a peer on the API: which there are, their names and JSON, and progress added up (docs/api.rst)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...events import types
from ...events.history import History
from ...events.publisher import Publisher
from ...wire import fields as wire_fields
from ...wire.address import Address
from ...wire.errors import BadRequest
from ...wire.visible import MAX_SHOWN
from ..http.calls import Call
from ..sse import EventStream

PROGRESS_INTERVAL = 0.2
"""Seconds over which the progress of a file is added up."""


@dataclass(frozen=True)
class FileProgress(types.Event):
    """Bytes of a file that a download has received since the last of these events, by source."""

    download: str
    name: str
    sources: Mapping[str, int]


@dataclass(frozen=True)
class PiecesVerified(types.Event):
    """Pieces of a file that were received and verified since the last of these events, by source."""

    sha256: str
    sources: Mapping[str, list[int]]


EVENTS: tuple[type[types.Event], ...] = (
    types.DownloadStarted,
    types.DownloadEnded,
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
"""The events that are passed on as they are published. `FileProgress` and `PiecesVerified` are made of many."""


def event_name(kind: type[types.Event]) -> str:
    """Return the name of a type of event: ``DownloadStarted`` is ``download-started``."""
    name = kind.__name__
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("-")


NAMES = {kind: event_name(kind) for kind in (*EVENTS, FileProgress, PiecesVerified)}


def _kinds(listed: str | None) -> frozenset[type[types.Event]]:
    """Return the types whose names, with commas between them, are `listed`; all without a list. Raises BadRequest."""
    if listed is None:
        return frozenset(NAMES)
    names = set(listed.split(","))
    if unknown := names.difference(NAMES.values()):
        raise BadRequest(
            f"there is no event {min(unknown)[:MAX_SHOWN]!a}; there are {', '.join(sorted(NAMES.values()))}"
        )
    return frozenset(kind for kind, name in NAMES.items() if name in names)


def event_json(event: types.Event) -> dict[str, Any]:
    """Return the fields of `event`; an address is HOST:PORT, also in a list."""
    return {field.name: _plain(getattr(event, field.name)) for field in fields(event)}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int):
        return _host_port(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def _host_port(address: Address) -> str:
    return f"{address[0]}:{address[1]}"


class EventLog:
    """The last events of `events`, and the readers that follow them.

    Numbers begin at the microseconds of the start, so that those of two runs of a process differ. Progress is added up,
    and only while somebody reads.
    """

    def __init__(self, events: Publisher, clock: IReactorTime) -> None:
        self.history: History[types.Event] = History(last=int(time.time() * 1e6))
        self._clock = clock
        self._readers: set[object] = set()
        self._received: dict[tuple[str, str], dict[str, int]] = {}
        self._verified: dict[str, dict[str, list[int]]] = {}
        self._flushing: IDelayedCall | None = None
        for kind in EVENTS:
            events.subscribe(kind, self._add)
        events.subscribe(types.FileProgress, self._progress)
        events.subscribe(types.PieceVerified, self._piece)

    def follow(self, call: Call) -> EventStream[types.Event]:
        """Return the answer to ``GET events``."""
        query = call.query(("since", "download", "types"))
        given = call.header("Last-Event-ID") or ([query["since"]] if "since" in query else [])
        since = wire_fields.number(given[0], "the number of an event") if given else self.history.last
        download, kinds = query.get("download"), _kinds(query.get("types"))

        def render(event: types.Event) -> str:
            if type(event) not in kinds or (download is not None and getattr(event, "download", None) != download):
                return ""
            data = json.dumps(event_json(event), separators=(",", ":"))
            return f"event: {NAMES[type(event)]}\ndata: {data}\n"

        return EventStream(self.history, since, self._readers, self._clock, render)

    def _add(self, event: types.Event) -> None:
        if isinstance(event, types.FileEnded):
            self._add_received((event.download, event.name))
        elif isinstance(event, types.DownloadEnded):
            self._flush()
        self.history.add(event)

    def _progress(self, event: types.FileProgress) -> None:
        if self._readers:
            self._flush_later()
            sources = self._received.setdefault((event.download, event.name), {})
            address = _host_port(event.source)
            sources[address] = sources.get(address, 0) + event.size

    def _piece(self, event: types.PieceVerified) -> None:
        if self._readers:
            self._flush_later()
            sources = self._verified.setdefault(event.sha256, {})
            sources.setdefault(_host_port(event.source), []).append(event.piece)

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
        verified, self._verified = self._verified, {}
        for sha256, sources in verified.items():
            self.history.add(PiecesVerified(sha256, sources))

    def _add_received(self, file: tuple[str, str]) -> None:
        sources = self._received.pop(file, None)
        if sources is not None:
            self.history.add(FileProgress(*file, sources))
