"""Whole documents, one after the other: one coroutine for each holder, and one of them at a time.

`_fetch_from` keeps the connection of its holder for as long as the next document is to come from that holder. Once a
document has begun to arrive, it asks for the next ones: a request takes long to get there when this side's uplink is
full of what it sends, and the downlink would be idle meanwhile. When another holder is next, a connection to it is made
ready, but it is asked only when all that the first was asked for has arrived: two documents that arrive at the same
time would share the downlink, and the first in the user's order would be complete later than it could be.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from twisted.internet.task import deferLater

from ...net.client import ClientConnection
from ...net.connect import Reactor
from ...net.errors import FetchError, Refused, Unreachable
from ...net.throttle import Throttle
from ...swarm.errors import DownloadError, NameTaken, PartFileInUse, WrongContent
from ...swarm.target import Target
from ...wire.address import Address
from ...wire.messages import Version
from ..peers.discovery import Discovery
from .holders import MAX_KEPT, Holders
from .model import DONE, FAILED, DownloadFile, OnComplete
from .whole_file import WholeFile

AHEAD = 64 * 1024
"""Bytes outstanding at a holder before which it is asked for the next document."""
MAX_OUTSTANDING = 16
"""Documents outstanding at a holder at most."""
MAX_RETRIES = 10
"""Times that a holder is asked again that cannot send a document at the moment (Retry-After)."""
MAX_RETRY_AFTER = 10
"""Seconds that it may put off a request, at most."""


class SequentialFetcher:
    """Fetches the files of one download; calls `on_complete` with each that is in place, before it counts as done."""

    def __init__(self, reactor: Reactor, discovery: Discovery, downlink: Throttle, on_complete: OnComplete) -> None:
        self._reactor = reactor
        self._holders = Holders(reactor, discovery, downlink)
        self._on_complete = on_complete
        self._waiting: deque[WholeFile] = deque()
        self._overwrite = False

    async def run(self, files: Iterable[tuple[DownloadFile, Target]], overwrite: bool) -> None:
        """Fetch each file to its target; the state and error of each say how it ended."""
        self._overwrite = overwrite
        every = [WholeFile(file, target, self._holders) for file, target in files]
        self._waiting.extend(every)
        try:
            for address in list(dict.fromkeys(whole.address for whole in every))[:MAX_KEPT]:
                self._prepare(address)  # now: later, links are full
            while self._waiting:
                address = self._waiting[0].address
                if address is None:
                    whole = self._waiting.popleft()
                    self._end(whole, whole.error())
                else:
                    await self._fetch_from(address)
        finally:
            self._holders.close()
            for whole in every:
                whole.discard()

    async def _fetch_from(self, address: Address) -> None:
        """Fetch the next documents from one holder, until another is next or one of them has to be asked for again."""
        first = self._waiting.popleft()
        await self._until(first.retry_at)
        was_open = self._holders.is_open(address)
        try:
            connection = await self._holders.connection(address)
        except Unreachable as e:
            self._unreachable(first, address, e)
            return
        outstanding: deque[WholeFile] = deque()
        again: list[WholeFile] = []
        self._ask(first, outstanding, connection, address)
        while outstanding:
            current = outstanding[0]
            await current.started
            if current.received and not again:
                self._ask_ahead(outstanding, connection, address)
            error = await current.response
            outstanding.popleft()
            if not self._settle(current, address, error, was_open):
                again.append(current)
            was_open = True
        self._waiting.extendleft(reversed(again))

    async def _until(self, due: float) -> None:
        if due > self._reactor.seconds():
            await deferLater(self._reactor, due - self._reactor.seconds())

    def _ask_ahead(self, outstanding: deque[WholeFile], connection: ClientConnection, address: Address) -> None:
        """Ask for the next documents if they are to come from this holder too; prepare for another one."""
        while self._waiting:
            if self._waiting[0].address != address:
                self._prepare(self._waiting[0].address)
                return
            if not (connection.usable and connection.version is Version.V11 and _has_room(outstanding)):
                return
            self._ask(self._waiting.popleft(), outstanding, connection, address)

    def _ask(
        self, whole: WholeFile, outstanding: deque[WholeFile], connection: ClientConnection, address: Address
    ) -> None:
        try:
            whole.ask(connection, address, self._reactor.seconds)
            outstanding.append(whole)
        except DownloadError as e:
            self._end(whole, e)

    def _prepare(self, address: Address | None) -> None:
        if address is not None:
            self._holders.prepare(address)

    def _unreachable(self, whole: WholeFile, address: Address, error: Unreachable) -> None:
        """Let `whole`, and those that would be asked of the same holder again, be asked of others first."""
        self._holders.failed(address, error)
        whole.failed(address, error)
        self._waiting.appendleft(whole)
        for waiting in self._waiting:
            waiting.release(address)

    # the end of a request

    def _settle(self, whole: WholeFile, address: Address, error: FetchError | None, was_open: bool) -> bool:
        """Act on the end of a request; return whether that was the end of the document, well or badly.

        `was_open`: the connection was there before the request. It may then have been closed before the request
        arrived, which says nothing of the holder.
        """
        if error is None:
            self._holders.answered(address)
            error = self._finish(whole, address)
        elif isinstance(error, Unreachable) and was_open and not whole.received:
            return False
        else:
            self._holders.failed(address, error)
        if error is None or (isinstance(error, DownloadError) and not isinstance(error, WrongContent)):
            self._end(whole, error)
            return True
        if isinstance(error, Refused) and error.retry_after is not None and whole.retries < MAX_RETRIES:
            whole.postpone(self._reactor.seconds() + min(max(error.retry_after, 1), MAX_RETRY_AFTER))
        else:
            whole.failed(address, error)
        return False

    def _finish(self, whole: WholeFile, address: Address) -> DownloadError | None:
        """Put it in place, or return why not; `address` has sent it."""
        try:
            sha256, pieces = whole.finish(self._overwrite)
        except DownloadError as e:
            return e
        whole.file.whole_from = address
        self._on_complete(whole.file, whole.target, sha256, pieces)
        return None

    def _end(self, whole: WholeFile, error: DownloadError | None) -> None:
        """End the file of `whole`; one whose place another process has taken is looked at again."""
        whole.discard()
        whole.file.start()
        if isinstance(error, PartFileInUse | NameTaken):
            whole.file.is_taken = True
        else:
            whole.file.end(DONE if error is None else FAILED, error)


def _has_room(outstanding: deque[WholeFile]) -> bool:
    """Whether another document may be asked for; one of unknown size counts as AHEAD bytes."""
    size = sum(AHEAD if whole.file.size is None else whole.file.size for whole in outstanding)
    return len(outstanding) < MAX_OUTSTANDING and size < AHEAD
