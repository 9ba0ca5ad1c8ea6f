"""The serving half of a simulated peer: the real queue of turns and uploads, and the real super-seeding."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from twisted.internet.defer import Deferred

from benchmarks.simulation.links import Link, Transfer
from benchmarks.simulation.loop import Loop
from benchmarks.simulation.sizes import Sizes
from p2p_twisted.peer.serving.upload_queue import UploadQueue
from p2p_twisted.swarm.picker_state import NextRequest
from p2p_twisted.swarm.super_seeding import SuperSeeding
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.ranges import Bits


class Client(Protocol):
    """The downloader at the other end of a connection."""

    up: Link
    down: Link

    def turn(self, connection: Connection, turns: int, news: Bits) -> None:
        """Take the answer to a request for a turn."""

    def begun(self, connection: Connection, piece: int) -> None:
        """Take the head of an answer with a piece that the server has chosen."""

    def receive(self, connection: Connection, piece: int) -> None:
        """Take a piece, whose last byte has come to the downlink."""

    def none_left(self, connection: Connection, request: NextRequest) -> None:
        """Take the answer that all pieces are out."""


@dataclass(eq=False, slots=True)
class Connection:
    """One downloader's connection to one server; an `Uploader` to the real queue."""

    server: Server
    latency: float
    """Seconds that a message takes from one end to the other."""
    client: Client = field(init=False)
    address: Address = field(init=False)
    """Where the server is."""
    closed: bool = False
    told: Bits = 0
    """Pieces that the downloader has been told of."""
    nexts: int = 0
    """Requests for the next piece that the downloader has sent and that are not answered."""
    waiting: deque[NextRequest] = field(default_factory=deque)
    """Those that the server has got, the first of which it deals with."""
    queued: int = 0
    """Pieces that it has requested, and that do not go yet."""
    turn_after: bool | None = None
    """The request for a turn that comes after those: whether only for news."""
    sending: deque[Transfer] = field(default_factory=deque)
    piece_seconds: float = 0.0
    """The time from the first to the last byte of the last piece."""

    def used_by(self, client: Client, address: Address) -> None:
        """Note the downloader, and where it has found the server."""
        self.client, self.address = client, address

    def close(self) -> None:
        """Close the connection at the end of the downloader."""
        self.closed = True
        self.server.loop.at(self.server.loop.now + self.latency, self.server.close, self)

    def unsent(self) -> int:
        """Return the bytes that the downloader has not acknowledged: a round trip ago they had not left."""
        if not self.sending:
            return 0
        now = self.server.loop.now
        then = now - 2 * self.latency - self.client.up.delay(now)
        while self.sending and self.sending[0].left <= then:
            self.sending.popleft()
        return sum(one.unsent(then) for one in self.sending)


class Server:
    """Gives turns and sends the pieces of one file; a seed has all of them from the beginning."""

    def __init__(self, loop: Loop, up: Link, sizes: Sizes, random: Random, is_seed: bool) -> None:
        self.loop = loop
        self.up = up
        self.has: Bits = sizes.all_pieces if is_seed else 0
        self.connections = 0
        self.is_corrupt = False
        """Whether what it sends is garbage."""
        self.told_bytes = self.messages = 0
        """Answers, and their bytes other than those of pieces."""
        self._sizes = sizes
        self._queue = UploadQueue(loop, random)
        self._seeding = SuperSeeding()
        self._queue.precedence.ranks = self._seeding.unspread
        self._queue.precedence.is_suspect = self._seeding.is_suspect

    def add(self, piece: int) -> None:
        """Have one piece more, and tell those that wait for news."""
        self.has |= 1 << piece
        self._queue.hear_news()

    def announce(self, latency: float, hear: Callable[[], None]) -> None:
        """Tell a follower, which is `latency` seconds away, that this peer takes part."""
        self.messages += 1
        self.told_bytes += self._sizes.announcement
        now = self.loop.now
        self.loop.at(now + self.up.delay(now) + latency, hear)

    def close(self, connection: Connection) -> None:
        """Forget the downloader, which has closed its connection."""
        self.connections -= 1
        self._queue.remove(connection)
        self._seeding.remove(connection)

    # requests

    def get_turn(self, connection: Connection, news: bool) -> None:
        """Answer when it is the turn of `connection`; with `news`, not before there is something it was not told."""
        if connection.closed:
            return
        if connection.queued:
            connection.turn_after = news  # one answer after the other
            return
        ready = bool(self.has & ~connection.told) or not news
        turn = self._queue.wait(connection, ready)
        turn.addCallback(lambda turns: self._give_turn(connection, turns)).addErrback(self.loop.fail)

    def _give_turn(self, connection: Connection, turns: int) -> None:
        news = self.has & ~connection.told
        connection.told = self.has
        self.told_bytes += self._sizes.turn(news)
        self._say(connection, connection.client.turn, turns, news)

    def _say(self, connection: Connection, answer: Callable[..., None], *args: object) -> None:
        """Send an answer without a piece."""
        self.messages += 1
        now = self.loop.now
        self.loop.at(now + self.up.delay(now) + connection.latency, answer, connection, *args)

    def get_file(self, connection: Connection, piece: int) -> None:
        """Send the piece when those before it have nearly left."""
        if connection.closed:
            return
        connection.queued += 1
        start = self._queue.start(connection, self._sizes.piece_bytes)
        start.addCallback(lambda _: self._send_file(connection, piece)).addErrback(self.loop.fail)

    def _send_file(self, connection: Connection, piece: int) -> None:
        self._send(connection, piece)
        connection.queued -= 1
        if not connection.queued and connection.turn_after is not None:
            news, connection.turn_after = connection.turn_after, None
            self.get_turn(connection, news)

    def get_next(self, connection: Connection, request: NextRequest) -> None:
        """Send a piece that was given to nobody, chosen when those before it have nearly left."""
        self._seeding.hear(connection, request.wants)
        connection.waiting.append(request)
        if len(connection.waiting) == 1:
            Deferred.fromCoroutine(self._send_nexts(connection)).addErrback(self.loop.fail)

    async def _send_nexts(self, connection: Connection) -> None:
        """Answer the requests for the next piece one after the other."""
        while connection.waiting and not connection.closed:
            await self._send_next(connection, connection.waiting[0])
            connection.waiting.popleft()

    async def _send_next(self, connection: Connection, request: NextRequest) -> None:
        while not await self._queue.wait(connection, True):
            pass
        await self._queue.start(connection, self._sizes.piece_bytes)
        wants = [(sha256, pieces, self._sizes.count) for sha256, pieces in request.wants]
        given = self._seeding.next(connection, wants)
        if given is None:
            self._say(connection, connection.client.none_left, request)
        else:
            sent = self._send(connection, given[1])
            self.loop.at(sent.begun + connection.latency, connection.client.begun, connection, given[1])

    def _send(self, connection: Connection, piece: int) -> Transfer:
        self.messages += 1
        self.told_bytes += self._sizes.piece - self._sizes.piece_bytes
        sent = self.up.send(self._sizes.piece, self.loop.now)
        connection.sending.append(sent)
        self.loop.at(sent.left + connection.latency, connection.client.receive, connection, piece)
        return sent
