"""Following the index of another peer: what it has now, and each change as it happens, unfinished files included."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from twisted.logger import Logger

from ..index.distributed import Address, DistributedIndex
from ..library.pieces import piece_count
from ..swarm.errors import FetchError
from ..wire.changes import Change, Gone, Have, parse_change
from ..wire.errors import BadRequest
from ..wire.limits import MAX_INDEX
from ..wire.messages import ANEW, GetIndex, Response
from ..wire.ranges import from_ranges
from ..wire.records import IndexRecord
from .client import ClientConnection

MOST_PARTS = 10_000
"""Unfinished files remembered of one peer."""

Heard = Callable[[Address, Iterable[Change]], object]
"""Told which peer said that what has changed."""


@dataclass
class Part:
    """An unfinished file of another peer: how many pieces it has, and which of them are there."""

    count: int
    pieces: set[int] = field(default_factory=set)


class Following:
    """Follows the peer at `address`. `parts` are its unfinished files by their hash."""

    log = Logger()

    def __init__(self, address: Address, index: DistributedIndex, now: Callable[[], float], heard: Heard) -> None:
        self.address = address
        self.since = ANEW
        self.parts: dict[str, Part] = {}
        self.connection: ClientConnection | None = None
        self._index = index
        self._now = now
        self._heard = heard

    async def run(self, connection: ClientConnection) -> None:
        """Follow over `connection`, on which the peer has answered in 1.1. Returns when that ends."""
        self.connection = connection
        try:
            await connection.follow(GetIndex(self.since, follow=True), MAX_INDEX, self.changed)
        except FetchError as e:
            self.log.debug("{peer} is followed no longer: {why}", peer=self.address, why=str(e))
        finally:
            self.connection = None
            self.parts.clear()
            connection.close()

    def close(self) -> None:
        """Follow no longer."""
        if self.connection is not None:
            self.connection.close()

    def changed(self, response: Response, body: bytes) -> None:
        """Take one answer to GET INDEX with Since."""
        now = self._now()
        changes = list(self._parsed(body))
        if response.since is None:
            self._index.forget(self.address)
        else:
            self._index.renew(self.address, now)
        for change in changes:
            self._apply(change, now)
        self.since = response.index or ANEW
        self._heard(self.address, changes)

    def _parsed(self, body: bytes) -> Iterable[Change]:
        """The changes in `body`; the peer's own records get the address that we know it by."""
        for line in body.decode("utf-8", "replace").split("\n"):
            try:
                change = parse_change(line) if line else None
            except BadRequest as e:
                self.log.info("{peer} sent a line that is no change: {why}", peer=self.address, why=e.reason)
                continue
            if isinstance(change, IndexRecord):
                yield replace(change, host=self.address[0], port=self.address[1])
            elif change is not None:
                yield change

    def _apply(self, change: Change, now: float) -> None:
        if isinstance(change, IndexRecord):
            self._index.put(self.address, change, now)
            self.parts.pop(change.sha256 or "", None)
        elif isinstance(change, Gone):
            self._index.remove(self.address, change.name)
        elif change.sha256 in self.parts or len(self.parts) < MOST_PARTS:
            self._have(change)

    def _have(self, change: Have) -> None:
        part = self.parts.setdefault(change.sha256, Part(piece_count(change.size)))
        part.pieces.update(from_ranges(change.pieces, part.count))
