"""Turns at the sources of a swarm: asked for, waited for, and used for the piece that is the rarest at that moment.

A source has many downloaders. It says when one may ask, and which pieces it has got meanwhile (protocol, "GET TURN").
So each piece is chosen at the last moment, and nobody needs to tell everybody of each.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ..net.errors import FetchError, Garbled, Refused
from ..net.receiving import Collect
from ..wire.changes import Have, parse_change
from ..wire.errors import BadRequest
from ..wire.limits import MAX_DATA
from ..wire.messages import GetTurn
from ..wire.ranges import from_ranges
from .picker import Picker
from .picker_state import Request
from .source import NotNeeded, Source
from .source_pool import SourcePool
from .swarm_files import SwarmFiles

MIN_PIECES = 16
"""Pieces of its largest file from which on a swarm takes turns. Small files are requested ahead: a turn for each would
take longer than the file."""
MAX_NEWS = 64 * MAX_DATA
"""Bytes of news that one answer may have."""
MAX_USELESS, USELESS_DELAY = 4, 0.5
"""Answers in a row, at once and to no use, after which a source is asked again only after so many seconds."""
MAX_PAUSE = 0.1
"""Most seconds after a turn to no use until the next is asked for: half the time of a piece, so that it tells of more
than one new piece. After longer pauses a swarm would take longer, after shorter ones more turns would be to no use."""
PROMPT = 0.05
"""Seconds within which an answer comes at once."""


class TurnsUnknown(NotNeeded):
    """The source closed the connection: it does not know the message. It is asked for pieces without turns."""


class Fetcher(Protocol):
    """The part of a `PieceFetcher` that uses turns."""

    def fetch(self, source: Source, request: Request) -> None:
        """Fetch a piece from `source`."""

    def fill_requests(self, source: Source) -> None:
        """Send `source` what may be sent now."""

    def start(self, work: Coroutine[Deferred[Any], Any, None]) -> None:
        """Start `work`."""


class Turns:
    """Uses the turns of all sources of a swarm."""

    def __init__(
        self, clock: IReactorTime, files: SwarmFiles, sources: SourcePool, picker: Picker, fetcher: Fetcher
    ) -> None:
        self._clock = clock
        self._files = files
        self._sources = sources
        self._picker = picker
        self._fetcher = fetcher

    def use(self, source: Source) -> None:
        """Ask `source` for pieces if it is this peer's turn; ask for the next turn."""
        now = self._clock.seconds()
        if source.connection is None or source.snubbed:
            return
        while source.turns > 0:
            source.turns -= 1
            request = self._picker.next_piece(source.address, now)
            if request is None:
                source.turns = 0
                self._sources.note_turn(used=False)
                self._pause(source, now)
                break
            self._fetcher.fetch(source, request)
            self._sources.note_turn(used=True)  # after it: one of which something is requested keeps its place
        if now < source.turn_at or len(source.waits) > 1 or not all(turn.news for turn in source.waits):
            return
        if self._picker.needs(source.address, now):
            self._fetcher.start(self._wait(source, GetTurn()))
        elif not source.waits:
            self._fetcher.start(self._wait(source, GetTurn(news=True)))

    def _pause(self, source: Source, now: float) -> None:
        """Ask `source` for the next turn a little later."""
        pause = min(source.piece_seconds / 2, MAX_PAUSE)
        if pause > 0 and source.turn_at < now + pause:
            source.turn_at = now + pause
            self._clock.callLater(pause, self._fetcher.fill_requests, source)

    async def _wait(self, source: Source, message: GetTurn) -> None:
        """Wait for a turn, and use it."""
        connection, asked_at = source.connection, self._clock.seconds()
        assert connection is not None
        source.waits.append(message)
        news = Collect(MAX_NEWS)
        try:
            response = await connection.request(message, news)
            self._hear(source, news.take())
        except Refused as e:
            if e.status != Refused.NOT_FOUND:
                source.takes_turns = False
                return source.disconnect(connection, TurnsUnknown("it does not know GET TURN"))
            turns, heard = 0, False
        except FetchError as e:
            return source.disconnect(connection, e)
        else:
            turns, heard = response.turns or 1, bool(response.length)
        if connection is not source.connection:
            return
        source.waits.remove(message)
        source.turns = turns
        now = self._clock.seconds()
        is_useful = heard or now - asked_at >= PROMPT or self._picker.needs(source.address, now)
        source.useless_turns = 0 if is_useful else source.useless_turns + 1
        if source.useless_turns >= MAX_USELESS:
            source.turn_at = now + USELESS_DELAY
        self._fetcher.fill_requests(source)

    def _hear(self, source: Source, news: bytes) -> None:
        """Note which pieces `source` has got, of the files that it is known to take part in. Raises Garbled."""
        try:
            for line in news.decode().splitlines():
                change = parse_change(line)
                storage = self._files.storages.get(change.sha256 or "") if isinstance(change, Have) else None
                if not isinstance(change, Have) or storage is None or storage.size != change.size:
                    continue
                if self._picker.state.has(source.address, change.sha256):
                    pieces = from_ranges(change.pieces, storage.count)
                    self._picker.state.add_pieces(source.address, change.sha256, pieces)
        except (BadRequest, UnicodeDecodeError):
            raise Garbled("what it tells of its pieces is none of the changes of an index") from None
