"""Add up the ranges sent to each connection, and publish one event for each file when it is done or idle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...events.publisher import Publisher
from ...events.types import TransferServed
from ...net.caller import Caller

IDLE_TIMEOUT = 5.0
"""Seconds without a request after which a file counts as sent."""
MAX_HOSTS = 1000
"""Hosts of which it is known how much was sent to them: the last ones."""
MAX_FILES = 1000
"""Most files of one connection that are added up at a time."""


class Connection(Protocol):
    """The parts of a server's connection that are needed here."""

    caller: Caller
    sending: int
    """Ranges being sent at the moment."""


@dataclass
class _Upload:
    """The ranges of one file sent to one connection. Times are the clock's seconds, `size` is bytes."""

    name: str
    started: float
    ended: float
    size: int = 0
    complete: bool = True


class Uploads:
    """The files being sent to all connections."""

    def __init__(self, clock: IReactorTime, name_of: Callable[[str, str | None], str], publisher: Publisher) -> None:
        """`name_of` returns the name under which a SHA-256 is served to the peer with a certificate's name."""
        self._clock = clock
        self._name_of = name_of
        self._publisher = publisher
        self._files: dict[Connection, dict[str, _Upload]] = {}
        self._timer: IDelayedCall | None = None
        self._published: dict[str, int] = {}
        """Host -> bytes of the uploads that were published, the latest last."""

    def by_host(self) -> Mapping[str, int]:
        """Return host -> bytes sent to it so far."""
        sent = Counter(self._published)
        for connection, files in self._files.items():
            sent[connection.caller.address[0]] += sum(upload.size for upload in files.values())
        return sent

    def add(self, connection: Connection, sha256: str, size: int, started: float, complete: bool) -> None:
        """Add a range of `size` bytes that was sent since `started`; `complete` is false if it was cut short."""
        files = self._files.setdefault(connection, {})
        if sha256 not in files and len(files) >= MAX_FILES:
            self._publish(connection, next(iter(files)))
        upload = files.setdefault(sha256, _Upload(self._name_of(sha256, connection.caller.name), started, started))
        upload.size += size
        upload.complete &= complete
        upload.ended = self._clock.seconds()
        self._start_timer()

    def close(self, connection: Connection) -> None:
        """Publish all uploads to `connection`, which is closed."""
        for sha256 in list(self._files.get(connection, ())):
            self._publish(connection, sha256)
        self._files.pop(connection, None)
        if not self._files and self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _start_timer(self) -> None:
        if self._timer is None or not self._timer.active():
            self._timer = self._clock.callLater(IDLE_TIMEOUT, self._publish_idle)

    def _publish_idle(self) -> None:
        idle_since = self._clock.seconds() - IDLE_TIMEOUT
        for connection, files in list(self._files.items()):
            for sha256, upload in list(files.items()):
                if not connection.sending and upload.ended <= idle_since:
                    self._publish(connection, sha256)
            if not files:
                del self._files[connection]
        if self._files:
            self._start_timer()

    def _publish(self, connection: Connection, sha256: str) -> None:
        upload = self._files[connection].pop(sha256)
        client, seconds = connection.caller.address, upload.ended - upload.started
        self._published[client[0]] = self._published.pop(client[0], 0) + upload.size
        if len(self._published) > MAX_HOSTS:
            del self._published[next(iter(self._published))]
        self._publisher.publish(TransferServed(client, upload.name, sha256, upload.size, seconds, upload.complete))
