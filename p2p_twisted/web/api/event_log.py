"""Events on the API: the last ones of a kind of process, and the readers that follow them (docs/api.rst)."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IReactorTime

from ...events import types
from ...events.history import History
from ...events.publisher import Publisher
from ...wire import fields as wire_fields
from ...wire.address import Address
from ...wire.errors import BadRequest
from ...wire.visible import MAX_SHOWN
from ..http.calls import Call
from ..sse import EventStream


def event_name(kind: type[types.Event]) -> str:
    """Return the name of a type of event: ``DownloadStarted`` is ``download-started``."""
    name = kind.__name__
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("-")


def event_json(event: types.Event) -> dict[str, Any]:
    """Return the fields of `event`; an address is HOST:PORT, also in a list."""
    return {field.name: _plain(getattr(event, field.name)) for field in fields(event)}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int):
        return host_port(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def host_port(address: Address) -> str:
    """Return HOST:PORT."""
    return f"{address[0]}:{address[1]}"


class EventLog:
    """The last events of `events` that are of `kinds`, and the readers that follow them.

    Numbers begin at the microseconds of the start, so that those of two runs of a process differ. A reader may also ask
    for `made`: kinds that a subclass makes of many events.
    """

    def __init__(
        self,
        events: Publisher,
        clock: IReactorTime,
        kinds: Sequence[type[types.Event]],
        made: Sequence[type[types.Event]] = (),
    ) -> None:
        self.history: History[types.Event] = History(last=int(time.time() * 1e6))
        self._clock = clock
        self._readers: set[object] = set()
        self._names = {kind: event_name(kind) for kind in (*kinds, *made)}
        for kind in kinds:
            events.subscribe(kind, self._add)

    def follow(self, call: Call) -> EventStream[types.Event]:
        """Return the answer to ``GET events``."""
        query = call.query(("since", "download", "types"))
        given = call.header("Last-Event-ID") or ([query["since"]] if "since" in query else [])
        since = wire_fields.number(given[0], "the number of an event") if given else self.history.last
        download, kinds = query.get("download"), self._kinds(query.get("types"))

        def render(event: types.Event) -> str:
            if type(event) not in kinds or (download is not None and getattr(event, "download", None) != download):
                return ""
            data = json.dumps(event_json(event), separators=(",", ":"))
            return f"event: {self._names[type(event)]}\ndata: {data}\n"

        return EventStream(self.history, since, self._readers, self._clock, render)

    def _kinds(self, listed: str | None) -> frozenset[type[types.Event]]:
        """Return the types whose names, with commas between them, are `listed`; all without a list.

        Raises BadRequest.
        """
        if listed is None:
            return frozenset(self._names)
        names = set(listed.split(","))
        if unknown := names.difference(self._names.values()):
            known = ", ".join(sorted(self._names.values()))
            raise BadRequest(f"there is no event {min(unknown)[:MAX_SHOWN]!a}; there are {known}")
        return frozenset(kind for kind, name in self._names.items() if name in names)

    def _add(self, event: types.Event) -> None:
        self.history.add(event)
