"""The changes of one peer's index, taken line by line as they come. What there is of them counts at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ...index.answer import Answer
from ...index.distributed import DistributedIndex
from ...net.lines import Lines, Slicer
from ...wire.address import Address
from ...wire.changes import Change, Have, Heard, Removed, parse_change
from ...wire.errors import BadRequest
from ...wire.limits import MAX_INDEX
from ...wire.messages import Response
from ...wire.records import IndexRecord
from .retelling import Retelling
from .unfinished import Room, Unfinished

MAX_ROWS = 200_000
"""Most lines of one answer that are read: more than the index keeps of one peer."""
BATCH = 100
"""Most changes announced together, so that they take little memory meanwhile."""

OnChanges = Callable[[Address, Iterable[Change]], object]
"""Called with the address of a peer and its changes."""


@dataclass(frozen=True)
class Intake:
    """What all peers' indexes are read with: where the changes go, and the time and memory that they may take."""

    clock: IReactorTime
    now: Callable[[], float]
    """Gives monotonic seconds."""
    index: DistributedIndex
    on_changes: OnChanges
    slicer: Slicer
    room: Room
    retelling: Retelling


class ChangesSink(Lines):
    """Takes answers to GET INDEX with Since from the peer at `address`, one after another; `finish` ends each.

    The peer's own records get the address under which it is known.
    """

    log = Logger()
    lists_all_parts = True
    """Whether an answer lists every unfinished file."""

    def __init__(self, address: Address, intake: Intake, parts: Unfinished, came: Callable[[int], object]) -> None:
        super().__init__(intake.slicer, self._take_change, MAX_INDEX, MAX_ROWS, came)
        self._address = address
        self._intake = intake
        self._parts = parts
        self._answer: Answer | None = None  # to everything: it counts when it is complete
        self._batch: list[Change] = []
        self._bad = 0

    def begin(self, response: Response) -> None:
        """Take the head: without Since the answer tells everything, else it confirms what it does not name."""
        super().begin(response)
        if response.since is None:
            self._answer = self._intake.index.answer(self._address, self._intake.now())
        else:
            self._intake.index.renew(self._address, self._intake.now())
        if response.since is None or self.lists_all_parts:
            self._parts.clear()

    def finish(self) -> None:
        """Note that the answer is complete, or that no more of it is wanted."""
        self.end()
        if self._answer is not None:
            self._answer.done(self._intake.now())
            self._answer = None
        if self._bad:
            self.log.info("{peer} sent {bad} lines that are not changes", peer=self._address, bad=self._bad)
            self._bad = 0
        self._announce()

    def stop(self) -> None:
        """Take nothing more. An answer to everything that is not finished changes nothing."""
        super().stop()
        if self._answer is not None:
            self._answer.abandon()
            self._answer = None

    def _take_change(self, line: str) -> None:
        try:
            change = parse_change(line)
        except BadRequest:
            self._bad += 1
            return
        if isinstance(change, Heard):
            return self._heard(change.record)
        if isinstance(change, IndexRecord):
            change = replace(change, host=self._address[0], port=self._address[1])
        self._apply(change)
        self._batch.append(change)
        if len(self._batch) >= BATCH:
            self._announce()

    def _apply(self, change: Change) -> None:
        if isinstance(change, Have):
            self._parts.add(change)
        elif isinstance(change, Removed):
            self._intake.index.remove(self._address, change.name)
        else:
            self._parts.discard(change.sha256)
            self._intake.retelling.first_hand(change)
            if self._answer is not None:
                self._answer.add(change)
            else:
                self._intake.index.put(self._address, change, self._intake.now())

    def _heard(self, record: IndexRecord) -> None:
        """Take hearsay: none unless it was asked for."""

    def _announce(self) -> None:
        batch, self._batch = self._batch, []
        self._intake.on_changes(self._address, batch)
