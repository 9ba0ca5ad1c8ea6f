"""What a peer serves: its index, its files, and of both what the swarm needs (piece lists, next pieces, changes)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from ...library.catalogue import SharedFile
from ...library.pieces import DIGEST, piece_count, piece_range
from ...net.caller import Caller
from ...net.connection_state import Event
from ...net.factory import RequestFactory
from ...net.server import RequestConnection
from ...net.throttle import Throttle
from ...swarm.super_seeding import SuperSeeding
from ...wire.errors import BadRequest, FileNotFound, Forbidden
from ...wire.messages import Cancel, GetFile, GetIndex, GetNext, GetPieces, Hello, Probe, Request
from ..peers.arrivals import Arrivals
from ..peers.probing import Prober
from ..transfer_log import SentLog
from .content_store import ContentStore
from .file_sender import Sender, SendingStopped, file_sender
from .index_feed import IndexFeed

MOST_CONNECTIONS = 2_000
MOST_OF_ONE_HOST = 500
TURN = 0.02
LONGEST_TURN = 1.0
"""Seconds after which an asker that is ahead of the others is looked at again, and for which it waits at the most."""


class PeerConnection(RequestConnection):
    """A connection to this peer's server."""

    factory: PeerFactory
    lingers = True  # existing clients append lines to GET INDEX

    def __init__(self) -> None:
        super().__init__()
        self._cancelled: set[tuple[str | None, tuple[int, int] | None]] = set()
        self._follower: IndexFollower | None = None

    def answer(self, request: Request, caller: Caller) -> Deferred[Any] | None:
        """Serve the messages of peers; those of the RS are BadRequest."""
        message = request.message
        if isinstance(message, GetFile):
            return self._send_file(message, caller)
        if isinstance(message, GetNext):
            return Deferred.fromCoroutine(self._send_next_in_turn(message, caller))
        if isinstance(message, GetIndex):
            return self._send_index(message, request)
        if isinstance(message, GetPieces):
            digests = self.factory.content_store.piece_list(message.sha256)
            return self.send("".join(f"{d.hex()}\n" for d in _split(digests)).encode())
        if isinstance(message, Cancel):
            self.reply()
            return None
        if isinstance(message, Hello):
            if self.factory.arrivals is not None:
                self.factory.arrivals.hello(caller.address[0], request.host, message.port)
            self.reply()
            return None
        if isinstance(message, Probe):
            return Deferred.fromCoroutine(self._probe(message, request, caller))
        raise BadRequest("this is a peer: it serves GET INDEX and GET FILE; the rest is for the RS")

    def received(self, request: Request, waiting: Iterable[Request]) -> None:
        """A request has come while those in `waiting` wait: a Cancel counts at once."""
        message = request.message
        if isinstance(message, Cancel):
            key = message.sha256, message.byte_range
            if any(isinstance(w.message, GetFile) and (w.message.sha256, w.message.byte_range) == key for w in waiting):
                self._cancelled.add(key)

    def connectionLost(self, reason: Any = None) -> None:
        """The client asks no more."""
        super().connectionLost(reason)
        self.factory.super_seeding.gone(self)
        self.factory.sent_log.gone(self.caller)

    def end(self) -> None:
        """Close it so that a follower sees that this peer stops, and does not wait for it to be heard from again."""
        if self._follower is None or not self._follower.end():
            super().end()

    async def _probe(self, message: Probe, request: Request, caller: Caller) -> None:
        if self.factory.prober is None:
            raise Forbidden("nothing is tried here")
        line = await self.factory.prober.probe(caller.address[0], request.host, message.port)
        self.reply(f"{line}\n".encode())

    # the index

    def _send_index(self, message: GetIndex, request: Request) -> Deferred[Any] | None:
        if message.follow and message.since is not None:
            self._follower = IndexFollower(self, message.since)
            return self._follower.start()
        if message.since is not None:
            body, since = self.factory.index_feed.since(message.since, self.here)
            return self.send(body, since=since, index=self.factory.index_feed.version)
        return self.send(
            self.factory.content_store.body(self.here, request.version), index=self.factory.index_feed.version
        )

    # files

    def _send_file(self, message: GetFile, caller: Caller) -> Deferred[bool]:
        key = message.sha256, message.byte_range
        if key in self._cancelled:
            self._cancelled.remove(key)
            raise FileNotFound("cancelled")
        content_store = self.factory.content_store
        if message.sha256 is not None and message.byte_range is not None and content_store.parts:
            content = content_store.part(message.sha256, *message.byte_range)
            if content is not None:
                fd = content_store.open_part(content)
                return self._send_range(fd, content.size, content.sha256, message.byte_range, content.modified, caller)
        file = content_store.find(message.name, message.sha256)
        if message.byte_range and message.byte_range[1] >= file.size:
            raise BadRequest(f"the range goes beyond the {file.size} bytes of the file")
        fd = content_store.open(file)
        return self._send_range(fd, file.size, file.sha256, message.byte_range, file.modified, caller)

    def _send_range(
        self,
        fd: int,
        size: int,
        sha256: str,
        byte_range: tuple[int, int] | None,
        modified: int | None,
        caller: Caller,
    ) -> Deferred[bool]:
        first, last = byte_range or (0, size - 1)
        length = last - first + 1
        self.reply(length=length, size=size, sha256=sha256, byte_range=byte_range, modified=modified)
        self.factory.uploaded += length
        sender = file_sender(self.transport, fd, first, length, self.touch, self.factory.uplink)
        return self.factory.sent_log.sending(caller, sha256, sender, _unless_lost(sender))

    async def _send_next_in_turn(self, message: GetNext, caller: Caller) -> None:
        """Who is ahead of the others lets them catch up, for a moment."""
        waited = 0.0
        while self.factory.super_seeding.is_ahead(self) and waited < LONGEST_TURN:
            await deferLater(self.factory.clock, TURN)
            waited += TURN
        if not self.transport.disconnected:  # type: ignore[attr-defined]
            await self._send_next(message, caller)

    def _send_next(self, message: GetNext, caller: Caller) -> Deferred[None]:
        file, piece, fd = self._open_next(message)
        first, length = piece_range(file.size, piece)
        byte_range = first, first + length - 1
        sending = self._send_range(fd, file.size, file.sha256, byte_range, file.modified, caller)
        super_seeding = self.factory.super_seeding
        return sending.addCallback(lambda sent: None if sent else super_seeding.take_back(file.sha256, piece))

    def _open_next(self, message: GetNext) -> tuple[SharedFile, int, int]:
        """(file, piece, descriptor) of the first piece that was given to nobody, of a file that can be sent now.

        Raises FileNotFound: the one of the first file that cannot, if there is one.
        """
        content_store, super_seeding = self.factory.content_store, self.factory.super_seeding
        refused: FileNotFound | None = None
        for sha256, pieces in message.wants:
            given = None
            try:
                file = content_store.find("", sha256)
                given = super_seeding.next(self, [(sha256, pieces, piece_count(file.size))])
                if given is not None:
                    return file, given[1], content_store.open(file)
            except FileNotFound as e:
                if given is not None:
                    super_seeding.take_back(*given)
                refused = refused or e
        raise refused or FileNotFound("of these there is nothing here that has not been given out")


@implementer(IPushProducer)
class IndexFollower:
    """Answers on a connection whose client follows the index: one answer for each batch of changes.

    While the client does not read, it is not told; once it reads again, it is told what it has missed.
    """

    def __init__(self, connection: PeerConnection, since: str) -> None:
        self.here = connection.here
        self._connection = connection
        self._index_feed = connection.factory.index_feed
        self._since = since
        self._paused = False
        self._missed = False
        self._done: Deferred[None] = Deferred()

    def start(self) -> Deferred[None]:
        """Tell what has changed so far, then whatever changes. Fires when the client is gone."""
        self._connection.transport.registerProducer(self, True)  # type: ignore[attr-defined]
        self._index_feed.follow(self, self._since)
        return self._done

    def push(self, body: bytes, since: str | None, index: str) -> None:
        """Send changes (announcing.Follower)."""
        if self._paused:
            self._missed = True
            return
        self._since = index
        self._connection.touch()
        self._connection.reply(body, since=since, index=index)

    def end(self) -> bool:
        """Close the connection when all is sent; False, and nothing is done, if the client does not keep up."""
        if self._paused:
            return False
        self._connection.transport.unregisterProducer()  # type: ignore[attr-defined]
        self.stopProducing()
        self._connection.handle(Event.CLOSE)
        return True

    def pauseProducing(self) -> None:
        """The client does not keep up."""
        self._paused = True

    def resumeProducing(self) -> None:
        """The client has read what there was."""
        self._paused = False
        if self._missed:
            self._missed = False
            self._index_feed.catch_up(self, self._since)

    def stopProducing(self) -> None:
        """The client is gone."""
        self._index_feed.unfollow(self)
        if not self._done.called:
            self._done.callback(None)


def _unless_lost(sending: Sender) -> Deferred[bool]:
    """Fires when it is sent, with True, or the client is gone, with False."""
    return sending.start().addCallbacks(lambda _: True, lambda failure: failure.trap(SendingStopped) is None)


def _split(digests: bytes) -> list[bytes]:
    return [digests[i : i + DIGEST] for i in range(0, len(digests), DIGEST)]


class PeerFactory(RequestFactory):
    """Serves `content_store`, files at the rate of `uplink`. `uploaded` counts the bytes of files asked for."""

    protocol = PeerConnection  # type: ignore[assignment]

    def __init__(self, clock: IReactorTime, content_store: ContentStore, uplink: Throttle | None = None) -> None:
        super().__init__(clock, MOST_CONNECTIONS, MOST_OF_ONE_HOST)
        self.content_store = content_store
        self.index_feed = IndexFeed(clock, content_store)
        self.super_seeding = SuperSeeding()
        self.sent_log = SentLog(clock, content_store.name_of)
        self.uplink = uplink
        self.arrivals: Arrivals | None = None
        """Takes Hellos; without it they are answered, and that is all."""
        self.prober: Prober | None = None
        """Takes Probes; without it they are refused."""
        self.uploaded = 0
