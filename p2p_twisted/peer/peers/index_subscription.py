"""Follow the index of another peer: its present state, then each change, unfinished files included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import islice

from twisted.logger import Logger

from ...index.distributed import MAX_RECORDS_OF_HOLDER, DistributedIndex
from ...library.pieces import piece_count
from ...net.client import ClientConnection
from ...net.errors import FetchError
from ...wire.address import Address
from ...wire.changes import Change, Have, Removed, parse_change
from ...wire.errors import BadRequest
from ...wire.limits import MAX_INDEX
from ...wire.messages import INITIAL_VERSION, GetIndex, Response
from ...wire.ranges import from_ranges
from ...wire.records import IndexRecord

MAX_PARTS = 10_000
"""Most unfinished files remembered of one peer."""
MAX_PIECES = 100_000
"""Most pieces of them together remembered of one peer."""

OnChanges = Callable[[Address, Iterable[Change]], object]
"""Called with the address of a peer and its changes."""


@dataclass
class Part:
    """An unfinished file of another peer: the number of its pieces, and those that the peer has."""

    count: int
    pieces: set[int] = field(default_factory=set)


def lines_of(body: bytes) -> Iterator[str]:
    """Yield the lines of an index without their ends; one at a time, as it may be long."""
    for line in BytesIO(body):
        yield line.rstrip(b"\r\n").decode("utf-8", "replace")


class IndexSubscription:
    """The subscription to the index of the peer at `address`. `parts` has its unfinished files by their hash."""

    log = Logger()

    def __init__(
        self, address: Address, index: DistributedIndex, now: Callable[[], float], on_changes: OnChanges
    ) -> None:
        self.address = address
        self.since = INITIAL_VERSION
        self.parts: dict[str, Part] = {}
        self._pieces = 0
        self.connection: ClientConnection | None = None
        self._index = index
        self._now = now
        self._on_changes = on_changes

    async def run(self, connection: ClientConnection) -> FetchError | None:
        """Follow over `connection`, on which the peer has answered in 1.1. Returns the error that ended it."""
        self.connection = connection
        why = None
        try:
            await connection.follow(GetIndex(self.since, follow=True), MAX_INDEX, self.changed)
        except FetchError as e:
            why = e
            self.log.debug("{peer} is no longer followed: {why}", peer=self.address, why=str(e))
        finally:
            self.connection = None
            self.parts.clear()
            self._pieces = 0
            connection.close()
        return why

    def close(self) -> None:
        """End the subscription."""
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
        if response.since is None or self.connection is None:  # it lists every unfinished file
            self.parts.clear()
            self._pieces = 0
        for change in changes:
            self._apply(change, now)
        self.since = response.index or INITIAL_VERSION
        self._on_changes(self.address, changes)

    def _parsed(self, body: bytes) -> Iterable[Change]:
        """Yield the changes in `body`; the peer's own records get the address under which it is known."""
        bad = 0
        for line in islice(lines_of(body), MAX_RECORDS_OF_HOLDER):
            try:
                change = parse_change(line)
            except BadRequest:
                bad += 1
                continue
            if isinstance(change, IndexRecord):
                yield replace(change, host=self.address[0], port=self.address[1])
            else:
                yield change
        if bad:
            self.log.info("{peer} sent {bad} lines that are not changes", peer=self.address, bad=bad)

    def _apply(self, change: Change, now: float) -> None:
        if isinstance(change, IndexRecord):
            self._index.put(self.address, change, now)
            part = self.parts.pop(change.sha256 or "", None)
            self._pieces -= len(part.pieces) if part else 0
        elif isinstance(change, Removed):
            self._index.remove(self.address, change.name)
        elif change.sha256 in self.parts or len(self.parts) < MAX_PARTS:
            self._have(change)

    def _have(self, change: Have) -> None:
        part = self.parts.setdefault(change.sha256, Part(piece_count(change.size)))
        before = len(part.pieces)
        part.pieces.update(islice(from_ranges(change.pieces, part.count), MAX_PIECES - self._pieces))
        self._pieces += len(part.pieces) - before
