"""Whole documents, one after the other.

The connection of a holder is kept for as long as the next document is to come from that holder. While less than AHEAD
bytes are outstanding, the next ones are requested: a request takes long to get there when this side's uplink is full of
what it sends, and the downlink would be idle meanwhile. When another holder is
next, a connection to it is made ready, but it is asked only for the last HANDOVER bytes of what the first was asked
for: two documents that arrive at the same time would share the downlink, and the first in the user's order would be
complete later than it could be.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

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

AHEAD = 256 * 1024
"""Bytes outstanding at a holder before which it is asked for the next document."""
HANDOVER = 32 * 1024
"""Bytes outstanding at a holder before another one is asked for the next document."""
MAX_OUTSTANDING = 16
"""Documents outstanding at a holder at most."""
MAX_RETRIES = 10
"""Times that a holder is asked again that cannot send a document at the moment (Retry-After)."""
MAX_RETRY_AFTER = 10
"""Seconds that it may put off a request, at most."""


@dataclass(eq=False)
class Turn:
    """The documents that one holder is asked for over one connection, in the order of their answers."""

    address: Address
    connection: ClientConnection
    was_open: bool
    """Whether the connection was there before the first request. It may then have been closed before that arrived,
    which says nothing of the holder."""
    outstanding: deque[WholeFile] = field(default_factory=deque)
    again: list[WholeFile] = field(default_factory=list)
    """Those that have to be asked for again."""

    @property
    def left(self) -> int:
        """Bytes that are still to come; one document of unknown size counts as AHEAD bytes."""
        return sum(AHEAD if whole.left is None else whole.left for whole in self.outstanding)

    @property
    def is_ending(self) -> bool:
        """Whether the last HANDOVER bytes are on their way."""
        return any(whole.received for whole in self.outstanding) and self.left <= HANDOVER

    @property
    def may_ask_ahead(self) -> bool:
        """Whether another document may be asked for."""
        usable = self.connection.usable and self.connection.version is Version.V11
        return usable and len(self.outstanding) < MAX_OUTSTANDING and self.left < AHEAD


class SequentialFetcher:
    """Fetches the files of one download; calls `on_complete` with each that is in place, before it counts as done."""

    def __init__(self, reactor: Reactor, discovery: Discovery, downlink: Throttle, on_complete: OnComplete) -> None:
        self._reactor = reactor
        self._holders = Holders(reactor, discovery, downlink)
        self._on_complete = on_complete
        self._waiting: deque[WholeFile] = deque()
        self._next: Turn | None = None
        """That of the holder that was asked before the present turn has ended."""
        self._overwrite = False

    async def run(self, files: Iterable[tuple[DownloadFile, Target]], overwrite: bool) -> None:
        """Fetch each file to its target; the state and error of each say how it ended."""
        self._overwrite = overwrite
        every = [WholeFile(file, target, self._holders) for file, target in files]
        self._waiting.extend(every)
        try:
            first = dict.fromkeys(whole.address for whole in every if whole.address is not None)
            for address in list(first)[:MAX_KEPT]:
                self._holders.prepare(address)  # now: later, links are full
            while self._waiting or self._next is not None:
                turn, self._next = self._next, None
                turn = turn or await self._begin()
                if turn is not None:
                    await self._fetch(turn)
        finally:
            self._holders.close()
            for whole in every:
                whole.discard()

    async def _begin(self) -> Turn | None:
        """Ask for the next document; None if that was in vain."""
        first = self._waiting.popleft()
        address = first.address
        if address is None:
            self._end(first, first.error())
            return None
        await self._until(first.retry_at)
        was_open = self._holders.is_open(address)
        try:
            turn = Turn(address, await self._holders.connection(address), was_open)
        except Unreachable as e:
            self._unreachable(first, address, e)
            return None
        self._ask(first, turn)
        self._ask_ahead(turn)
        return turn

    async def _fetch(self, turn: Turn) -> None:
        """Fetch documents from one holder, until another is next or one of them has to be asked for again."""
        while turn.outstanding:
            current = turn.outstanding[0]
            error = await current.response
            turn.outstanding.popleft()
            if not self._settle(current, turn, error):
                turn.again.append(current)
            turn.was_open = True
        self._waiting.extendleft(reversed(turn.again))

    async def _until(self, due: float) -> None:
        if due > self._reactor.seconds():
            await deferLater(self._reactor, due - self._reactor.seconds())

    def _ask_ahead(self, turn: Turn) -> None:
        """Ask for the next documents if they are to come from this holder too; else make another one ready."""
        while self._waiting and self._waiting[0].retry_at <= self._reactor.seconds() and not turn.again:
            address = self._waiting[0].address
            if address != turn.address:
                self._hand_over(turn, address)
                return
            if not turn.may_ask_ahead:
                return
            self._ask(self._waiting.popleft(), turn)

    def _hand_over(self, turn: Turn, address: Address | None) -> None:
        """Ask the holder at `address`, which is next, if `turn` is about to end; until then, connect to it."""
        if address is None or self._next is not None:
            return
        self._holders.prepare(address)
        if turn.is_ending and self._holders.is_open(address):
            self._next = Turn(address, self._holders.open_connection(address), True)
            self._ask(self._waiting.popleft(), self._next)
            self._ask_ahead(self._next)

    def _ask(self, whole: WholeFile, turn: Turn) -> None:
        try:
            whole.ask(turn.connection, turn.address, self._reactor.seconds, lambda: self._ask_ahead(turn))
            turn.outstanding.append(whole)
        except DownloadError as e:
            self._end(whole, e)

    def _unreachable(self, whole: WholeFile, address: Address, error: Unreachable) -> None:
        """Let `whole`, and those that would be asked of the same holder again, be asked of others first."""
        self._holders.failed(address, error)
        whole.failed(address, error)
        self._waiting.appendleft(whole)
        for waiting in self._waiting:
            waiting.release(address)

    # the end of a request

    def _settle(self, whole: WholeFile, turn: Turn, error: FetchError | None) -> bool:
        """Act on the end of a request; return whether that was the end of the document, well or badly."""
        address = turn.address
        if error is None:
            self._holders.answered(address)
            error = self._finish(whole, address)
        elif isinstance(error, Unreachable) and turn.was_open and not whole.received:
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
