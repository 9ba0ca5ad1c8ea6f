"""Whole documents, one after the other, each from one holder: over connections that stay open, and asked for in time.

Who has begun to send is asked for what is wanted next of it, too, so that nothing waits for requests to arrive: that
takes long when this side's uplink is full of what it sends. Still, no two documents come at the same time.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from ..index.distributed import Address
from ..swarm.errors import DownloadError, Unreachable
from ..swarm.fetch import FileSink, fetch_whole
from ..swarm.part import PartFile
from ..swarm.rates import Throttle
from ..wire.messages import GetFile, Response
from ..wire.records import IndexRecord
from .client import ClientConnection
from .dialing import Reactor, dial
from .discovery import Discovery
from .jobs import DONE, FAILED, Item

AHEAD = 64 * 1024
MOST_ASKED = 16
"""Bytes that are asked of a holder before what is asked for next, and documents, at most."""
MOST_KEPT = 8
"""Connections that are kept open for what may be asked next."""

Arrived = Callable[[Item, Path, str, bytes], object]
"""Told of an item that is in place: its path, SHA-256 (hex) and piece hashes."""


class Turn:
    """The fetch of `item` to `target` from one of `holders`, the first of them first."""

    def __init__(self, item: Item, target: Path, holders: Sequence[IndexRecord]) -> None:
        self.item = item
        self.target = target
        self.holders = holders
        self.coming: Deferred[None] = Deferred()
        """Fires when its first bytes are there, or it is over."""
        self.ended: Deferred[None] = Deferred()

    def begin(self, fetch: Coroutine[Deferred[Any], Any, None]) -> None:
        """Carry it out."""
        self.ended = Deferred.fromCoroutine(fetch)

    def come(self) -> None:
        """It begins to come, or never will."""
        if not self.coming.called:
            self.item.begin()
            self.coming.callback(None)

    @property
    def size(self) -> int:
        """Bytes; of what nobody said the size of, more than is asked for ahead."""
        size = self.item.size
        return AHEAD if size is None else size

    @property
    def address(self) -> Address | None:
        """Where it is to come from."""
        return (self.holders[0].host, self.holders[0].port) if self.holders else None


class WholeFetcher:
    """Fetches the items of one job; `arrived` is told of each that is in place, before it counts as done."""

    def __init__(self, reactor: Reactor, discovery: Discovery, downlink: Throttle, arrived: Arrived) -> None:
        self._reactor = reactor
        self._discovery = discovery
        self._downlink = downlink
        self._arrived = arrived
        self._kept: dict[Address, ClientConnection] = {}
        self._dialled: dict[Address, Deferred[None]] = {}

    async def run(self, items: Iterable[tuple[Item, Path]], overwrite: bool) -> None:
        """Fetch each to its path; each item says what became of it."""
        asked: deque[Turn] = deque()
        try:
            turns = [Turn(item, target, self._ranked(item)) for item, target in items]
            for address in list(dict.fromkeys(turn.address for turn in turns))[:MOST_KEPT]:
                self._prepare(address)  # now: later, links are full
            for turn in turns:
                await self._until_due(turn, asked)
                turn.begin(self._fetch(turn, overwrite))
                asked.append(turn)
            for turn in asked:
                await turn.ended
        finally:
            for turn in asked:
                turn.ended.cancel()
            for dialling in list(self._dialled.values()):
                dialling.cancel()
            for connection in self._kept.values():
                connection.close()

    async def _until_due(self, turn: Turn, asked: deque[Turn]) -> None:
        """Until it may be asked for; `asked` are those that have not ended, all from the same holder."""
        while asked:
            first = asked[0]
            await first.coming
            if turn.address != first.address:
                self._prepare(turn.address)
            elif self._is_open(turn.address) and len(asked) < MOST_ASKED and sum(one.size for one in asked) < AHEAD:
                return
            await first.ended
            asked.popleft()

    def _ranked(self, item: Item) -> list[IndexRecord]:
        """Its holders, in chance order, those that failed lately last."""

        def failures(holder: IndexRecord) -> int:
            known = self._discovery.peers.get((holder.host, holder.port))
            return known.failures if known else 0

        holders = item.document.holders if item.document else []
        return sorted(random.sample(holders, len(holders)), key=failures)

    # one document

    async def _fetch(self, turn: Turn, overwrite: bool) -> None:
        try:
            found = await self._to_disk(turn, overwrite)
        except DownloadError as e:
            turn.come()
            turn.item.end(FAILED, e)
        else:
            turn.come()
            self._arrived(turn.item, turn.target, *found)
            turn.item.end(DONE)

    async def _to_disk(self, turn: Turn, overwrite: bool) -> tuple[str, bytes]:
        """Returns SHA-256 (hex) and piece hashes of what is in place. Raises DownloadError."""
        item, document = turn.item, turn.item.document
        assert document is not None

        def progress(holder: IndexRecord, size: int) -> None:
            if size == 0:  # from the start, from whoever it is now
                item.got = 0
            else:
                turn.come()
                item.came(f"{holder.host}:{holder.port}", size)

        part = PartFile(turn.target)
        try:
            found = await fetch_whole(document, turn.holders, part, self._ask, progress)
            part.finish(overwrite)
        except BaseException:
            part.discard()
            raise
        return found

    async def _ask(self, holder: IndexRecord, message: GetFile, sink: FileSink) -> Response:
        address = holder.host, holder.port
        if address in self._dialled:
            await self._dialled[address]
        if self._is_open(address):
            kept = self._kept[address] = self._kept.pop(address)  # as the one used last
            try:
                return await kept.ask(message, sink)
            except Unreachable:
                if sink.got:  # else it may have been closed before it was asked, which says nothing of the holder
                    raise
        await self._dial(address)
        return await self._kept[address].ask(message, sink)

    # connections

    def _prepare(self, address: Address | None) -> None:
        """Have a connection to `address` when its turn comes, if it can be had."""
        if address is not None and address not in self._dialled and not self._is_open(address):
            self._dialled[address] = Deferred.fromCoroutine(self._dial(address)).addErrback(self._not_dialled)

    @staticmethod
    def _not_dialled(failure: Failure) -> None:
        failure.trap(Unreachable, CancelledError)  # who asks it dials again, and is told

    def _is_open(self, address: Address | None) -> bool:
        kept = None if address is None else self._kept.get(address)
        return kept is not None and kept.usable

    async def _dial(self, address: Address) -> None:
        try:
            connection = await dial(self._reactor, address, downlink=self._downlink)
        finally:
            self._dialled.pop(address, None)
        old = self._kept.pop(address, None) or (len(self._kept) == MOST_KEPT and self._kept.pop(next(iter(self._kept))))
        if old:
            old.close()
        self._kept[address] = connection
