"""Fetch the index of another peer once: the whole of it the first time, with hearsay, and then the changes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from twisted.logger import Logger

from ...index.answer import Answer
from ...net.client import ClientConnection
from ...net.lines import Lines
from ...wire.address import Address
from ...wire.errors import BadRequest
from ...wire.limits import MAX_INDEX
from ...wire.messages import INITIAL_VERSION, GetIndex, Version
from ...wire.records import parse_record
from .changes_sink import MAX_ROWS, Intake
from .known_peer import KnownPeer


class IndexSink(Lines):
    """Takes the whole index of the peer known as `known_as` and reached at `reached`, and gives it to `answer`.

    The peer's own records get the address under which it is known.
    """

    def __init__(
        self, intake: Intake, answer: Answer, reached: Address, known_as: Address, came: Callable[[int], object]
    ) -> None:
        super().__init__(intake.slicer, self._take_record, MAX_INDEX, MAX_ROWS, came)
        self.bad = 0
        """Lines that are not records."""
        self._answer = answer
        self._retelling = intake.retelling
        self._reached = reached
        self._known_as = known_as

    def _take_record(self, line: str) -> None:
        try:
            record = parse_record(line)
        except BadRequest:
            self.bad += 1
            return
        if (record.host, record.port) == self._reached != self._known_as:
            record = replace(record, host=self._known_as[0], port=self._known_as[1])
        if (record.host, record.port) == self._known_as:
            self._retelling.first_hand(record)
        self._answer.add(record)


class IndexFetcher:
    """Fetches the indexes of peers."""

    log = Logger()

    def __init__(self, intake: Intake, own: Callable[[], Collection[Address]], came: Callable[[int], object]) -> None:
        """`own` returns this peer's addresses; `came` is called with the size of each part of an index."""
        self._intake = intake
        self._own = own
        self._came = came

    async def fetch(self, peer: KnownPeer, connection: ClientConnection) -> bool:
        """Fetch what `peer` has over `connection`; return whether it was too much, and cut off. Raises FetchError.

        The whole of it where nothing has answered in 1.1 lately: that message has no word of anybody else in it.
        """
        if connection.version is Version.V11:
            is_cut, peer.site = await peer.subscription.fetch(connection, self._came)
        else:
            is_cut = await self.fetch_all(peer, connection)
        if is_cut:
            self.log.info("{peer} sent too long an index; what came first counts", peer=peer.address)
        return is_cut

    async def fetch_all(self, peer: KnownPeer, connection: ClientConnection) -> bool:
        """Fetch the whole index of `peer`, with all its hearsay if it speaks 1.1; return and raise as `fetch` does."""
        reached = connection.transport.getPeer().host, peer.address[1]
        with self._intake.index.answer(peer.address, self._intake.now(), self._own()) as answer:
            sink = IndexSink(self._intake, answer, reached, peer.address, self._came)
            try:
                response, is_cut = await sink.read(connection, GetIndex(hearsay=True))
                sink.end()
            finally:
                sink.stop()
            answer.done(self._intake.now())
        if sink.bad:
            self.log.info("{peer} sent {bad} lines that are not records", peer=peer.address, bad=sink.bad)
        peer.version, peer.subscription.since = response.version, response.index or INITIAL_VERSION
        peer.site = response.site
        return is_cut
