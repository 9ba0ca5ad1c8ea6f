"""The downloading half of a simulated peer: the real picker and the real pool of sources, used as a real swarm does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from twisted.internet.defer import Deferred

from benchmarks.simulation.links import Link
from benchmarks.simulation.loop import Loop
from benchmarks.simulation.serving import Connection
from benchmarks.simulation.sizes import SHA256, Sizes
from p2p_twisted.events.publisher import Publisher
from p2p_twisted.net.errors import FetchError
from p2p_twisted.swarm.errors import Corrupt
from p2p_twisted.swarm.picker import Picker
from p2p_twisted.swarm.picker_state import NextRequest, PieceRequest
from p2p_twisted.swarm.piece_fetcher import MAX_HASH_FAILURES
from p2p_twisted.swarm.source import MIN_OUTSTANDING, Source
from p2p_twisted.swarm.source_pool import SourcePool
from p2p_twisted.swarm.turns import MAX_PAUSE
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.ranges import Bits


class Downloader:
    """Fetches one file from others. `got` is called with each piece that is new here."""

    def __init__(
        self,
        loop: Loop,
        links: tuple[Link, Link],
        sizes: Sizes,
        random: Random,
        connect: Callable[[Address], Awaitable[Any]],
        got: Callable[[int], None],
    ) -> None:
        self.loop = loop
        self.up, self.down = links
        self.ended: float | None = None
        """When it had the whole file (seconds)."""
        self.duplicates = 0
        """Pieces received that were here."""
        self.wrong = 0
        """Pieces received whose hash was not right."""
        self.useless = 0
        """Turns that were not used."""
        self.asked_bytes = self.messages = 0
        """Requests, and their bytes."""
        self._sizes = sizes
        self._got = got
        self._picker = Picker(random)
        self._picker.state.want(SHA256, sizes.count, sizes.all_pieces)
        self.pool = SourcePool(loop, connect, lambda _: 0, self._picker.state.is_seed, random, Publisher())

    # sources

    def add_source(self, address: Address, is_seed: bool = False) -> None:
        """Note that the peer at `address` has the file, or downloads it too."""
        if address in self.pool or self.ended is not None:
            return
        if is_seed:
            self._picker.state.add_seed(address, SHA256)
        else:
            self._picker.state.add_pieces(address, SHA256, 0)
        Deferred.fromCoroutine(self._use(self.pool.add(address))).addErrback(self.loop.fail)

    async def _use(self, source: Source) -> None:
        """Keep `source` connected and busy until this downloader has the file."""
        while self.ended is None and source.banned is None:
            try:
                await self.pool.connect(source)
                connection: Any = source.connection
                connection.used_by(self, source.address)
                self._ask(connection, news=True)
                why = await source.lost
            except FetchError as e:
                why = e
            if self.ended is None:
                self.pool.lost(source, why)
                self._release(source)

    def _release(self, source: Source) -> None:
        """Let others be asked for what was requested of `source`, whose connection is lost."""
        for request in source.outstanding.values():
            if isinstance(request, PieceRequest):
                self._picker.release(source.address, SHA256, request.piece)
        source.outstanding.clear()

    def tick(self) -> None:
        """Try sources again whose time has come; to be called each second."""
        self.pool.tick()

    # requests

    def _ask(self, connection: Connection, news: bool) -> None:
        """Ask for the next pieces of a seed, else for a turn."""
        if self.ended is not None or connection.closed:
            return
        while connection.nexts < MIN_OUTSTANDING:
            request = self._picker.next_super_seeded(connection.address, self.loop.now)
            if request is None:
                break
            connection.nexts += 1
            self._send(connection, self._sizes.get_next(request.wants), connection.server.get_next, request)
        else:
            return
        if not connection.nexts:
            self._send(connection, self._sizes.get_turn, connection.server.get_turn, news)

    def _send(self, connection: Connection, size: int, request: Callable[..., None], argument: object) -> None:
        self.messages += 1
        self.asked_bytes += size
        now = self.loop.now
        self.loop.at(now + self.up.delay(now) + connection.latency, request, connection, argument)

    # answers

    def turn(self, connection: Connection, turns: int, news: Bits) -> None:
        """Request pieces while it is the turn of this downloader, and the next turn in the same write."""
        if self.ended is not None or connection.closed:
            return
        now = self.loop.now
        if news:
            self._picker.state.add_pieces(connection.address, SHA256, news)
        for used in range(turns):
            request = self._picker.next_piece(connection.address, now)
            if request is None:
                self.useless += not used
                self.pool.note_turn(used=False)
                self.loop.at(now + min(connection.piece_seconds / 2, MAX_PAUSE), self._ask_again, connection)
                return
            self._outstanding(connection)[request.piece] = request
            self._send(connection, self._sizes.get_file, connection.server.get_file, request.piece)
            self.pool.note_turn(used=True)
        self._ask_again(connection)

    def _outstanding(self, connection: Connection) -> Any:
        """Return the requests that the peer at the other end has not answered, each by its piece here."""
        return self.pool[connection.address].outstanding

    def _ask_again(self, connection: Connection) -> None:
        """Ask for the next turn: at once if something is needed, else when there is news."""
        self._ask(connection, news=not self._picker.needs(connection.address, self.loop.now))

    def begun(self, connection: Connection, piece: int) -> None:
        """Note the piece that the seed has chosen."""
        self._picker.started(connection.address, SHA256, piece, self.loop.now)

    def none_left(self, connection: Connection, request: NextRequest) -> None:
        """Ask the seed for turns from now on."""
        self._picker.refused(connection.address, request)
        connection.nexts -= 1
        self._ask(connection, news=False)

    def receive(self, connection: Connection, piece: int) -> None:
        """Take a piece when it is through the downlink."""
        connection.piece_seconds = connection.server.up.time(self._sizes.piece)
        through = self.down.take(self._sizes.piece, self.loop.now)
        if through > self.loop.now:
            self.loop.at(through, self._keep, connection, piece)
        else:
            self._keep(connection, piece)

    def _keep(self, connection: Connection, piece: int) -> None:
        self._outstanding(connection).pop(piece, None)
        if connection.nexts:
            connection.nexts -= 1
            self._ask(connection, news=False)
        wanted = self._picker.state.files[SHA256]
        if connection.server.is_corrupt:
            self._hash_failed(connection, piece)
            return
        if not wanted.missing >> piece & 1:
            self.duplicates += 1
            return
        self._picker.verified(SHA256, piece)
        if not wanted.missing:
            self.ended = self.loop.now
            self.pool.close()
        self._got(piece)

    def _hash_failed(self, connection: Connection, piece: int) -> None:
        """Do not ask the same peer for it again; ban the peer if it was one too many."""
        source = self.pool[connection.address]
        self.wrong += 1
        source.hash_failures += 1
        self._picker.hash_failed(connection.address, SHA256, piece)
        if source.hash_failures >= MAX_HASH_FAILURES and source.banned is None:
            self.pool.ban(source, Corrupt("hash failures"))
            self._picker.remove_source(connection.address)
