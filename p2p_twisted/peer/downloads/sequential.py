"""Whole documents, one after the other, each from one holder: over connections that stay open, and asked for in time.

Who has begun to send is asked for what is wanted next of it, too, so that nothing waits for requests to arrive: that
takes long when this side's uplink is full of what it sends. Still, no two documents come at the same time.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.task import deferLater

from ...net.client import PATIENCE, ClientConnection
from ...net.connect import Reactor, dial
from ...net.errors import FetchError, Refused, Stalled, Unreachable
from ...net.throttle import Throttle
from ...swarm.errors import DownloadError, Exists, Taken
from ...swarm.part_file import PartFile
from ...swarm.swarm import FROZEN_TIMEOUT
from ...swarm.target import Target
from ...swarm.whole_file import FileSink, fetch_whole
from ...wire.address import Address
from ...wire.messages import GetFile, Response, Version
from ...wire.records import IndexRecord
from ..peers.discovery import Discovery
from .model import DONE, FAILED, DownloadFile
from .sequential_turn import AHEAD, Turn

MOST_ASKED = 16
"""Documents that are asked of a holder before what is asked for next, at most."""
MAX_RETRIES = 10
"""Times that a holder is asked again which says (Retry-After) that it cannot send a document at the moment."""
MOST_KEPT = 8
"""Connections that are kept open for what may be asked next."""

Arrived = Callable[[DownloadFile, Target, str, bytes], object]
"""Told of an item that is in place: its place, SHA-256 (hex) and piece hashes."""


class WholeFetcher:
    """Fetches the items of one job; `arrived` is told of each that is in place, before it counts as done."""

    def __init__(self, reactor: Reactor, discovery: Discovery, downlink: Throttle, arrived: Arrived) -> None:
        self._reactor = reactor
        self._discovery = discovery
        self._downlink = downlink
        self._arrived = arrived
        self._kept: dict[Address, ClientConnection] = {}
        self._dialled: dict[Address, Deferred[Exception | None]] = {}
        self._failed: Counter[Address] = Counter()
        self._silent_since: dict[Address, float] = {}
        self._turns = DeferredLock()
        self._busy: Address | None = None
        """Who is asked, with `_asked` documents outstanding: the lock is held."""
        self._asked = 0

    async def run(self, items: Iterable[tuple[DownloadFile, Target]], overwrite: bool) -> None:
        """Fetch each to its target; each item says what became of it."""
        asked: deque[Turn] = deque()
        try:
            turns = [Turn(item, target, self._ranked(item), self._failed) for item, target in items]
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
                turn.ended.addErrback(lambda failure: failure.trap(CancelledError) and None).cancel()
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
            elif self._open(turn.address) and len(asked) < MOST_ASKED and sum(one.size for one in asked) < AHEAD:
                return
            await first.ended
            asked.popleft()

    def _ranked(self, item: DownloadFile) -> list[IndexRecord]:
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
        except (Taken, Exists):
            turn.come()
            turn.item.is_taken = True
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
            found = await fetch_whole(document, self._attempts(turn), part, self._ask, progress, self._reactor.seconds)
            part.finish(overwrite)
        except BaseException:
            part.discard()
            raise
        return found

    def _attempts(self, turn: Turn) -> Iterator[IndexRecord]:
        """Each of its holders, and those again that are connected and silent: one may have been suspended."""
        yield from turn.holders
        while True:
            silent = [one for one in turn.holders if self._may_be_suspended((one.host, one.port))]
            if not silent:
                return
            yield silent[0]

    def _may_be_suspended(self, address: Address) -> bool:
        since = self._silent_since.get(address)
        return since is not None and self._reactor.seconds() - since < FROZEN_TIMEOUT

    async def _ask(self, holder: IndexRecord, message: GetFile, sink: FileSink) -> Response:
        """Ask, and again when the holder says that it will have the document in a moment."""
        for _ in range(MAX_RETRIES):
            try:
                return await self._ask_once(holder, message, sink)
            except Refused as e:
                if e.retry_after is None:
                    raise
                await deferLater(self._reactor, min(max(e.retry_after, 1), MAX_RETRIES))
        return await self._ask_once(holder, message, sink)

    async def _ask_once(self, holder: IndexRecord, message: GetFile, sink: FileSink) -> Response:
        address = holder.host, holder.port
        await self._enter(address)
        was_open = self._open(address) is not None
        try:
            connection = await self._connection(address)
            response = await connection.ask(message, sink)
        except FetchError as e:
            self._leave()
            if not isinstance(e, Unreachable) or sink.got or not was_open:
                self._failed[address] += not isinstance(e, Refused)  # it answers, if not with this
                if isinstance(e, Stalled):
                    self._silent_since.setdefault(address, self._reactor.seconds() - PATIENCE)
                else:
                    self._silent_since.pop(address, None)
                raise
        else:
            self._failed.pop(address, None)
            self._silent_since.pop(address, None)
            self._leave()
            return response
        # it may have been closed before it was asked, which says nothing of the holder
        return await self._ask_once(holder, message, sink)

    async def _enter(self, address: Address) -> None:
        """Wait until no other holder is asked; nor this one, unless it is known to take more than one request."""
        connection = self._open(address) if self._asked and self._busy == address else None
        if connection is None or connection.version is not Version.V11:
            await self._turns.acquire()
            self._busy = address
        self._asked += 1

    def _leave(self) -> None:
        """Who waits may go on; not called for what is cancelled, for then all is."""
        self._asked -= 1
        if not self._asked:
            self._turns.release()

    # connections

    def _open(self, address: Address | None) -> ClientConnection | None:
        kept = None if address is None else self._kept.get(address)
        return kept if kept is not None and kept.usable else None

    async def _connection(self, address: Address) -> ClientConnection:
        """An open one. Raises Unreachable."""
        if self._open(address) is None:
            error = await (self._dialled.get(address) or self._dial(address))
            if error is not None:
                raise error
        connection = self._kept[address] = self._kept.pop(address)  # as the one used last
        return connection

    def _prepare(self, address: Address | None) -> None:
        """Have a connection to `address` when its turn comes, if it can be had."""
        if address is not None and address not in self._dialled and self._open(address) is None:
            self._dial(address)

    def _dial(self, address: Address) -> Deferred[Exception | None]:
        """Fires with what was in the way, for whoever waits for it."""
        dialled = self._dialled[address] = Deferred.fromCoroutine(self._dialled_to(address))
        return dialled.addCallback(self._tried, address)

    def _tried(self, error: Exception | None, address: Address) -> Exception | None:
        del self._dialled[address]
        return error

    async def _dialled_to(self, address: Address) -> Exception | None:
        try:
            connection = await dial(self._reactor, address, downlink=self._downlink)
        except (Unreachable, CancelledError) as e:
            return e
        idle = (other for other, kept in self._kept.items() if not kept.outstanding)
        old = self._kept.pop(address, None) or (len(self._kept) == MOST_KEPT and self._kept.pop(next(idle)))
        if old:
            old.close()
        self._kept[address] = connection
        return None
